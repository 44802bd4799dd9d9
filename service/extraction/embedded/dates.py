"""
Expressions of time, and the stretch of time that each means, counted from a given day. All times are UTC.

A day runs from 00:00:00 to 23:59:59, a week from Monday to Sunday; a season is three whole months (of the northern half).
"In two weeks" is that day, "two months ago" that month: an expression is as coarse as its unit, but never coarser than a
speaker means it.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, TypeAlias

MAX_YEARS = 150
"""What lies further away than this is no date of an event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of days, both included."""

    first: date
    last: date

    @property
    def start(self) -> datetime:
        """Midnight of the first day."""
        return datetime.combine(self.first, time.min, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The last second of the last day."""
        return datetime.combine(self.last, time(23, 59, 59), tzinfo=UTC)

    @property
    def days(self) -> int:
        """How many days it is long."""
        return (self.last - self.first).days + 1

    def label(self) -> str:
        """Return the span as a reader wants it: 2024-05-07, 2024-05, 2024, or first to last."""
        if self.days == 1:
            return self.first.isoformat()
        if self == year_of(self.first.year):
            return f"{self.first.year}"
        if self == month_of(self.first.year, self.first.month):
            return f"{self.first:%Y-%m}"
        return f"{self.first.isoformat()} to {self.last.isoformat()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DateMention:
    """An expression of time in a text: where it stands, what it means, and whether it says its year itself."""

    begin: int
    end: int
    span: Span
    absolute: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DateGrammar:
    """The expressions of one language: patterns by kind, and what their words mean. No text without a *hint* holds any."""

    patterns: Sequence[tuple[str, re.Pattern[str]]]
    units: Mapping[str, str]
    numbers: Mapping[str, int]
    weekdays: Mapping[str, int]
    months: Mapping[str, int]
    seasons: Mapping[str, int]
    days: Sequence[tuple[re.Pattern[str], int]]
    hint: re.Pattern[str]
    month_first: bool


Tense: TypeAlias = int
"""-1 the text speaks of what was, 1 of what will be, 0 unknown."""
TenseAt: TypeAlias = Callable[[int], Tense]
"""The tense at a place of a text."""


def unknown_tense(_: int) -> Tense:
    """Return that the tense is not known."""
    return 0


def compile_grammar(raw: Mapping[str, Any]) -> DateGrammar:
    """Return the grammar that the `[dates]` part of a language file describes."""
    holes = {
        "{N}": rf"(?P<n>\d{{1,3}}|{_one_of(raw['numbers'])})",
        "{U}": rf"(?P<u>{_one_of(raw['units'])})",
        "{W}": rf"(?P<w>{_one_of(raw['weekdays'])})",
        "{M}": rf"(?P<m>{_one_of(raw['months'])})",
        "{S}": rf"(?P<s>{_one_of(raw['seasons'])})",
        "{D}": r"(?P<d>[0-3]?\d)",
        "{Y}": r"(?P<y>(?:19|20)\d\d)",
    }

    def filled(pattern: str) -> re.Pattern[str]:
        for hole, words in holes.items():
            pattern = pattern.replace(hole, words)
        return re.compile(pattern, re.IGNORECASE)

    edge = r"\b" if raw.get("spaces", True) else ""
    hints = [*raw["units"], *raw["weekdays"], *raw["months"], *raw["seasons"]]
    return DateGrammar(
        hint=re.compile("|".join([r"\d", *(re.escape(word) for word in hints), *raw["days"]]), re.IGNORECASE),
        patterns=[(kind, filled(pattern)) for kind, patterns in raw["patterns"].items() for pattern in patterns],
        units=raw["units"],
        numbers=raw["numbers"],
        weekdays=raw["weekdays"],
        months=raw["months"],
        seasons=raw["seasons"],
        days=[(re.compile(rf"{edge}{phrase}{edge}", re.IGNORECASE), offset) for phrase, offset in raw["days"].items()],
        month_first=raw["month_first"],
    )


def find_dates(text: str, grammar: DateGrammar, now: datetime, *, tense_at: TenseAt = unknown_tense) -> list[DateMention]:
    """Return every expression of time in *text*, in order, without overlaps. Of two in one place the longer counts."""
    today = now.astimezone(UTC).date()
    if not grammar.hint.search(text):
        return []
    if not MAX_YEARS < today.year - date.min.year < date.max.year - 2 * MAX_YEARS:
        return []  # at the ends of the calendar there is no last year or no next one
    found = [*_numeric(text, grammar), *_named_days(text, grammar, today)]
    for kind, pattern in grammar.patterns:
        for match in pattern.finditer(text):
            span = _RESOLVERS[kind](_Words(match, grammar), today, tense_at(match.start()))
            if span is not None and abs(span.first.year - today.year) <= MAX_YEARS:
                absolute = match.groupdict().get("y") is not None
                found.append(DateMention(begin=match.start(), end=match.end(), span=span, absolute=absolute))
    kept: list[DateMention] = []
    for mention in sorted(found, key=lambda mention: mention.begin - mention.end):
        if all(mention.end <= other.begin or other.end <= mention.begin for other in kept):
            kept.append(mention)
    return sorted(kept, key=lambda mention: mention.begin)


