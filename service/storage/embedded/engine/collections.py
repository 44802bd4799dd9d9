"""The shards of the engine: one for each kind of record."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

from qdrant_edge import (
    CountRequest,
    Distance,
    EdgeConfig,
    EdgeShard,
    EdgeSparseVectorParams,
    EdgeVectorParams,
    Filter,
    HnswIndexConfig,
    KeywordIndexParams,
    Modifier,
    PayloadSchemaType,
    PayloadSelector,
    QueryBatchRequest,
    QueryRequest,
    Record,
    ScoredPoint,
    ScrollRequest,
    UpdateOperation,
)

from service.domain.ports.index import DENSE_VECTORS, SPARSE_VECTORS
from service.domain.ports.work import IndexedKind
from service.storage import points
from service.storage.embedded.engine.model_file import IndexModel, forget_model, read_model, write_model

PointId: TypeAlias = int | str | UUID
Payload: TypeAlias = Mapping[str, Any]

_SCROLL_PAGE = 1000


class NotPrepared(RuntimeError):
    """There are no collections yet."""


class Collections:
    """
    The shards in one directory, which exist from the first `prepare` or `reset` on.

    Every method but `sync_logs` blocks, and holds Python's global lock while it does. An error in an update or on the way to
    the disk means a broken disk or broken files: whoever meets one must end the process, and with the next start it is at what
    is on disk.
    """

    def __init__(self, directory: Path) -> None:
        """Open what is there."""
        self._directory = directory
        self._model_file = directory / "model.json"
        self._model = read_model(self._model_file)
        self._shards = {} if self._model is None else {kind: self._load(kind, self._model.dimension) for kind in IndexedKind}

    @property
    def model(self) -> IndexModel:
        """The model that the collections were made for. Raises NotPrepared."""
        if self._model is None:
            raise NotPrepared
        return self._model

    def prepare(self, model: IndexModel) -> None:
        """Make the collections for *model* unless there are some."""
        if self._model is None:
            self.reset(model)

    def reset(self, model: IndexModel) -> None:
        """Drop every point and make the collections anew."""
        # The note is removed first and written last: collections without it are a work that a crash cut short.
        forget_model(self._model_file)
        self._model = None
        self.close()
        self._shards = {kind: self._create(self._path(kind), kind, model.dimension) for kind in IndexedKind}
        self.flush(IndexedKind)
        write_model(self._model_file, model)
        self._model = model

    def update(self, kind: IndexedKind, operation: UpdateOperation) -> None:
        """Change the points of a kind, and write the change to its log. Not durable before the log is synced."""
        self._shard(kind).update(operation)

    async def sync_logs(self, kinds: Iterable[IndexedKind]) -> None:
        """
        Bring the logs of *kinds* to the disk, which makes their updates durable: the next start repeats what is in the log and
        not in the segments. Unlike `flush` it leaves the global lock alone.
        """
        for kind in kinds:
            await asyncio.to_thread(sync_files, self._path(kind) / "wal")

    def flush(self, kinds: Iterable[IndexedKind]) -> None:
        """Bring the segments of *kinds* to the disk and drop their logs."""
        for kind in kinds:
            self._shards[kind].flush()

    def search(self, kind: IndexedKind, queries: Sequence[QueryRequest]) -> Sequence[Sequence[ScoredPoint]]:
        """Answer queries over one kind, in order. The points come without their payloads."""
        return self._shard(kind).query_batch(QueryBatchRequest(list(queries)))

    def payloads(self, kind: IndexedKind, ids: Iterable[PointId]) -> Mapping[PointId, Payload]:
        """Return the payloads of points that there are."""
        records = self._shard(kind).retrieve(list(ids), with_payload=True, with_vector=False)
        return {record.id: record.payload for record in records if record.payload}

    def points(
        self, kind: IndexedKind, where: Filter, *, offset: PointId | None, limit: int
    ) -> tuple[Sequence[Record], PointId | None]:
        """
        Return one page of the points that *where* selects, with everything, from the id *offset* on, in the order of their ids,
        and the id with which the next page begins, None after the last.
        """
        request = ScrollRequest(offset=offset, limit=limit, filter=where, with_payload=True, with_vector=True)
        return self._shard(kind).scroll(request)

    def records(self, kind: IndexedKind, where: Filter) -> Iterator[Sequence[str]]:
        """Yield the record ids of all points that *where* selects, a page at a time."""
        offset = None
        while True:
            page, offset = self._shard(kind).scroll(
                ScrollRequest(
                    offset=offset, limit=_SCROLL_PAGE, filter=where, with_payload=PayloadSelector.Include([points.RECORD])
                )
            )
            yield [str(record.payload[points.RECORD]) for record in page if record.payload]
            if offset is None:
                return

    def count(self, kind: IndexedKind) -> int:
        """Return how many points there are of a kind."""
        return self._shard(kind).count(CountRequest(exact=True))

    def close(self) -> None:
        """Flush and close every shard."""
        for shard in self._shards.values():
            shard.close()
        self._shards = {}

    def _shard(self, kind: IndexedKind) -> EdgeShard:
        if self._model is None:
            raise NotPrepared
        return self._shards[kind]

    def _path(self, kind: IndexedKind) -> Path:
        return self._directory / kind.value

    def _load(self, kind: IndexedKind, dimension: int) -> EdgeShard:
        """Open the shard of a kind; a kind that an older release did not know has none yet."""
        if not self._path(kind).exists():
            # under another name until it is whole: a crash leaves nothing that the next start takes for a shard
            draft = self._path(kind).with_suffix(".draft")
            self._create(draft, kind, dimension).close()
            draft.rename(self._path(kind))
        return EdgeShard.load(str(self._path(kind)))

    def _create(self, path: Path, kind: IndexedKind, dimension: int) -> EdgeShard:
        shutil.rmtree(path, ignore_errors=True)
        shard = EdgeShard.create(str(path), _config(kind, dimension))
        shard.update(UpdateOperation.create_field_index(points.TENANT, KeywordIndexParams(is_tenant=True)))
        for field in points.KEYWORD_FIELDS:
            shard.update(UpdateOperation.create_field_index(field, PayloadSchemaType.Keyword))
        for field in points.DATETIME_FIELDS:
            shard.update(UpdateOperation.create_field_index(field, PayloadSchemaType.Datetime))
        return shard


def sync_files(directory: Path) -> None:
    """Bring every file of *directory*, and their names, to the disk."""
    while not _synced(directory):
        # the library makes the next part of its log beside our back, under a name that it changes when the part is ready
        pass


def _synced(directory: Path) -> bool:
    """Bring the files to the disk; return False when one of them was gone, and may be there under another name."""
    for path in (*directory.iterdir(), directory):
        try:
            handle = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    return True


def _config(kind: IndexedKind, dimension: int) -> EdgeConfig:
    return EdgeConfig(
        vectors={name: EdgeVectorParams(size=dimension, distance=Distance.Cosine) for name in DENSE_VECTORS[kind]},
        sparse_vectors={name: EdgeSparseVectorParams(modifier=Modifier.Idf) for name in SPARSE_VECTORS[kind]},
        # no graph over all tenants: every search is within one
        hnsw_config=HnswIndexConfig(m=0, payload_m=16, ef_construct=100, full_scan_threshold=10_000),
    )
