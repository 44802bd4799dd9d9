"""
Spans of time that a query names: "in May 2023", "last week", "on 8 May", "two days ago", "between March and June".

Read by rules, in English, counted from the query's own time. What is no clear span of time is left alone: a missed span costs a
boost, a wrong one costs the answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from service.domain.recall import DateRange

_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SEASONS = {"spring": 3, "summer": 6, "fall": 9, "autumn": 9, "winter": 12}
"""The month in which each season begins; each lasts three."""
_NUMBERS = {
    name: value
    for value, name in enumerate(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"], start=1)
} | {"a": 1, "an": 1, "a couple of": 2, "a few": 3, "few": 3}

_MONTH = rf"(?P<month>{'|'.join(_MONTHS)}|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_COUNT = rf"(?P<count>\d{{1,3}}|{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})"
_SAID = re.compile(
    r"\b(?:said|say|told|tell|talk(?:ed)?|mention(?:ed)?|discuss(?:ed)?|chat(?:ted)?|wrote|asked|conversation)\b", re.IGNORECASE
)

Span = tuple[datetime, datetime]
Rule = tuple[re.Pattern[str], Callable[[re.Match[str], datetime], Span | None]]


def date_ranges(text: str, now: datetime, *, newest: datetime | None = None) -> list[DateRange]:
    """
    Return the spans that *text* names, in their order, counted from *now* (UTC). A span's end is its last moment.

    A month or day without a year is the last one up to *newest*, the time of the newest thing that can be meant; else *now*.
    """
    latest = min(now, newest or now)
    event = _SAID.search(text) is None
    taken: list[tuple[int, Span]] = []
    rest = text
    for pattern, read in _RULES:
        for match in pattern.finditer(rest):
            span = read(match, latest if read in _YEARLESS else now)
            if span is not None:
                taken.append((match.start(), span))
        # blanked, so that "8 May 2023" is not read again as "May 2023"
        rest = pattern.sub(lambda match: " " * len(match.group()), rest)
    return [DateRange(event=event, start=start, end=end) for _, (start, end) in sorted(taken)]


def _month_number(name: str) -> int:
    return next(number for number, month in enumerate(_MONTHS, start=1) if month.startswith(name.casefold()[:3]))


def _until(start: datetime, end: datetime) -> Span:
    return start, end - timedelta(microseconds=1)


def _day(year: int, month: int, day: int) -> Span | None:
    try:
        start = datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        return None
    return _until(start, start + timedelta(days=1))


def _months(year: int, month: int, count: int = 1) -> Span:
    after = month - 1 + count
    return _until(datetime(year, month, 1, tzinfo=UTC), datetime(year + after // 12, after % 12 + 1, 1, tzinfo=UTC))


def _midnight(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _read_day(match: re.Match[str], now: datetime) -> Span | None:
    """Read a day and a month, with or without a year: without one, the last such day up to *now*."""
    month, day = _month_number(match["month"]), int(match["day"])
    if match["year"]:
        return _day(int(match["year"]), month, day)
    span = _day(now.year, month, day)
    return span if span is None or span[0] <= now else _day(now.year - 1, month, day)


def _read_iso(match: re.Match[str], _now: datetime) -> Span | None:
    return _day(int(match["year"]), int(match["month"]), int(match["day"]))


def _read_month(match: re.Match[str], now: datetime) -> Span:
    month = _month_number(match["month"])
    if match["year"]:
        return _months(int(match["year"]), month)
    return _months(now.year if month <= now.month else now.year - 1, month)


def _read_season(match: re.Match[str], now: datetime) -> Span:
    month = _SEASONS[match["season"].casefold()]
    if match["year"]:
        return _months(int(match["year"]), month, 3)
    span = _months(now.year, month, 3)
    return span if span[1] < now else _months(now.year - 1, month, 3)


def _read_year(match: re.Match[str], _now: datetime) -> Span:
    return _months(int(match["year"]), 1, 12)


def _read_near_day(match: re.Match[str], now: datetime) -> Span:
    offset = {"today": 0, "tonight": 0, "this morning": 0, "yesterday": -1, "last night": -1, "tomorrow": 1}
    start = _midnight(now) + timedelta(days=offset[" ".join(match["near"].casefold().split())])
    return _until(start, start + timedelta(days=1))


def _read_unit(match: re.Match[str], now: datetime) -> Span:
    """Read "this" or "last" week, weekend, month or year as that of the calendar."""
    back = 1 if match["which"].casefold() in {"last", "previous"} else 0
    unit, today = match["unit"].casefold(), _midnight(now)
    monday = today - timedelta(days=today.weekday())
    if unit == "week":
        return _until(monday - timedelta(weeks=back), monday + timedelta(weeks=1 - back))
    if unit == "weekend":
        saturday = monday + timedelta(days=5) - timedelta(weeks=back)
        return _until(saturday, saturday + timedelta(days=2))
    if unit == "month":
        place = now.year * 12 + now.month - 1 - back
        return _months(place // 12, place % 12 + 1)
    return _months(now.year - back, 1, 12)


def _read_weekday(match: re.Match[str], now: datetime) -> Span:
    today = _midnight(now)
    back = (today.weekday() - _DAYS.index(match["weekday"].casefold())) % 7 or 7
    start = today - timedelta(days=back)
    return _until(start, start + timedelta(days=1))


def _days_of(match: re.Match[str]) -> timedelta:
    text = " ".join(match["count"].casefold().split())
    count = int(text) if text.isdigit() else _NUMBERS[text]
    return timedelta(days=count * {"day": 1, "week": 7, "month": 30, "year": 365}[match["unit"].casefold()])


def _read_ago(match: re.Match[str], now: datetime) -> Span:
    """Read a time ago as a span around it that is as wide as such words are vague: half a unit either side."""
    unit = match["unit"].casefold()
    middle = _midnight(now) - _days_of(match)
    slack = timedelta(days={"day": 0, "week": 3, "month": 15, "year": 183}[unit])
    return _until(middle - slack, middle + slack + timedelta(days=1))


def _read_past(match: re.Match[str], now: datetime) -> Span:
    return _midnight(now) - _days_of(match), now


_RULES: Sequence[Rule] = (
    (re.compile(rf"\b{_YEAR}-(?P<month>\d\d)-(?P<day>\d\d)\b"), _read_iso),
    (re.compile(rf"\b{_DAY} (?:of )?{_MONTH}(?:,? {_YEAR})?(?!\w)", re.IGNORECASE), _read_day),
    (re.compile(rf"\b{_MONTH} {_DAY}(?:,? {_YEAR})?(?!\w)", re.IGNORECASE), _read_day),
    (re.compile(rf"\b{_MONTH},? (?:of )?{_YEAR}\b", re.IGNORECASE), _read_month),
    # without a year, "may" and "march" are verbs as well: only after a word that calls for a month
    (re.compile(rf"\b(?:in|during|since|this|last|of) {_MONTH}(?P<year>)(?!\w)", re.IGNORECASE), _read_month),
    (
        re.compile(
            rf"\b(?:in|during|of|this|last)(?: the)? (?P<season>{'|'.join(_SEASONS)})(?:(?: of)? {_YEAR})?\b", re.IGNORECASE
        ),
        _read_season,
    ),
    (re.compile(rf"\b(?:in|during|of|since) {_YEAR}\b", re.IGNORECASE), _read_year),
    (re.compile(r"\b(?P<near>today|tonight|this\s+morning|yesterday|last\s+night|tomorrow)\b", re.IGNORECASE), _read_near_day),
    (re.compile(rf"\b{_COUNT} (?P<unit>day|week|month|year)s? ago\b", re.IGNORECASE), _read_ago),
    (re.compile(rf"\b(?:past|last|previous) {_COUNT} (?P<unit>day|week|month|year)s?\b", re.IGNORECASE), _read_past),
    (re.compile(r"\b(?P<which>this|last|previous) (?P<unit>week|weekend|month|year)\b", re.IGNORECASE), _read_unit),
    (re.compile(rf"\b(?:last|on|this past) (?P<weekday>{'|'.join(_DAYS)})\b", re.IGNORECASE), _read_weekday),
)
"""The ways to name a span, most exact first."""

_YEARLESS = frozenset({_read_day, _read_month, _read_season})
"""The readers that may have to find the year by themselves."""
