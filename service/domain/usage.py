"""What projects use, and how much they may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from operator import add, attrgetter
from typing import Self

PLAN = "self-hosted"
WARNED_FROM = 0.8
"""The share of a quota from which answers carry a warning."""


class UsageKind(StrEnum):
    """What a call is for, as far as that is counted apart."""

    OTHER = "other"
    INGEST = "ingest"
    RECALL = "recall"
    FORGET = "forget"


class UsageRange(StrEnum):
    """Whole days in UTC up to now; the values are the wire spellings."""

    TODAY = "today"
    LAST_7_DAYS = "7d"
    LAST_30_DAYS = "30d"
    MONTH = "month"

    def first_day(self, today: date) -> date:
        """Return the first day of the range that ends *today*."""
        match self:
            case UsageRange.TODAY:
                return today
            case UsageRange.LAST_7_DAYS:
                return today - timedelta(days=6)
            case UsageRange.LAST_30_DAYS:
                return today - timedelta(days=29)
            case UsageRange.MONTH:
                return today.replace(day=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Sums over calls. *microseconds* is the time that the service took for all of them."""

    requests: int = 0
    ingest_requests: int = 0
    recall_requests: int = 0
    forget_requests: int = 0
    ingest_events: int = 0
    tokens: int = 0
    errors: int = 0
    request_bytes: int = 0
    response_bytes: int = 0
    microseconds: int = 0

    def __add__(self, other: Self) -> Self:
        """Return both together."""
        return type(self)(**dict(zip(COUNTED, map(add, _figures(self), _figures(other)), strict=True)))

    @property
    def work_units(self) -> int:
        """What was brought in, and how often something was recalled."""
        return self.ingest_events + self.recall_requests


COUNTED = tuple(field.name for field in fields(Counts))
"""The names of what is counted."""
_figures = attrgetter(*COUNTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayUsage:
    """What a project did on one day in UTC, by endpoint: the HTTP route, or the gRPC method of a call over gRPC."""

    day: date
    endpoints: Mapping[str, Counts]

    @property
    def total(self) -> Counts:
        """All endpoints together."""
        return sum(self.endpoints.values(), Counts())


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectLimits:
    """How much a project may use; None means any amount. Months are those of the calendar in UTC."""

    requests_per_minute: int | None = None
    ingests_per_month: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """
    What a store says to a call. *wait* is None when the rate allows it, else the time after which it would. *ingested* is what
    the project brought in this month, this call included where it is *within_quota*.
    """

    wait: timedelta | None
    ingested: int
    within_quota: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaState:
    """How much of the quota of a month is used."""

    ingested: int
    limit: int
    resets_at: datetime

    @property
    def percent(self) -> int:
        """The used part in whole percent, rounded down."""
        return self.ingested * 100 // self.limit

    @property
    def is_near(self) -> bool:
        """Whether a caller is to be warned."""
        return self.ingested >= WARNED_FROM * self.limit


def month_of(day: date) -> date:
    """Return the first day of the month of *day*."""
    return day.replace(day=1)


def next_month(day: date) -> datetime:
    """Return when the month after that of *day* begins."""
    first = (month_of(day) + timedelta(days=31)).replace(day=1)
    return datetime(first.year, first.month, 1, tzinfo=UTC)
