"""What the text of a message shows of its worth as evidence, whatever the query: times, numbers, statements, length."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import NamedTuple

_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
_DAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_TIME = re.compile(
    rf"\b(?:yesterday|today|tomorrow|tonight|ago|last|next|weeks?|weekend|months?|years?|days?|morning|evening|night|recently|since"
    rf"|summer|winter|spring|fall|autumn|{_DAYS}|{_MONTHS})\b|\b(?:19|20)\d\d\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\b(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|once|twice|first|second|third|couple|few|several)\b",
    re.IGNORECASE,
)
_FIRST_PERSON = re.compile(r"\b(?:I|I['\u2019](?:m|d|ve|ll)|[Mm]y|[Ww]e|[Oo]ur|me)\b")
_PAST = re.compile(
    r"\b(?:\w{2,}ed|was|were|went|got|had|did|made|took|found|saw|bought|met|gave|said|came|felt|left|won|began|thought)\b"
)
_LABEL = re.compile(r"([^\W\d_][\w.'\u2019-]*(?: [^\W\d_][\w.'\u2019-]*){0,2}): ")

_MEAN_LENGTH = 3.0
_LENGTH_SPREAD = 0.8
"""Mean and spread of ln(1 + words) over chat messages, so that the trait is a z-score."""
_LONGEST = 1.5
"""From here on length says nothing more: a pasted document is no better evidence than a paragraph."""
_MOST_PAST = 4
READ_CHARS = 1_000
"""How much of a text is read."""


class Traits(NamedTuple):
    """
    *speaker* is the case-folded label in a text such as `Ann: hello`, empty when there is none. The numbers are 0 or 1, but
    for *past*, how many verbs stand in the past, and *length*, a z-score of the logarithm of the number of words.
    """

    speaker: str
    time: float
    number: float
    question: float
    first_person: float
    past: float
    length: float

    @property
    def numbers(self) -> tuple[float, ...]:
        """All but the speaker, in the order above."""
        return self[1:]


def traits_of(text: str) -> Traits:
    """Return the traits of a message's *text*, by its first words."""
    return _traits_of(text[:READ_CHARS])


# a recall of one user meets the same messages again and again
@lru_cache(maxsize=8_192)
def _traits_of(text: str) -> Traits:
    label = _LABEL.match(text)
    length = (math.log1p(text.count(" ") + 1) - _MEAN_LENGTH) / _LENGTH_SPREAD
    return Traits(
        speaker=label.group(1).casefold() if label else "",
        time=float(bool(_TIME.search(text))),
        number=float(bool(_NUMBER.search(text))),
        question=float("?" in text),
        first_person=float(bool(_FIRST_PERSON.search(text))),
        past=float(min(_MOST_PAST, sum(1 for _ in _PAST.finditer(text)))),
        length=max(-2.0, min(_LONGEST, length)),
    )
