"""
What a message shows of its worth as evidence, whatever the query: times, numbers, statements, length, who says it and when.

Traits are numbers, so that the index can keep them beside the vectors: a recall ranks by them before it reads a message.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Sequence
from typing import NamedTuple

from service.domain.sessions import Message, MessageRole

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
    What ranking looks at, in the order in which the index keeps it: TRAIT_COUNT numbers.

    Of the text: whether it is *dated*, has a *number*, is a *question* and in the *first_person*, 0 or 1; how many verbs stand in
    the *past*; and *length*, a z-score of the logarithm of the number of words; in a long text all of them are less. Then who
    wrote it, as `role_number`, and when, in seconds since 1970; and of a text such as `Ann Lee: hello` the `name_number` of the
    label and of its first word, 0 where there is none.
    """

    dated: float
    number: float
    question: float
    first_person: float
    past: float
    length: float
    role: float
    said: float
    speaker: float
    called: float


_ROLES = {role: float(number) for number, role in enumerate(MessageRole)}


def role_number(role: MessageRole) -> float:
    """Return the number that stands for a role."""
    return _ROLES[role]


def name_number(name: str) -> float:
    """Return the number that stands for a name, never 0: its checksum, since the index keeps nobody's words."""
    return 1.0 + zlib.crc32(name.encode())


def traits_of(message: Message) -> Traits:
    """Return the traits of a message, those of its text by its first words."""
    text = message.content[:READ_CHARS]
    label = _LABEL.match(text)
    speaker = label.group(1).casefold() if label else ""
    names = (name_number(speaker), name_number(speaker.split(maxsplit=1)[0])) if speaker else (0.0, 0.0)
    return Traits._make((*_of_text(text), role_number(message.role), message.timestamp.timestamp(), *names))


def _of_text(text: str) -> Sequence[float]:
    """Return those of the traits that are of the text, in their order."""
    # looked up word by word: patterns of a hundred words each take three times as long
    written = _WORD.findall(text)
    words = {word.lower() for word in written}
    digits = [word for word in words if word.isdecimal()]
    count = text.count(" ") + 1
    length = (math.log1p(count) - _MEAN_LENGTH) / _LENGTH_SPREAD
    share = min(1.0, _FULL_WORDS / count)
    dated = not _TIMES.isdisjoint(words) or any(map(_is_year, digits))
    number = bool(digits) or not _NUMBERS.isdisjoint(words)
    first_person = not _FIRST_PERSON.isdisjoint(written)
    past = min(_MOST_PAST, sum(map(_is_past, written)))
    traits = (dated, number, "?" in text, first_person, past, max(-2.0, min(_LONGEST, length)))
    return [share * trait for trait in traits]


def _is_year(digits: str) -> bool:
    return len(digits) == _YEAR_DIGITS and digits.startswith(_CENTURIES)


def _is_past(word: str) -> bool:
    return word in _PAST or (word.endswith("ed") and len(word) >= _SHORTEST_PAST)
