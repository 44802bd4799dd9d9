"""Sentences of chat text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sentencex import segment

MAX_SENTENCES = 300
"""How many sentences of one message are read."""

_AFTER_SIGN = re.compile(r"(?<=[!?…])[\"')]*\s+(?=[^\W\d_]|\[)|(?<=[!?…])\s*(?=[\U0001F300-\U0001FAFF☀-➿]\s*[^\W\d_])")
_AFTER_SMILEY = re.compile(r"(?<=\s[:;][)(DPp])\s+|(?<=\s[:;]-[)(DPp])\s+|(?<=[\U0001F300-\U0001FAFF])\s+(?=[A-ZÀ-Þ])")
_AFTER_DOTS = re.compile(r"(?<=\.\.\.)\s+(?=[A-ZÀ-Þ])")
_JOINED = re.compile(r"(?<=[a-zà-ÿ][.!?])(?=[A-ZÀ-Þ][a-zà-ÿ' ])")
_RUN_ON = re.compile(r"\s*(?:;|\s[\u2013\u2014]\s)\s*(?=(?:I|I'm|I've|My|my|we|We)\b)")
_SIGNS = re.compile(r"(?<!\w)[:;]-?[)(DPp](?!\w)|[\U0001F000-\U0001FAFF☀-➿\ufe0f\u200d]")


def sentences(lines: Sequence[str], language: str) -> list[str]:
    """Return the sentences of *lines*, in order; no sentence goes over the end of a line. Smileys are dropped."""
    found: list[str] = []
    for line in lines:
        for part in segment(language, _JOINED.sub(" ", line)):
            pieces = [part]
            for cut in (_AFTER_SMILEY, _AFTER_SIGN, _AFTER_DOTS, _RUN_ON):
                pieces = [piece for whole in pieces for piece in cut.split(whole)]
            found.extend(plain for piece in pieces if (plain := " ".join(_SIGNS.sub(" ", piece).split())))
            if len(found) >= MAX_SENTENCES:
                return found[:MAX_SENTENCES]
    return found
