"""UsageService."""

from __future__ import annotations

from dataclasses import dataclass

from mneme.v1 import usage_service_pb2 as pb
from mneme.v1.usage_service_pb2_grpc import UsageServiceServicer

from service.domain.usage import PLAN
from service.rpc.mapping.usage import (
    CYCLE_DAY,
    RANGES,
    from_range,
    to_day,
    to_endpoint,
    to_instant,
    to_limits,
    to_rates,
    to_span,
    to_totals,
)
from service.rpc.principal import current_project
from service.usecases.usage.admit import Admit
from service.usecases.usage.get import GetUsage
from service.usecases.usage.limits import GetUsageLimits
from service.usecases.usage.record import RecordUsage


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageCalls:
    """The use cases behind UsageService, and behind the interceptors that count and limit."""

    get: GetUsage
    limits: GetUsageLimits
    admit: Admit
    record: RecordUsage


class UsageServicer(UsageServiceServicer):
    """Decodes, calls, encodes."""

    def __init__(self, calls: UsageCalls) -> None:
        """Keep the use cases."""
        self._calls = calls

    async def GetUsageSummary(self, request: pb.GetUsageSummaryRequest, _context: object) -> pb.GetUsageSummaryResponse:
        """Return totals and days."""
        usage = await self._calls.get(current_project(), from_range(request.range))
        first, last = to_span(usage)
        return pb.GetUsageSummaryResponse(
            range=RANGES[usage.range],
            start_date=first,
            end_date=last,
            totals=to_totals(usage.total),
            daily=map(to_day, usage.days),
        )

    async def GetUsageBreakdown(self, request: pb.GetUsageBreakdownRequest, _context: object) -> pb.GetUsageBreakdownResponse:
        """Return each endpoint."""
        usage = await self._calls.get(current_project(), from_range(request.range))
        first, last = to_span(usage)
        return pb.GetUsageBreakdownResponse(
            range=RANGES[usage.range],
            start_date=first,
            end_date=last,
            endpoints=[to_endpoint(endpoint, counts) for endpoint, counts in usage.endpoints.items()],
        )

    async def GetUsageLimits(self, _request: pb.GetUsageLimitsRequest, _context: object) -> pb.GetUsageLimitsResponse:
        """Return what may be used."""
        state = await self._calls.limits(current_project())
        return pb.GetUsageLimitsResponse(
            plan=PLAN,
            billing_cycle_day=CYCLE_DAY,
            reset_date=to_instant(state.resets_at),
            is_within_quota=state.is_within_quota,
            limits=to_limits(state),
            rate_limits=to_rates(state),
        )
