"""Small values that several nouns share: JSON objects, pages, the rule of a metadata filter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
JsonObject: TypeAlias = Mapping[str, Json]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """Which part of a list is wanted: skip *offset* items, return at most *limit*."""

    offset: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """A part of a list, with the *total* of all that matched."""

    items: Sequence[T]
    offset: int
    total: int

    @property
    def has_more(self) -> bool:
        """Whether anything follows this page."""
        return self.offset + len(self.items) < self.total


def contains(value: Json, pattern: Json) -> bool:
    """
    Return whether *value* contains *pattern*: objects key by key, arrays by containment of each element, scalars equal and of
    the same kind (`1` is not `"1"` and not `true`).
    """
    if isinstance(pattern, Mapping):
        return isinstance(value, Mapping) and all(
            key in value and contains(value[key], wanted) for key, wanted in pattern.items()
        )
    if isinstance(pattern, Sequence) and not isinstance(pattern, str):
        return (
            isinstance(value, Sequence)
            and not isinstance(value, str)
            and all(any(contains(element, wanted) for element in value) for wanted in pattern)
        )
    return isinstance(value, bool) == isinstance(pattern, bool) and value == pattern
