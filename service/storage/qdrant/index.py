"""The vector index port on a Qdrant server."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from service.domain.errors import StorageUnavailable
from service.domain.ids import Scope, SessionId, UploadId
from service.domain.ports.index import NO_HITS, Hits, IndexPoint, IndexQuery
from service.domain.ports.work import IndexedKind
from service.storage.bm25 import WordEncoder
from service.storage.points import RECORD, point_id, selects_nothing
from service.storage.qdrant.collections import Collections
from service.storage.qdrant.encode import decode_hits, encode_point, encode_query, tenant_filter

_TIMEOUT_SECONDS = 10
_UPSERT_LIMIT = 128
_SCROLL_PAGE = 1000
# since then a query can say among which points the rarity of a word is counted
_SCOPED_IDF_SINCE = (1, 19)
# medium: an update and a later delete of the same point go through one leader, so they cannot change places
_ORDERING = models.WriteOrdering.MEDIUM


class QdrantIndex:
    """The `VectorIndex` port over Qdrant's REST interface."""

    def __init__(self, client: AsyncQdrantClient, collections: Collections) -> None:
        """Use *collections*, which are on *client*."""
        self._client = client
        self._collections = collections
        self._encoder = WordEncoder()
        self._scoped_idf: bool | None = None

    async def prepare(self, *, model: str, dimension: int) -> None:
        """Make the collections if they are missing. Raises IndexModelMismatch when they were made for another model."""
        with _reachable():
            await self._collections.prepare(model, dimension)

    async def reset(self, *, model: str, dimension: int) -> None:
        """Drop everything and make empty collections for this model."""
        with _reachable():
            await self._collections.drop()
            await self._collections.prepare(model, dimension)

    async def upsert(self, points: Sequence[IndexPoint]) -> None:
        """Write points, in place of older ones of the same records. Durable when it returns."""
        groups: defaultdict[IndexedKind, list[IndexPoint]] = defaultdict(list)
        for point in points:
            groups[point.kind].append(point)
        with _reachable():
            for kind, group in groups.items():
                for start in range(0, len(group), _UPSERT_LIMIT):
                    part = [encode_point(point, self._encoder) for point in group[start : start + _UPSERT_LIMIT]]
                    await self._client.upsert(self._collections.name(kind), part, wait=True, ordering=_ORDERING)

    async def delete(self, kind: IndexedKind, scope: Scope, record_ids: Sequence[str]) -> None:
        """Remove points; missing ones are no error. Durable when it returns."""
        if record_ids:
            ids = models.PointIdsList(points=[point_id(kind, scope, record_id) for record_id in record_ids])
            await self._delete(kind, ids)

    async def delete_session_turns(self, scope: Scope, session_id: SessionId) -> None:
        """Remove every turn of a session. Durable when it returns."""
        await self._delete(IndexedKind.TURN, models.FilterSelector(filter=tenant_filter(scope, session_id=session_id)))

    async def delete_upload_chunks(self, scope: Scope, upload_id: UploadId) -> None:
        """Remove every chunk of an upload. Durable when it returns."""
        where = tenant_filter(scope, session_id=SessionId(upload_id))
        await self._delete(IndexedKind.CHUNK, models.FilterSelector(filter=where))

    async def delete_scope(self, scope: Scope) -> None:
        """Remove every point of a user. Durable when it returns."""
        for kind in IndexedKind:
            await self._delete(kind, models.FilterSelector(filter=tenant_filter(scope)))

    async def search(self, scope: Scope, queries: Sequence[IndexQuery]) -> Sequence[Hits]:
        """Answer all *queries*, one batch for each kind, at the same time. Finds nothing outside *scope*."""
        results = [NO_HITS] * len(queries)
        batches: defaultdict[IndexedKind, dict[int, models.QueryRequest]] = defaultdict(dict)
        with _reachable():
            scoped_idf = await self._knows_scoped_idf()
            for place, query in enumerate(queries):
                if selects_nothing(query.where):
                    continue
                request = encode_query(scope, query, self._encoder, scoped_idf=scoped_idf)
                if request is not None:
                    batches[query.kind][place] = request
            answers = await asyncio.gather(*(self._search(kind, batch) for kind, batch in batches.items()))
        for answer in answers:
            for place, hits in answer.items():
                results[place] = hits
        return results

    async def record_ids(self, kind: IndexedKind, scope: Scope) -> frozenset[str]:
        """Return the ids of all records of a user that have a point, for comparison with the truth."""
        found: set[str] = set()
        offset = None
        with _reachable():
            while True:
                page, offset = await self._client.scroll(
                    self._collections.name(kind),
                    scroll_filter=tenant_filter(scope),
                    limit=_SCROLL_PAGE,
                    offset=offset,
                    with_payload=[RECORD],
                )
                found.update(record.payload[RECORD] for record in page if record.payload)
                if offset is None:
                    return frozenset(found)

    async def count(self, kind: IndexedKind) -> int:
        """Return how many points there are of a kind."""
        with _reachable():
            return (await self._client.count(self._collections.name(kind), exact=True)).count

    async def _search(self, kind: IndexedKind, batch: dict[int, models.QueryRequest]) -> dict[int, Hits]:
        responses = await self._client.query_batch_points(self._collections.name(kind), list(batch.values()))
        return {place: decode_hits(response.points) for place, response in zip(batch, responses, strict=True)}

    async def _delete(self, kind: IndexedKind, selector: models.PointsSelector) -> None:
        with _reachable():
            await self._client.delete(self._collections.name(kind), selector, wait=True, ordering=_ORDERING)

    async def _knows_scoped_idf(self) -> bool:
        if self._scoped_idf is None:
            major, minor = (await self._client.info()).version.split(".")[:2]
            self._scoped_idf = (int(major), int(minor)) >= _SCOPED_IDF_SINCE
        return self._scoped_idf


@asynccontextmanager
async def open_index(url: str, *, api_key: str | None, prefix: str = "mneme") -> AsyncIterator[QdrantIndex]:
    """
    Connect to the Qdrant server at *url*, such as `http://127.0.0.1:6333`; collections are named `<prefix>_<kind>`.

    `:memory:` gives the client library's own imitation of a server, for tests.
    """
    local = url == ":memory:"
    client = AsyncQdrantClient(
        location=url if local else None,
        url=None if local else url,
        api_key=api_key,
        timeout=_TIMEOUT_SECONDS,
        # it would ask the server right here, and block while it does
        check_compatibility=False,
    )
    try:
        yield QdrantIndex(client, Collections(client=client, prefix=prefix, payload_indexes=not local))
    finally:
        await client.close()


@contextmanager
def _reachable() -> Iterator[None]:
    """Raise StorageUnavailable for a server that does not answer, is overloaded or has an error of its own."""
    try:
        yield
    except ResponseHandlingException as error:
        if isinstance(error.source, ValueError):
            # it answered, and the client cannot read the answer
            raise
        raise StorageUnavailable(store="qdrant") from error
    except ResourceExhaustedResponse as error:
        raise StorageUnavailable(store="qdrant") from error
    except UnexpectedResponse as error:
        if error.status_code is None or error.status_code < 500:
            raise
        raise StorageUnavailable(store="qdrant") from error
