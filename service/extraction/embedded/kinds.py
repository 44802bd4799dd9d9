"""Kinds of things: that steak is meat and prawns are shellfish, in every known language at once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from service.extraction.embedded.likeness import WORD, covered, stems

_FREE = frozenset({"free", "without", "sans", "ohne", "sin", "senza", "sem"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """The stems of all *words* for things of a kind, and those beside which they mean something else (oat milk is no dairy)."""

    words: frozenset[str] = frozenset()
    unless: frozenset[str] = frozenset()


def is_of(thing: str, kind: str) -> bool:
    """
    Return whether *thing* ("a glass of wine") names something of the kind that *kind* names ("alcohol"); not what is free of it
    ("lactose-free milk", "sugar-free sweets").
    """
    said = set(WORD.findall(thing.lower()))
    if said & _FREE or any(word.endswith(("-free", "frei")) for word in said):
        return False
    found = stems(thing)
    return any(found & one.words and not found & one.unless for one in map(_kinds().get, stems(kind)) if one is not None)


def holds(said: frozenset[str], stem_of_kinds: frozenset[str]) -> bool:
    """Return whether every stem of the second is covered by the first, or is a kind of which the first names something."""
    kinds = _kinds()
    return all(covered(stem, said) or (stem in kinds and bool(kinds[stem].words & said)) for stem in stem_of_kinds)


@cache
def listed(kind: str) -> tuple[str, ...]:
    """Return the words for things of a kind as they are listed, longest first; *kind* is its heading."""
    return tuple(sorted(_listed()[kind]["holds"].split(), key=len, reverse=True))


@cache
def _listed() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads((files("service.extraction.embedded") / "kinds.toml").read_text("utf-8"))


@cache
def _kinds() -> Mapping[str, _Kind]:
    """Return what each stem of a kind's name stands for, through kinds of kinds."""
    table = _listed()

    def held(heading: str) -> frozenset[str]:
        entry = table[heading]
        inner = (held(one) for one in entry.get("kinds", "").split())
        return stems(f"{entry['named']} {entry['holds']}").union(*inner)

    found: dict[str, _Kind] = {}
    for heading, entry in table.items():
        for stem in stems(entry["named"]):
            before = found.get(stem, _Kind())
            unless = before.unless | stems(entry.get("unless", ""))
            found[stem] = _Kind(words=before.words | held(heading), unless=unless)
    return found
