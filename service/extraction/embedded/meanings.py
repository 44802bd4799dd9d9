"""What an expression of time of each kind means, from its words, the day it is counted from and the tense around it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import partial
from typing import TypeAlias

from service.extraction.embedded.grammar import DateGrammar
from service.extraction.embedded.spans import MAX_YEARS, Span, day_of, existing_day, month_of, year_of

Tense: TypeAlias = int
"""-1 the text speaks of what was, 1 of what will be, 0 unknown."""
TenseAt: TypeAlias = Callable[[int], Tense]
"""The tense at a place of a text."""


def unknown_tense(_: int) -> Tense:
    """Return that the tense is not known."""
    return 0


def meaning(kind: str, match: re.Match[str], grammar: DateGrammar, today: date, tense: Tense) -> Span | None:
    """Return what the expression of a *kind*, found as *match*, means on the day *today*; None when it is no date."""
    return _RESOLVERS[kind](_Words(match, grammar), today, tense)


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
    def feast(self) -> tuple[int, int]:
        month, day = self._grammar.feasts[self._word("f")].split("-")
        return int(month), int(day)

    @property
    def day(self) -> int:
        return int(self._word("d"))

    @property
    def last_day(self) -> int:
        return int(self._word("e"))

    @property
    def other_month(self) -> int:
        return {"last": -1, "this": 0, "next": 1}[self._word("o")]

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


def _season_in(words: _Words, year: int) -> Span:
    return Span(first=month_of(year, words.season).first, last=month_of(year, words.season + 2).last)


def _season(words: _Words, today: date, offset: int, tense: Tense = 0) -> Span:
    season = partial(_season_in, words)
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
        day = existing_day(words.year, words.month, words.day)
        return day_of(day) if day else None
    years = (today.year, today.year - 1) if tense < 0 else (today.year, today.year + 1)
    days = [day for year in years if (day := existing_day(year, words.month, words.day)) is not None]
    fitting = [day for day in days if (day <= today if tense < 0 else day >= today)]
    return day_of((fitting or days)[0]) if days else None


def _day_of_month(words: _Words, today: date, tense: Tense) -> Span | None:
    """Return the nearest such day, today among them: behind when the text speaks of what was, else ahead."""
    step = -1 if tense < 0 else 1
    firsts = (month_of(today.year, today.month + step * months).first for months in range(3))
    days = (day for first in firsts if (day := existing_day(first.year, first.month, words.day)) is not None)
    found = next((day for day in days if (day <= today if tense < 0 else day >= today)), None)
    return day_of(found) if found else None


def _feast(words: _Words, today: date, tense: Tense) -> Span | None:
    """Return the feast before or after today, none in what is said of every year."""
    if not tense:
        return None
    days = [day for year in (-1, 0, 1) if (day := existing_day(today.year + year, *words.feast)) is not None]
    return day_of(max(day for day in days if day <= today) if tense < 0 else min(day for day in days if day >= today))


def _date_range(words: _Words, today: date, tense: Tense) -> Span | None:
    """Return the days from one to another of the same month."""
    first = _full_date(words, today, tense)
    last = existing_day(first.first.year, words.month, words.last_day) if first else None
    return Span(first=first.first, last=last) if first and last and first.first <= last else None


def _day_of_other_month(words: _Words, today: date, _: Tense) -> Span | None:
    first = month_of(today.year, today.month + words.other_month).first
    day = existing_day(first.year, first.month, words.day)
    return day_of(day) if day else None


def _stretch(words: _Words, today: date, sign: int) -> Span | None:
    """Return the days from today to a number of units ahead, or from so many back to today."""
    end = _shifted(words, today, sign)
    if end is None:
        return None
    return Span(first=today, last=end.last) if sign > 0 else Span(first=end.first, last=today)


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
    "season_of_year": lambda words, _today, _: _season_in(words, words.year) if words.year else None,
    "feast": _feast,
    "last_feast": lambda words, today, _: _feast(words, today, -1),
    "next_feast": lambda words, today, _: _feast(words, today, 1),
    "last_month": lambda words, today, _: _month(words, today, -1, other_than_now=True),
    "next_month": lambda words, today, _: _month(words, today, 1, other_than_now=True),
    "month": _month,
    "month_last_year": lambda words, today, _: month_of(today.year - 1, words.month),
    "month_next_year": lambda words, today, _: month_of(today.year + 1, words.month),
    "date": _full_date,
    "date_range": _date_range,
    "day_of_month": _day_of_month,
    "day_of_other_month": _day_of_other_month,
    "next_units": lambda words, today, _: _stretch(words, today, 1),
    "last_units": lambda words, today, _: _stretch(words, today, -1),
    "the_weekend": lambda _words, today, tense: _weekend(today, -1 if tense < 0 else 0),
    "after_day": _after_day,
    "year": lambda words, _today, _: year_of(words.year) if words.year else None,
}
"""What an expression of each kind means, from its words, today and the tense around it."""
