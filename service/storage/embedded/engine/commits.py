"""Group commit: updates that come at the same time share one flush."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from qdrant_edge import UpdateOperation

from service.domain.ports.work import IndexedKind
from service.storage.embedded.engine.collections import Collections

# A flush takes 10 ms or more and nothing else runs meanwhile: it pays to wait for updates that are still on their way.
_QUIET_SECONDS = 0.001
_LONGEST_GATHERING = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    kind: IndexedKind
    operation: UpdateOperation
    done: asyncio.Future[None]


class GroupCommit:
    """Applies updates in the order in which they come, and answers each when it is on disk."""

    def __init__(self, collections: Collections) -> None:
        """Write to *collections*, which nothing else may write to."""
        self._collections = collections
        self._waiting: list[_Waiting] = []
        self._arrived = asyncio.Event()

    async def submit(self, kind: IndexedKind, operation: UpdateOperation) -> None:
        """Return when *operation* is on disk. It runs even when the caller does not wait for it."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(kind=kind, operation=operation, done=done))
        self._arrived.set()
        await done

    async def run(self) -> None:
        """Commit what is submitted, for ever. Ends with the error of the first commit that fails."""
        while True:
            await self._arrived.wait()
            await self._gather()
            self.commit()

    async def _gather(self) -> None:
        """Return when for a moment nothing more has come, or when it has gone on for long."""
        for _ in range(_LONGEST_GATHERING):
            known = len(self._waiting)
            await asyncio.sleep(_QUIET_SECONDS)
            if len(self._waiting) == known:
                return

    def commit(self) -> None:
        """Commit what waits, now."""
        batch, self._waiting = self._waiting, []
        self._arrived.clear()
        for update in batch:
            self._collections.update(update.kind, update.operation)
        self._collections.flush({update.kind for update in batch})
        for update in batch:
            if not update.done.done():
                update.done.set_result(None)
