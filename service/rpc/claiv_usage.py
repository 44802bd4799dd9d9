"""ClaivUsageService."""

from __future__ import annotations

from mneme.compat.v1 import claiv_usage_service_pb2 as pb
from mneme.compat.v1.claiv_usage_service_pb2_grpc import ClaivUsageServiceServicer
from mneme.v1.usage_service_pb2 import GetUsageBreakdownRequest, GetUsageLimitsRequest, GetUsageSummaryRequest

from service.rpc.usage import UsageServicer


class ClaivUsageServicer(ClaivUsageServiceServicer):
    """Answers as UsageService does, inside of other messages."""

    def __init__(self, usage: UsageServicer) -> None:
        """Keep the servicer of UsageService."""
        self._usage = usage

    async def GetClaivUsageSummary(
        self, request: pb.GetClaivUsageSummaryRequest, context: object
    ) -> pb.GetClaivUsageSummaryResponse:
        """Return totals and days."""
        summary = await self._usage.GetUsageSummary(GetUsageSummaryRequest(range=request.range), context)
        return pb.GetClaivUsageSummaryResponse(summary=summary)

    async def GetClaivUsageBreakdown(
        self, request: pb.GetClaivUsageBreakdownRequest, context: object
    ) -> pb.GetClaivUsageBreakdownResponse:
        """Return each endpoint."""
        breakdown = await self._usage.GetUsageBreakdown(GetUsageBreakdownRequest(range=request.range), context)
        return pb.GetClaivUsageBreakdownResponse(breakdown=breakdown)

    async def GetClaivUsageLimits(
        self, _request: pb.GetClaivUsageLimitsRequest, context: object
    ) -> pb.GetClaivUsageLimitsResponse:
        """Return what may be used."""
        return pb.GetClaivUsageLimitsResponse(usage_limits=await self._usage.GetUsageLimits(GetUsageLimitsRequest(), context))
