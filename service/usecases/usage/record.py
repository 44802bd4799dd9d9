"""Record what calls use."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import uuid4

from service.domain.errors import StorageUnavailable
from service.domain.ids import ProjectId
from service.domain.ports.models import Clock
from service.domain.ports.usage import UsageBatch, UsageStore
from service.domain.usage import Counts

PAUSE = timedelta(seconds=1)
"""How old the figures of a project may be, and what is lost of them when a process is killed."""


@dataclass(slots=True)
class _Sum:
    """What was counted of one project on one day since the last batch."""

    endpoints: defaultdict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    unjudged: int = 0


class RecordUsage:
    """Adds up in the process and stores the sums once a second: a call costs no round trip."""

    def __init__(self, usage: UsageStore, clock: Clock) -> None:
        """Keep the store and the clock, and take a name for the process."""
        self._usage = usage
        self._clock = clock
        self._process = uuid4().hex
        self._number = 0
        self._sums: defaultdict[tuple[ProjectId, date], _Sum] = defaultdict(_Sum)
        self._unsent: list[UsageBatch] = []
        self._flushing = asyncio.Lock()

    def __call__(self, project_id: ProjectId, endpoint: str, counts: Counts, *, unjudged: int) -> None:
        """Count one call, of whose events the quota did not judge *unjudged*."""
        summed = self._sums[project_id, self._clock.now().date()]
        summed.endpoints[endpoint] += counts
        summed.unjudged += unjudged

    async def flush(self) -> None:
        """Store what was counted. Raises StorageUnavailable; what was not stored, or was and nobody said so, is sent again."""
        async with self._flushing:
            # what an earlier one left, first: a batch is passed over when one with a greater number was added
            await self._send()
            self._unsent = [self._batch(project_id, day, summed) for (project_id, day), summed in self._sums.items()]
            self._sums.clear()
            await self._send()

    async def _send(self) -> None:
        while self._unsent:
            await self._usage.add(self._unsent[0])
            del self._unsent[0]

    def _batch(self, project_id: ProjectId, day: date, summed: _Sum) -> UsageBatch:
        self._number += 1
        return UsageBatch(
            project_id=project_id,
            day=day,
            endpoints=summed.endpoints,
            unjudged=summed.unjudged,
            process=self._process,
            number=self._number,
        )


@asynccontextmanager
async def recording(record: RecordUsage) -> AsyncIterator[None]:
    """Store what is counted once a second, and what is left at the end."""
    ending = False

    async def store() -> None:
        # not for ever until cancelled: a client whose answer comes at the same moment can lose the cancellation
        while not ending:
            await asyncio.sleep(PAUSE.total_seconds())
            # it is kept and sent with the next
            with suppress(StorageUnavailable):
                await record.flush()

    task = asyncio.create_task(store())
    try:
        yield
    finally:
        ending = True
        task.cancel()
        await asyncio.wait([task])
        with suppress(StorageUnavailable):
            await record.flush()