def event_span(mentions: Sequence[DateMention], text: str) -> Span | None:
    """Return when the event of a statement is: from the first to the second of a range, else the most exact mention."""
    if not mentions:
        return None
    for one, other in pairwise(mentions):
        between = text[one.end : other.begin].strip().lower()
        if between in _RANGE_WORDS and one.span.first <= other.span.last:
            return Span(first=one.span.first, last=other.span.last)
    return min(mentions, key=lambda mention: mention.span.days).span


def day_of(day: date) -> Span:
    """Return one day."""
    return Span(first=day, last=day)


def month_of(year: int, month: int) -> Span:
    """Return a calendar month; *month* may lie outside 1 to 12 and then counts on into other years."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return Span(first=date(year, month, 1), last=date(year, month, monthrange(year, month)[1]))


def year_of(year: int) -> Span:
    """Return a calendar year."""
    return Span(first=date(year, 1, 1), last=date(year, 12, 31))


_RANGE_WORDS = frozenset(
    {"to", "until", "till", "through", "-", "\u2013", "and", "bis", "und", "al", "a", "hasta", "y", "au", "à", "et"}
)
_ISO = re.compile(r"\b((?:19|20)\d\d)-(\d\d)-(\d\d)\b")
_SLASHED = re.compile(r"(?<![\d.])(\d{1,2})([/.])(\d{1,2})\2((?:19|20)\d\d)(?!\d)")


def _one_of(words: Mapping[str, Any]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def _numeric(text: str, grammar: DateGrammar) -> list[DateMention]:
    found = [(match, int(match[1]), int(match[2]), int(match[3])) for match in _ISO.finditer(text)]
    for match in _SLASHED.finditer(text):
        one, other, year = int(match[1]), int(match[3]), int(match[4])
        month_first = grammar.month_first and match[2] == "/" and one <= 12
        found.append((match, year, *((one, other) if month_first or other > 12 else (other, one))))
    return [
        DateMention(begin=match.start(), end=match.end(), span=day_of(day), absolute=True)
        for match, y, m, d in found
        if (day := _date(y, m, d)) is not None
    ]


def _named_days(text: str, grammar: DateGrammar, today: date) -> list[DateMention]:
    return [
        DateMention(begin=match.start(), end=match.end(), span=day_of(today + timedelta(days=offset)), absolute=False)
        for pattern, offset in grammar.days
        for match in pattern.finditer(text)
    ]


def _date(year: int, month: int, day: int) -> date | None:
    return date(year, month, day) if 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1] else None


class _Words:
    """The words of one match, by what they mean."""

    def __init__(self, match: re.Match[str], grammar: DateGrammar) -> None:
        self._groups = match.groupdict()
        self._grammar = grammar

    def _word(self, name: str) -> str:
        return (self._groups.get(name) or "").lower()

    @property
    def number(self) -> int:
        word = self._word("n")
        return int(word) if word.isdecimal() else self._grammar.numbers[word]

    @property
    def unit(self) -> str:
        return self._grammar.units[self._word("u")]

    @property
    def weekday(self) -> int:
        return self._grammar.weekdays[self._word("w")]

    @property
    def has_weekday(self) -> bool:
        return bool(self._word("w"))

    @property
    def month(self) -> int:
        return self._grammar.months[self._word("m")]

    @property
    def season(self) -> int:
        return self._grammar.seasons[self._word("s")]

    @property
    def day(self) -> int:
        return int(self._word("d"))

    @property
    def year(self) -> int | None:
        return int(self._word("y")) if self._word("y") else None


def _shifted(words: _Words, today: date, sign: int) -> Span | None:
    number, unit = words.number * sign, words.unit
    if unit == "day":
        return day_of(today + timedelta(days=number))
    if unit in {"week", "fortnight"}:
        return day_of(today + timedelta(days=number * (7 if unit == "week" else 14)))
    if unit == "weekend":
        return _weekend(today, number)
    if unit == "month":
        return month_of(today.year, today.month + number)
    years = number * (10 if unit == "decade" else 1)
    return year_of(today.year + years) if abs(years) <= MAX_YEARS else None


def _unit(words: _Words, today: date, offset: int) -> Span | None:
    unit = words.unit
    monday = today - timedelta(days=today.weekday())
    if unit == "day":
        return day_of(today + timedelta(days=offset))
    if unit == "week":
        first = monday + timedelta(weeks=offset)
        return Span(first=first, last=first + timedelta(days=6))
    if unit == "weekend":
        return _weekend(today, offset)
    if unit == "month":
        return month_of(today.year, today.month + offset)
    if unit == "year":
        return year_of(today.year + offset)
    return None


def _weekend(today: date, offset: int) -> Span:
    # on a Sunday "last weekend" is the one before the running one, on a Monday the one just over: the same arithmetic
    saturday = today - timedelta(days=today.weekday()) + timedelta(days=5, weeks=offset)
    return Span(first=saturday, last=saturday + timedelta(days=1))


def _weekday(words: _Words, today: date, direction: int) -> Span:
    ahead = (words.weekday - today.weekday()) % 7
    if direction < 0:
        return day_of(today - timedelta(days=(7 - ahead) % 7 or 7))
    return day_of(today + timedelta(days=ahead or 7))


def _weekday_of_week(words: _Words, today: date, offset: int) -> Span:
    """Return the weekday of another week: "next Friday" on a Wednesday is not the one of this week, which is "this Friday"."""
    return day_of(today + timedelta(days=words.weekday - today.weekday(), weeks=offset))


def _season(words: _Words, today: date, offset: int, tense: Tense = 0) -> Span:
    def season(year: int) -> Span:
        return Span(first=month_of(year, words.season).first, last=month_of(year, words.season + 2).last)

    if offset < 0:
        return next(season(today.year - back) for back in range(3) if season(today.year - back).last < today)
    if offset > 0:
        return next(season(today.year + on) for on in range(3) if season(today.year + on).first > today)
    if tense < 0:
        return next(season(today.year - back) for back in range(3) if season(today.year - back).first <= today)
    return next(season(today.year + on) for on in (-1, 0, 1) if season(today.year + on).last >= today)


def _month(words: _Words, today: date, tense: Tense, *, other_than_now: bool = False) -> Span:
    if words.year is not None:
        return month_of(words.year, words.month)
    this = month_of(today.year, words.month)
    if tense < 0 and (this.first > today or (other_than_now and this.last >= today)):
        return month_of(today.year - 1, words.month)
    if tense > 0 and (this.last < today or (other_than_now and this.first <= today)):
        return month_of(today.year + 1, words.month)
    return this


def _full_date(words: _Words, today: date, tense: Tense) -> Span | None:
    if words.year is not None:
        day = _date(words.year, words.month, words.day)
        return day_of(day) if day else None
    years = (today.year, today.year - 1) if tense < 0 else (today.year, today.year + 1)
    days = [day for year in years if (day := _date(year, words.month, words.day)) is not None]
    fitting = [day for day in days if (day <= today if tense < 0 else day >= today)]
    return day_of((fitting or days)[0]) if days else None


def _day_of_month(words: _Words, today: date, tense: Tense) -> Span | None:
    """Return the nearest such day, today among them: behind when the text speaks of what was, else ahead."""
    step = -1 if tense < 0 else 1
    firsts = (month_of(today.year, today.month + step * months).first for months in range(3))
    days = (day for first in firsts if (day := _date(first.year, first.month, words.day)) is not None)
    found = next((day for day in days if (day <= today if tense < 0 else day >= today)), None)
    return day_of(found) if found else None


def _after_day(words: _Words, today: date, _: Tense) -> Span | None:
    """Return a number of units after a weekday ahead, or after tomorrow when none is named."""
    return _shifted(words, _weekday(words, today, 1).first if words.has_weekday else today + timedelta(days=1), 1)


_RESOLVERS: Mapping[str, Callable[[_Words, date, Tense], Span | None]] = {
    "ago": lambda words, today, _: _shifted(words, today, -1),
    "ahead": lambda words, today, _: _shifted(words, today, 1),
    "last_unit": lambda words, today, _: _unit(words, today, -1),
    "this_unit": lambda words, today, _: _unit(words, today, 0),
    "next_unit": lambda words, today, _: _unit(words, today, 1),
    "last_weekday": lambda words, today, _: _weekday(words, today, -1),
    "next_weekday": lambda words, today, _: _weekday(words, today, 1),
    "weekday_last_week": lambda words, today, _: _weekday_of_week(words, today, -1),
    "weekday_next_week": lambda words, today, _: _weekday_of_week(words, today, 1),
    "weekday_after_next": lambda words, today, _: _weekday_of_week(words, today, 2),
    "weekday": _weekday,
    "last_season": lambda words, today, _: _season(words, today, -1),
    "this_season": lambda words, today, tense: _season(words, today, 0, tense),
    "next_season": lambda words, today, _: _season(words, today, 1),
    "last_month": lambda words, today, _: _month(words, today, -1, other_than_now=True),
    "next_month": lambda words, today, _: _month(words, today, 1, other_than_now=True),
    "month": _month,
    "month_last_year": lambda words, today, _: month_of(today.year - 1, words.month),
    "month_next_year": lambda words, today, _: month_of(today.year + 1, words.month),
    "date": _full_date,
    "day_of_month": _day_of_month,
    "after_day": _after_day,
    "year": lambda words, _today, _: year_of(words.year) if words.year else None,
}
"""What an expression of each kind means, from its words, today and the tense around it."""
