"""Figures of usage."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from mneme.v1 import usage_pb2

from service.domain.usage import Counts, DayUsage, UsageRange
from service.usecases.usage.get import Usage
from service.usecases.usage.limits import LimitsState

CYCLE_DAY = 1

_RANGES: Mapping[usage_pb2.UsageRange.ValueType, UsageRange] = {
    usage_pb2.USAGE_RANGE_UNSPECIFIED: UsageRange.LAST_7_DAYS,
    usage_pb2.USAGE_RANGE_TODAY: UsageRange.TODAY,
    usage_pb2.USAGE_RANGE_LAST_7_DAYS: UsageRange.LAST_7_DAYS,
    usage_pb2.USAGE_RANGE_LAST_30_DAYS: UsageRange.LAST_30_DAYS,
    usage_pb2.USAGE_RANGE_MONTH: UsageRange.MONTH,
}
RANGES = {noun: wire for wire, noun in _RANGES.items() if wire}


def from_range(wire: usage_pb2.UsageRange.ValueType) -> UsageRange:
    """Return the range of a request."""
    return _RANGES[wire]


def to_totals(counts: Counts) -> usage_pb2.UsageTotals:
    """Return sums."""
    return usage_pb2.UsageTotals(
        requests=counts.requests,
        ingest_requests=counts.ingest_requests,
        recall_requests=counts.recall_requests,
        forget_requests=counts.forget_requests,
        ingest_events=counts.ingest_events,
        tokens=counts.tokens,
        work_units=counts.work_units,
        errors=counts.errors,
        request_bytes=counts.request_bytes,
        response_bytes=counts.response_bytes,
    )


def to_day(day: DayUsage) -> usage_pb2.UsageDay:
    """Return one day."""
    counts = day.total
    return usage_pb2.UsageDay(
        date=day.day.isoformat(),
        requests=counts.requests,
        ingest_events=counts.ingest_events,
        tokens=counts.tokens,
        work_units=counts.work_units,
        errors=counts.errors,
    )


def to_endpoint(endpoint: str, counts: Counts) -> usage_pb2.EndpointUsage:
    """Return one endpoint. One that only completes calls of others has no requests of its own."""
    requests = max(1, counts.requests)
    return usage_pb2.EndpointUsage(
        endpoint=endpoint,
        requests=counts.requests,
        errors=counts.errors,
        error_rate=min(1.0, counts.errors / requests),
        avg_latency_ms=round(counts.microseconds / requests / 1000, 3),
    )


def to_span(usage: Usage) -> tuple[str, str]:
    """Return the first and the last day of a range."""
    return usage.days[0].day.isoformat(), usage.days[-1].day.isoformat()


def to_limits(state: LimitsState) -> usage_pb2.UsageLimits:
    """Return what may be used in the month."""
    return usage_pb2.UsageLimits(
        requests=usage_pb2.UsageLimit(used=state.used.requests),
        tokens=usage_pb2.UsageLimit(used=state.used.tokens),
        work_units=usage_pb2.UsageLimit(used=state.used.work_units),
        ingest_events=_limit(state.ingested, state.limits.ingests_per_month),
    )


def to_rates(state: LimitsState) -> usage_pb2.RateLimits:
    """Return what may be done in a minute."""
    return usage_pb2.RateLimits(requests_per_minute=state.limits.requests_per_minute)


def to_instant(moment: datetime) -> str:
    """Return a time as ISO 8601 in UTC, to the second."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _limit(used: int, limit: int | None) -> usage_pb2.UsageLimit:
    if limit is None:
        return usage_pb2.UsageLimit(used=used)
    return usage_pb2.UsageLimit(
        used=used, limit=limit, remaining=max(0, limit - used), percentage_used=round(100 * used / limit, 2)
    )
