"""Words that are forms of one word, as far as their letters show it; for any language written with letters."""

from __future__ import annotations

import re

_CHINESE, _KATAKANA, _HIRAGANA = r"\u3005\u4e00-\u9fff", r"\u30a0-\u30ff", r"\u3040-\u309f"
WORD = re.compile(
    rf"[{_CHINESE}]+|[{_KATAKANA}]+|[{_HIRAGANA}]+|[^\W_{_CHINESE}{_KATAKANA}{_HIRAGANA}]+(?:['-][^\W_]+)*",
)
"""A word; where none is parted from the next by a space, a run of one kind of signs."""
_DIGIT = re.compile(r"\d")
_ENDING = re.compile(r"(?:'s|ing|ed|es|s|e|en|er|n|a|o)$")
_PREFIX = 5


def stems(text: str) -> frozenset[str]:
    """Return the words of *text* without their endings; numbers stay whole."""
    return frozenset(_stem(word) for word in WORD.findall(text.lower()))


def covered(stem: str, by: frozenset[str]) -> bool:
    """
    Return whether *stem*, or another form of its word, is among *by*: the first five letters, and little after them. A number has
    no other form.
    """
    if stem in by:
        return True
    if len(stem) < _PREFIX or _DIGIT.search(stem):
        return False
    return any(other[:_PREFIX] == stem[:_PREFIX] and abs(len(other) - len(stem)) <= 4 for other in by)


def covers(more: frozenset[str], fewer: frozenset[str]) -> bool:
    """Return whether every stem of *fewer* is covered by *more*."""
    return all(covered(stem, more) for stem in fewer)


def _stem(word: str) -> str:
    if len(word) < 4 or _DIGIT.search(word):
        return word
    return _ENDING.sub("", _ENDING.sub("", word, count=1) if word.endswith("'s") else word, count=1)
