"""
Turns on their way into memory.

No request owns them: a client that leaves, or an answer that ends, changes nothing for the turn. A turn is durable when the
service has answered; until then it is in this process alone, which is why the end of a stream waits for that, within a bound.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
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


@dataclass(slots=True, kw_only=True, eq=False)
class _Turn:
    """
    A turn on its way. *before* is the one of the same user that came before it; *held* says that it is tried again, or waits for
    one that is.
    """

    request: pb.StoreTurnRequest
    credentials: Credentials
    before: _Turn | None
    held: bool = False
    settled: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def user(self) -> tuple[str, str]:
        """Whose it is."""
        return self.credentials.project_id, self.request.user_id


class TurnQueue:
    """
    Stores turns, over again while the service is away, those of one user in the order in which they came.

    The service takes calls in their order, so a turn need not wait for the one before it, unless that has failed.
    """

    def __init__(self, store: StoreCall, *, metrics: ForwardMetrics, log: FilteringBoundLogger) -> None:
        """Store by the call *store*."""
        self._store = store
        self._metrics = metrics
        self._log = log
        self._waiting: asyncio.Queue[_Turn] = asyncio.Queue(_CAPACITY)
        self._last: dict[tuple[str, str], _Turn] = {}

    def submit(self, request: pb.StoreTurnRequest, credentials: Credentials) -> asyncio.Event:
        """Take a turn, and return what is set when it is stored or given up. A full queue gives it up at once."""
        turn = _Turn(request=request, credentials=credentials, before=None)
        try:
            self._waiting.put_nowait(turn)
        except asyncio.QueueFull:
            self._give_up(credentials, "the queue is full")
            turn.settled.set()
        else:
            turn.before = self._last.get(turn.user)
            self._last[turn.user] = turn
        return turn.settled

    async def work(self) -> None:
        """Store turns, forever."""
        while True:
            turn = await self._waiting.get()
            try:
                await self._store_one(turn)
            finally:
                self._settle(turn)
                self._waiting.task_done()

    @property
    def depth(self) -> int:
        """How many turns wait for a worker."""
        return self._waiting.qsize()

    @property
    def is_behind(self) -> bool:
        """Whether turns come faster than they are stored."""
        return self.depth > _WORKERS

    async def drained(self) -> None:
        """Return when no turn is left."""
        await self._waiting.join()

    def _settle(self, turn: _Turn) -> None:
        """Let those go on that wait for *turn*."""
        turn.settled.set()
        turn.before = None
        if self._last.get(turn.user) is turn:
            del self._last[turn.user]

    async def _store_one(self, turn: _Turn) -> None:
        """Store one turn. The keys in it make a repeat harmless."""
        credentials = turn.credentials
        deadline = asyncio.get_running_loop().time() + _PATIENCE.total_seconds()
        while True:
            if turn.before is not None and (turn.held or turn.before.held):
                turn.held = True
                await turn.before.settled.wait()
            try:
                await self._store(turn.request, credentials.metadata)
            except CallFailed as error:
                if problem_of(error.failure) is not None or error.failure.reason == QUOTA_EXCEEDED:
                    self._metrics.turns.labels("refused").inc()
                    self._log.error("turn refused", request_id=credentials.request_id, reason=error.failure.reason)
                    return
                if asyncio.get_running_loop().time() > deadline:
                    self._give_up(credentials, "the service is away")
                    return
                turn.held = True
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
