"""
Where things stand in a JSON text, so that bytes can be put into it and the rest stays as the client wrote it.

A text is read twice: by orjson for what it says, and here for where it says it. Everything here takes a text that orjson has
read, so it is known to be well formed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import orjson

_SPACE = re.compile(rb"[ \t\n\r]*+")
_TEXT = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_STRING = re.compile(_TEXT, re.DOTALL)
_SCALAR = re.compile(rb"[^\s,\]}]++")
# a container without another one in it is one step, which makes a long conversation four times faster to pass over
_STEP = re.compile(
    rb"\{(?:[^{}\[\]\"]++|" + _TEXT + rb")*+\}|\[(?:[^{}\[\]\"]++|" + _TEXT + rb")*+\]|" + _TEXT + rb"|[\[\]{}]", re.DOTALL
)
_QUOTE, _COMMA = ord('"'), ord(",")
_OPENING, _CLOSING = frozenset(b"[{"), frozenset(b"]}")


class NotAnObject(ValueError):
    """The text is no JSON object."""


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from *start* up to *stop*."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an object: where its key begins, and its value."""

    start: int
    value: Span


@dataclass(frozen=True, slots=True)
class Splice:
    """*insert* in place of the *removed* bytes at *at*."""

    at: int
    insert: bytes = b""
    removed: int = 0


class JsonText:
    """A JSON object as text and as value."""

    def __init__(self, text: bytes) -> None:
        """Read *text*. NotAnObject when it is something else."""
        self.text = text
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise NotAnObject(error.msg) from error
        if not isinstance(value, dict):
            raise NotAnObject("not a JSON object")
        self.value: dict[str, Any] = value
        self.start = _after_space(text, 0)

    @cached_property
    def members(self) -> Mapping[str, Member]:
        """Where the members of the top level stand; of a repeated key the last. The first look passes over the whole text."""
        return members_of(self.text, self.start)

    def insert_member(self, name: str, value: Any) -> Splice:
        """Return what makes *name* the first member. The object has members and none of this name."""
        return Splice(self.start + 1, orjson.dumps(name) + b":" + orjson.dumps(value) + b",")

    def append_element(self, array: Span, element: Any) -> Splice:
        """Return what adds *element* at the end of an *array*."""
        last = _before_space(self.text, array.stop - 1)
        comma = b"" if last == array.start + 1 else b","
        return Splice(last, comma + orjson.dumps(element))

    def insert_element(self, name: str, index: int, element: Any) -> Splice:
        """Return what puts *element* before that with the place *index* in the array *name*, or at the end when there is none."""
        array = self.members[name].value
        if index >= len(self.value[name]):
            return self.append_element(array, element)
        behind = next(islice(elements_of(self.text, array.start), index, None))
        return Splice(behind.start, orjson.dumps(element) + b",")

    def append_text(self, string: Span, text: str) -> Splice:
        """Return what adds *text* at the end of a *string*."""
        return Splice(string.stop - 1, orjson.dumps(text)[1:-1])

    def remove_member(self, name: str) -> Splice:
        """Return what takes out the member *name* and one comma beside it."""
        member = self.members[name]
        after = _after_space(self.text, member.value.stop)
        if self.text[after] == _COMMA:
            return Splice(member.start, removed=_after_space(self.text, after + 1) - member.start)
        before = _before_space(self.text, member.start)
        start = before - 1 if self.text[before - 1] == _COMMA else member.start
        return Splice(start, removed=member.value.stop - start)


def spliced(text: bytes, splices: Iterable[Splice]) -> bytes:
    """Return *text* with *splices* made, which do not overlap. At one place insertions come before a removal, as given."""
    pieces: list[bytes] = []
    done = 0
    for splice in sorted(splices, key=lambda splice: (splice.at, splice.removed)):
        pieces += (text[done : splice.at], splice.insert)
        done = splice.at + splice.removed
    return b"".join((*pieces, text[done:]))


def members_of(text: bytes, start: int) -> dict[str, Member]:
    """Return the members of the object that begins at *start*, by their decoded keys."""
    members: dict[str, Member] = {}
    at = _after_space(text, start + 1)
    while text[at] == _QUOTE:
        key_stop = _value_stop(text, at)
        value_start = _after_space(text, _after_space(text, key_stop) + 1)
        value_stop = _value_stop(text, value_start)
        members[orjson.loads(text[at:key_stop])] = Member(at, Span(value_start, value_stop))
        at = _after_space(text, value_stop)
        if text[at] == _COMMA:
            at = _after_space(text, at + 1)
    return members


def elements_of(text: bytes, start: int) -> Iterator[Span]:
    """Yield the elements of the array that begins at *start*."""
    at = _after_space(text, start + 1)
    while text[at] not in _CLOSING:
        stop = _value_stop(text, at)
        yield Span(at, stop)
        at = _after_space(text, stop)
        if text[at] == _COMMA:
            at = _after_space(text, at + 1)


def _value_stop(text: bytes, start: int) -> int:
    """Return where the value that begins at *start* ends."""
    first = text[start]
    if first == _QUOTE:
        return _matched(_STRING, text, start)
    if first not in _OPENING:
        return _matched(_SCALAR, text, start)
    depth = 0
    for step in _STEP.finditer(text, start):
        begin, stop = step.span()
        if stop - begin == 1:
            depth += 1 if text[begin] in _OPENING else -1
        if depth == 0:
            return stop
    raise ValueError("the text was not read before")


def _matched(pattern: re.Pattern[bytes], text: bytes, start: int) -> int:
    """Return where *pattern* ends when it begins at *start*. ValueError when it does not match."""
    match = pattern.match(text, start)
    if match is None:
        raise ValueError("the text was not read before")
    return match.end()


def _after_space(text: bytes, at: int) -> int:
    """Return the first place from *at* on that is no space."""
    return _matched(_SPACE, text, at)


def _before_space(text: bytes, at: int) -> int:
    """Return the place after the last byte before *at* that is no space."""
    while text[at - 1] in b" \t\n\r":
        at -= 1
    return at
