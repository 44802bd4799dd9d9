"""The expressions of time of a language: patterns by kind, compiled from the language's file, and what their words mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class DateGrammar:
    """The expressions of one language: patterns by kind, and what their words mean. No text without a *hint* holds any."""

    patterns: Sequence[tuple[str, re.Pattern[str]]]
    units: Mapping[str, str]
    numbers: Mapping[str, int]
    weekdays: Mapping[str, int]
    months: Mapping[str, int]
    seasons: Mapping[str, int]
    feasts: Mapping[str, str]
    days: Sequence[tuple[re.Pattern[str], int]]
    hint: re.Pattern[str]
    month_first: bool


def compile_grammar(raw: Mapping[str, Any]) -> DateGrammar:
    """Return the grammar that the `[dates]` part of a language file describes."""
    holes = {
        "{N}": rf"(?P<n>\d{{1,3}}|{_one_of(raw['numbers'])})",
        "{U}": rf"(?P<u>{_one_of(raw['units'])})",
        "{W}": rf"(?P<w>{_one_of(raw['weekdays'])})",
        "{M}": rf"(?P<m>{_one_of(raw['months'])})",
        "{S}": rf"(?P<s>{_one_of(raw['seasons'])})",
        "{F}": rf"(?P<f>{_one_of(raw['feasts'])})",
        "{D}": r"(?P<d>[0-3]?\d)",
        "{Y}": r"(?P<y>(?:19|20)\d\d)",
    }

    def filled(pattern: str) -> re.Pattern[str]:
        for hole, words in holes.items():
            pattern = pattern.replace(hole, words)
        return re.compile(pattern, re.IGNORECASE)

    edge = r"\b" if raw.get("spaces", True) else ""
    hints = [*raw["units"], *raw["weekdays"], *raw["months"], *raw["seasons"], *raw["feasts"]]
    return DateGrammar(
        hint=re.compile("|".join([r"\d", *(re.escape(word) for word in hints), *raw["days"]]), re.IGNORECASE),
        patterns=[(kind, filled(pattern)) for kind, patterns in raw["patterns"].items() for pattern in patterns],
        units=raw["units"],
        numbers=raw["numbers"],
        weekdays=raw["weekdays"],
        months=raw["months"],
        seasons=raw["seasons"],
        feasts=raw["feasts"],
        days=[(re.compile(rf"{edge}{phrase}{edge}", re.IGNORECASE), offset) for phrase, offset in raw["days"].items()],
        month_first=raw["month_first"],
    )


def _one_of(words: Mapping[str, Any]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
