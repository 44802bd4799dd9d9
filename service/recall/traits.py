"""What the text of a message shows of its worth as evidence, whatever the query: times, numbers, statements, length."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import NamedTuple

_WORD = re.compile(r"\w+")
_TIMES = frozenset(
    _WORD.findall(
        "yesterday today tomorrow tonight ago last next week weeks weekend month months year years day days morning evening night"
        " recently since summer winter spring fall autumn monday tuesday wednesday thursday friday saturday sunday january"
        " february march april may june july august september october november december"
    )
)
_CENTURIES = ("19", "20")
_YEAR_DIGITS = 4
_NUMBERS = frozenset(
    _WORD.findall("one two three four five six seven eight nine ten once twice first second third couple few several")
)
_FIRST_PERSON = frozenset(_WORD.findall("I My my We we Our our me"))
"""As they are written; what follows an apostrophe, as in "I'm", is a word of its own."""
_PAST = frozenset(
    _WORD.findall("was were went got had did made took found saw bought met gave said came felt left won began thought")
)
_SHORTEST_PAST = 4
"""So many letters a verb that ends in "ed" has at least."""
_LABEL = re.compile(r"([^\W\d_][\w.'\u2019-]*(?: [^\W\d_][\w.'\u2019-]*){0,2}): ")

_MEAN_LENGTH = 3.0
_LENGTH_SPREAD = 0.8
"""Mean and spread of ln(1 + words) over chat messages, so that the trait is a z-score."""
_LONGEST = 1.5
"""From here on length says nothing more: a pasted document is no better evidence than a paragraph."""
_MOST_PAST = 4
_FULL_WORDS = 60
"""Up to so many words a trait counts in full: in a longer text something of the kind stands anywhere, whatever it tells."""
READ_CHARS = 1_000
"""How much of a text is read."""


class Traits(NamedTuple):
    """
    *speaker* is the case-folded label in a text such as `Ann: hello`, empty when there is none. The numbers are 0 or 1, but
    for *past*, how many verbs stand in the past, and *length*, a z-score of the logarithm of the number of words; in a long text
    all of them are less.
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
@lru_cache(maxsize=16_384)
def _traits_of(text: str) -> Traits:
    label = _LABEL.match(text)
    # looked up word by word: patterns of a hundred words each take three times as long
    written = _WORD.findall(text)
    words = {word.lower() for word in written}
    digits = [word for word in words if word.isdecimal()]
    count = text.count(" ") + 1
    length = (math.log1p(count) - _MEAN_LENGTH) / _LENGTH_SPREAD
    share = min(1.0, _FULL_WORDS / count)
    return Traits(
        speaker=label.group(1).casefold() if label else "",
        time=share * (not _TIMES.isdisjoint(words) or any(map(_is_year, digits))),
        number=share * (bool(digits) or not _NUMBERS.isdisjoint(words)),
        question=share * ("?" in text),
        first_person=share * (not _FIRST_PERSON.isdisjoint(written)),
        past=share * min(_MOST_PAST, sum(map(_is_past, written))),
        length=share * max(-2.0, min(_LONGEST, length)),
    )


def _is_year(digits: str) -> bool:
    return len(digits) == _YEAR_DIGITS and digits.startswith(_CENTURIES)


def _is_past(word: str) -> bool:
    return word in _PAST or (word.endswith("ed") and len(word) >= _SHORTEST_PAST)
