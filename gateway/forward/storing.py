"""
Turns on their way into memory.

No request owns them: a client that leaves, or an answer that ends, changes nothing for the turn. A turn is durable when the
service has answered; until then it is in this process alone, which is why the end of an answer waits for that, within a bound.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from google.protobuf.message import Message
from mneme.v1 import turns_service_pb2 as pb
from structlog.typing import FilteringBoundLogger

from gateway.client import Metadata
from gateway.forward.metrics import ForwardMetrics
from gateway.forward.problems import problem_of
from gateway.forward.turns import Credentials
from gateway.status import CallFailed

StoreCall = Callable[[pb.StoreTurnRequest, Metadata], Awaitable[Message]]

QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
_WORKERS = 16
_CAPACITY = 2000
# a service that restarts is back long before
_PATIENCE = timedelta(seconds=60)
_PAUSE = 0.2


class TurnQueue:
    """Stores turns one after the other, over again while the service is away."""

    def __init__(self, store: StoreCall, *, metrics: ForwardMetrics, log: FilteringBoundLogger) -> None:
        """Store by the call *store*."""
        self._store = store
        self._metrics = metrics
        self._log = log
        self._waiting: asyncio.Queue[tuple[pb.StoreTurnRequest, Credentials, asyncio.Event]] = asyncio.Queue(_CAPACITY)

    def submit(self, request: pb.StoreTurnRequest, credentials: Credentials) -> asyncio.Event:
        """Take a turn, and return what is set when it is stored or given up. A full queue gives it up at once."""
        settled = asyncio.Event()
        try:
            self._waiting.put_nowait((request, credentials, settled))
        except asyncio.QueueFull:
            self._give_up(credentials, "the queue is full")
            settled.set()
        return settled

    async def work(self) -> None:
        """Store turns, forever."""
        while True:
            request, credentials, settled = await self._waiting.get()
            try:
                await self._store_one(request, credentials)
            finally:
                settled.set()
                self._waiting.task_done()

    @property
    def depth(self) -> int:
        """How many turns wait for a worker."""
        return self._waiting.qsize()

    async def drained(self) -> None:
        """Return when no turn is left."""
        await self._waiting.join()

    async def _store_one(self, request: pb.StoreTurnRequest, credentials: Credentials) -> None:
        """Store one turn. The keys in it make a repeat harmless."""
        deadline = asyncio.get_running_loop().time() + _PATIENCE.total_seconds()
        while True:
            try:
                await self._store(request, credentials.metadata)
            except CallFailed as error:
                if problem_of(error.failure) is not None or error.failure.reason == QUOTA_EXCEEDED:
                    self._metrics.turns.labels("refused").inc()
                    self._log.error("turn refused", request_id=credentials.request_id, reason=error.failure.reason)
                    return
                if asyncio.get_running_loop().time() > deadline:
                    self._give_up(credentials, "the service is away")
                    return
                await asyncio.sleep(_PAUSE)
            else:
                self._metrics.turns.labels("stored").inc()
                return

    def _give_up(self, credentials: Credentials, reason: str) -> None:
        self._metrics.turns.labels("dropped").inc()
        self._log.error("turn dropped", request_id=credentials.request_id, reason=reason)


@asynccontextmanager
async def running_queue(
    store: StoreCall, *, metrics: ForwardMetrics, log: FilteringBoundLogger, drain: timedelta
) -> AsyncIterator[TurnQueue]:
    """Yield a queue that works. On leaving, what waits has *drain* to be stored."""
    queue = TurnQueue(store, metrics=metrics, log=log)
    workers = [asyncio.create_task(queue.work()) for _ in range(_WORKERS)]
    try:
        yield queue
        try:
            async with asyncio.timeout(drain.total_seconds()):
                await queue.drained()
        except TimeoutError:
            log.warning("turns lost at shutdown", turns=queue.depth)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
