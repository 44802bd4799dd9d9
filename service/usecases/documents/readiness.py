"""Whether the index has followed a document."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from service.domain.documents import Document
from service.domain.ids import Scope, UploadId
from service.domain.ports.work import IndexedKind, Outbox

_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.3


class Readiness:
    """Knows which uploads have chunks that wait to be indexed: those whose entries are still in the outbox."""

    def __init__(self, bulk: Outbox) -> None:
        """Keep the outbox of chunks."""
        self._bulk = bulk

    async def waiting(self, scope: Scope) -> frozenset[UploadId]:
        """Return the uploads of a user that cannot be recalled in full yet."""
        records = await self._bulk.pending(scope, IndexedKind.CHUNK)
        return frozenset(UploadId(record.rpartition(":")[0]) for record in records)

    async def ready(self, scope: Scope, documents: Sequence[Document]) -> Sequence[bool]:
        """Return of each document whether all of it can be recalled."""
        waiting = await self.waiting(scope) if documents else frozenset()
        return [document.upload_id not in waiting for document in documents]

    async def reached(self, scope: Scope, document: Document, patience: timedelta) -> bool:
        """Wait until all of a document can be recalled; False when that took longer than *patience*."""
        pause, loop = _FIRST_PAUSE, asyncio.get_running_loop()
        deadline = loop.time() + patience.total_seconds()
        while document.upload_id in await self.waiting(scope):
            if loop.time() + pause > deadline:
                return False
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        return True
