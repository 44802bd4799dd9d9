"""Bring the index up to date."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from service.domain.documents import parse_chunk_range
from service.domain.errors import StorageUnavailable
from service.domain.ids import Scope, SessionId, UploadId
from service.domain.ports.index import VectorIndex
from service.domain.ports.work import IndexedKind, Outbox, OutboxEntry
from service.usecases.indexing.held import let_workers_end
from service.usecases.indexing.points import PointMaker
from service.usecases.indexing.truth import Record, Truth, TruthReader

BATCH = 128
"""The most entries of one pass."""
BULK_BATCH = 2
"""The same where each entry stands for many chunks."""

_ROUNDS = 5
_EVERYTHING = ""
_ALL_PARTS = ":*"


class SyncIndex:
    """
    Makes the index say what the records say.

    An entry only tells which record changed. So the truth is read, the point is written or deleted, and the truth is read again:
    a record that was changed or deleted meanwhile is done again before its entry is retired. Thus a late write cannot bring back
    a deleted record, whichever of several workers comes last, and a crash at any place repeats work and loses none.
    """

    def __init__(
        self, *, outbox: Outbox, index: VectorIndex, reader: TruthReader, points: PointMaker, batch: int = BATCH
    ) -> None:
        """Keep the ports, the reader of records, the maker of points and how many entries one pass takes."""
        self._outbox = outbox
        self._index = index
        self._reader = reader
        self._points = points
        self._batch = batch

    async def __call__(self, consumer: str) -> int:
        """
        Work on one batch of entries and return how many were claimed, 0 when nothing waits.

        Raises ExceptionGroup with what went wrong in some scopes; the entries of the others are done.
        """
        entries = await self._outbox.claim(consumer, self._batch)
        by_scope: dict[Scope, list[OutboxEntry]] = defaultdict(list)
        for entry in entries:
            by_scope[entry.scope].append(entry)
        # one user's broken record must not hold up the others
        results = await asyncio.gather(*(self._scope(*item) for item in by_scope.items()), return_exceptions=True)
        if failures := [result for result in results if isinstance(result, Exception)]:
            raise ExceptionGroup("some index entries could not be brought up to date", failures)
        return len(entries)

    async def catch_up(self, scope: Scope) -> None:
        """
        Make the index say what the records of one user say now, beside the workers, who find nothing left to do.

        A worker may have read a record before it changed and not written it yet; it holds the entry until it has looked again, so
        such entries are waited for. Raises StorageUnavailable when one is held for longer than a few seconds.
        """
        waiting = [(kind, record_id) for kind in IndexedKind for record_id in await self._outbox.pending(scope, kind)]
        held = await self._outbox.held(scope)
        for start in range(0, len(waiting), BATCH):
            if await self._make_true(scope, waiting[start : start + BATCH]):
                raise StorageUnavailable(store="index")
        await let_workers_end(self._outbox, scope, held)

    async def _scope(self, scope: Scope, entries: Sequence[OutboxEntry]) -> None:
        """Bring everything that *entries* name up to date, each record once, and retire those that are."""
        moving = await self._make_true(scope, [(entry.kind, entry.record_id) for entry in entries])
        # what keeps moving stays in the outbox for a later pass
        await self._outbox.retire([entry for entry in entries if moving.isdisjoint(_records(entry.kind, entry.record_id))])

    async def _make_true(self, scope: Scope, changed: Collection[tuple[IndexedKind, str]]) -> set[Record]:
        """Bring what entries of these kinds name up to date, and return the records that keep moving."""
        wholes = {Record(kind, record_id) for kind, record_id in changed if _is_whole(record_id)}
        for whole in sorted(wholes):
            await self._remove_whole(scope, whole)
        return await self._settle(scope, {record for kind, record_id in changed for record in _records(kind, record_id)})

    async def _remove_whole(self, scope: Scope, record: Record) -> None:
        """Remove all of a deleted user, all turns of a deleted session, or all chunks of an upload that is gone."""
        whole = record.record_id.removesuffix(_ALL_PARTS)
        if record.record_id == _EVERYTHING:
            await self._index.delete_scope(scope)
        elif record.kind is IndexedKind.CHUNK:
            await self._index.delete_upload_chunks(scope, UploadId(whole))
        else:
            await self._index.delete_session_turns(scope, SessionId(whole))

    async def _settle(self, scope: Scope, records: Collection[Record]) -> set[Record]:
        """Write records until the truth stands still, and return those that did not."""
        left = set(records)
        for _ in range(_ROUNDS):
            if not left:
                break
            before = await self._reader(scope, left)
            await self._write(scope, before)
            after = await self._reader(scope, left)
            left = {record for record in left if before[record] != after[record]}
        return left

    async def _write(self, scope: Scope, truth: Mapping[Record, Truth | None]) -> None:
        points = await self._points(scope, {record: one for record, one in truth.items() if one is not None})
        if points:
            await self._index.upsert(points)
        for kind in IndexedKind:
            gone = sorted(record.record_id for record, one in truth.items() if one is None and record.kind is kind)
            if gone:
                await self._index.delete(kind, scope, gone)


def _is_whole(record_id: str) -> bool:
    return record_id == _EVERYTHING or record_id.endswith(_ALL_PARTS)


def _records(kind: IndexedKind, record_id: str) -> Sequence[Record]:
    """Return the records that an entry stands for, none for a whole: of chunks it names many at once."""
    if _is_whole(record_id):
        return []
    ids = parse_chunk_range(record_id) if kind is IndexedKind.CHUNK else [record_id]
    return [Record(kind, id_) for id_ in ids]
