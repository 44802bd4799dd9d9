"""No call runs for ever."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import grpc

from service.rpc.interceptors.layers import Call, Inner


class Deadline:
    """Ends calls that take too long. A shorter deadline of the caller's own is kept by gRPC itself, which cancels the call."""

    def __init__(self, longest: timedelta, unlimited: frozenset[str]) -> None:
        """Keep the time that a call may take, and the paths of the methods whose calls may take any."""
        self._longest = longest
        self._unlimited = unlimited

    async def __call__(self, call: Call, inner: Inner) -> bytes:
        """Cancel the work when its time is over, and say so."""
        try:
            async with asyncio.timeout(None if call.method in self._unlimited else self._longest.total_seconds()) as limit:
                return await inner(call)
        except TimeoutError:
            if not limit.expired():
                raise
            call.code = grpc.StatusCode.DEADLINE_EXCEEDED
            await call.context.abort(call.code, "The call took too long")
