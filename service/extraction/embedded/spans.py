"""Stretches of days, and those of the calendar."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

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


def existing_day(year: int, month: int, day: int) -> date | None:
    """Return a day of the calendar, None when there is no such day."""
    return date(year, month, day) if 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1] else None
