"""Group commit: updates that come while the disk is busy with others share the next trip to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from qdrant_edge import UpdateOperation

from service.domain.ports.work import IndexedKind
from service.storage.embedded.engine.collections import Collections
from service.storage.embedded.engine.model_file import IndexModel

# what Qdrant's server does every 5 seconds; it bounds the log that is read at the next start
_CHECKPOINT_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    kind: IndexedKind
    operation: UpdateOperation
    applied: Callable[[], None]
    done: asyncio.Future[None]


class GroupCommit:
    """
    Applies updates in the order in which they come, and answers each when the log that holds it is on disk.

    Searches run while the disk works. The segments follow the log at checkpoints, in which nothing else runs.
    """

    def __init__(self, collections: Collections) -> None:
        """Write to *collections*, which nothing else may write to."""
        self._collections = collections
        self._waiting: list[_Waiting] = []
        self._arrived = asyncio.Event()
        self._exclusive = asyncio.Lock()
        self._changed: set[IndexedKind] = set()

    async def submit(self, kind: IndexedKind, operation: UpdateOperation, applied: Callable[[], None]) -> None:
        """
        Return when *operation* is on disk. It runs even when the caller does not wait for it; *applied* is called when it has
        been, before anything else is.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(kind=kind, operation=operation, applied=applied, done=done))
        self._arrived.set()
        await done

    async def reset(self, model: IndexModel, applied: Callable[[], None]) -> None:
        """Make the collections anew, and call *applied* before anything else is done."""
        async with self._exclusive:
            # what was checked against the old model must not meet the new one
            await self._commit()
            self._collections.reset(model)
            applied()

    async def run(self) -> None:
        """Commit what is submitted, for ever. Ends with the error of the first commit that fails."""
        loop = asyncio.get_running_loop()
        checkpoint = loop.time() + _CHECKPOINT_SECONDS
        while True:
            await self._arrived.wait()
            async with self._exclusive:
                await self._commit()
                if loop.time() >= checkpoint:
                    self._collections.flush(self._changed)
                    self._changed.clear()
                    checkpoint = loop.time() + _CHECKPOINT_SECONDS

    async def _commit(self) -> None:
        batch, self._waiting = self._waiting, []
        self._arrived.clear()
        for update in batch:
            self._collections.update(update.kind, update.operation)
            update.applied()
        kinds = {update.kind for update in batch}
        self._changed |= kinds
        await self._collections.sync_logs(kinds)
        for update in batch:
            if not update.done.done():
                update.done.set_result(None)
