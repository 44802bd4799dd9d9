"""One line and one measurement for each call. No text of a request or an answer, no id of a user and no credential is logged."""

from __future__ import annotations

import asyncio
import time
from functools import cache

import grpc
from prometheus_client import CollectorRegistry, Histogram

from service.rpc.interceptors.layers import Call, Inner
from service.rpc.logger import Logger

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class RpcMetrics:
    """Durations of calls, which also count them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the metrics."""
        seconds = Histogram("mneme_rpc_seconds", "Duration of calls.", ("method", "code"), buckets=_BUCKETS, registry=registry)
        self._seconds = cache(seconds.labels)

    def observe(self, method: str, code: str, seconds: float) -> None:
        """Count one call."""
        self._seconds(method, code).observe(seconds)


class Log:
    """Writes one line when a call is over."""

    def __init__(self, log: Logger, metrics: RpcMetrics) -> None:
        """Keep the logger and the metrics."""
        self._log = log
        self._metrics = metrics

    async def __call__(self, call: Call, inner: Inner) -> bytes:
        """Measure the call and say how it ended."""
        try:
            return await inner(call)
        except asyncio.CancelledError:
            call.code = grpc.StatusCode.CANCELLED
            raise
        finally:
            seconds = time.perf_counter() - call.started
            # a turn of the loop later, when the answer is on its way
            asyncio.get_running_loop().call_soon(self._write, call, seconds)

    def _write(self, call: Call, seconds: float) -> None:
        self._metrics.observe(call.name, call.code.name, seconds)
        self._log.info(
            "rpc",
            method=call.name,
            code=call.code.name,
            reason=call.reason or None,
            milliseconds=round(seconds * 1000, 2),
            request_id=call.request_id,
            project_id=call.project_id or None,
        )
