"""The vector index over the engine's socket."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar, cast

import grpc
from mneme.internal.v1 import vector_index_pb2 as pb
from mneme.internal.v1.vector_index_pb2_grpc import VectorIndexServiceStub

from frames.client import Channel, open_channel
from service.domain.errors import IndexModelMismatch, StorageUnavailable
from service.domain.ids import Scope, SessionId, UploadId
from service.domain.ports.index import NO_HITS, Hits, IndexPoint, IndexQuery
from service.domain.ports.work import IndexedKind
from service.storage.bm25 import WordEncoder
from service.storage.embedded.encode import decode_hits, encode_point, encode_query
from service.storage.embedded.wire import KINDS, MESSAGE_LIMIT, UPSERT_LIMIT
from service.storage.points import point_id, selects_nothing, tenant_key

Request = TypeVar("Request")
Response = TypeVar("Response")

_SEARCH_SECONDS = 5.0
_UPDATE_SECONDS = 30.0

_REPEAT_SECONDS = 0.1

_UNREACHABLE = frozenset(
    # while the engine is away a call waits for it until its deadline; a stopping engine cancels what runs
    {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}
)


class EmbeddedIndex:
    """The `VectorIndex` port over the embedded engine."""

    def __init__(self, channel: Channel, *, search_seconds: float, update_seconds: float) -> None:
        """Talk over *channel*. A call that has no answer in time, for want of an engine too, raises StorageUnavailable."""
        self._stub = VectorIndexServiceStub(cast("grpc.aio.Channel", channel))
        self._encoder = WordEncoder()
        self._search_seconds = search_seconds
        self._update_seconds = update_seconds

    async def prepare(self, *, model: str, dimension: int) -> None:
        """Make the collections if they are missing. Raises IndexModelMismatch when they were made for another model."""
        wanted = pb.Model(name=model, dimension=dimension)
        response = await self._update(self._stub.Prepare, pb.PrepareRequest(model=wanted))
        if response.model != wanted:
            raise IndexModelMismatch(indexed=_model_text(response.model), configured=_model_text(wanted))

    async def reset(self, *, model: str, dimension: int) -> None:
        """Drop everything and make empty collections for this model."""
        await self._update(self._stub.Reset, pb.ResetRequest(model=pb.Model(name=model, dimension=dimension)))

    async def upsert(self, points: Sequence[IndexPoint]) -> None:
        """Write points, in place of older ones of the same records. Durable when it returns."""
        kinds: defaultdict[IndexedKind, list[IndexPoint]] = defaultdict(list)
        for point in points:
            kinds[point.kind].append(point)
        # at once, so that they share a flush
        await asyncio.gather(*(self._upsert(kind, group) for kind, group in kinds.items()))

    async def delete(self, kind: IndexedKind, scope: Scope, record_ids: Sequence[str]) -> None:
        """Remove points; missing ones are no error. Durable when it returns."""
        ids = [point_id(kind, scope, record_id) for record_id in record_ids]
        await self._update(self._stub.DeletePoints, pb.DeletePointsRequest(kind=KINDS[kind], point_ids=ids))

    async def delete_session_turns(self, scope: Scope, session_id: SessionId) -> None:
        """Remove every turn of a session. Durable when it returns."""
        request = pb.DeleteMatchingRequest(kind=pb.KIND_TURN, tenant=tenant_key(scope), filter=pb.Filter(sessions=[session_id]))
        await self._update(self._stub.DeleteMatching, request)

    async def delete_upload_chunks(self, scope: Scope, upload_id: UploadId) -> None:
        """Remove every chunk of an upload. Durable when it returns."""
        request = pb.DeleteMatchingRequest(kind=pb.KIND_CHUNK, tenant=tenant_key(scope), filter=pb.Filter(sessions=[upload_id]))
        await self._update(self._stub.DeleteMatching, request)

    async def delete_scope(self, scope: Scope) -> None:
        """Remove every point of a user. Durable when it returns."""
        requests = [pb.DeleteMatchingRequest(kind=kind, tenant=tenant_key(scope)) for kind in KINDS.values()]
        await asyncio.gather(*(self._update(self._stub.DeleteMatching, request) for request in requests))

    async def search(self, scope: Scope, queries: Sequence[IndexQuery]) -> Sequence[Hits]:
        """Answer all *queries* in one round trip, each with its hits, best first. Finds nothing outside *scope*."""
        results = [NO_HITS] * len(queries)
        request = pb.SearchRequest(tenant=tenant_key(scope))
        places = []
        for place, query in enumerate(queries):
            message = None if selects_nothing(query.where) else encode_query(scope, query, self._encoder)
            if message is not None:
                request.queries.append(message)
                places.append(place)
        if places:
            response = await self._call(self._stub.Search, request, self._search_seconds)
            for place, hits in zip(places, decode_hits(response), strict=True):
                results[place] = hits
        return results

    async def record_ids(self, kind: IndexedKind, scope: Scope) -> frozenset[str]:
        """Return the ids of all records of a user that have a point, for comparison with the truth."""
        request = pb.ListRecordsRequest(kind=KINDS[kind], tenant=tenant_key(scope))
        return frozenset((await self._update(self._stub.ListRecords, request)).record_ids)

    async def count(self, kind: IndexedKind) -> int:
        """Return how many points there are of a kind."""
        response = await self._call(self._stub.Count, pb.CountRequest(kind=KINDS[kind]), self._search_seconds)
        return response.count

    async def _upsert(self, kind: IndexedKind, points: Sequence[IndexPoint]) -> None:
        for start in range(0, len(points), UPSERT_LIMIT):
            part = [encode_point(point, self._encoder) for point in points[start : start + UPSERT_LIMIT]]
            await self._update(self._stub.Upsert, pb.UpsertRequest(kind=KINDS[kind], points=part))

    async def _update(self, method: grpc.aio.UnaryUnaryMultiCallable[Request, Response], request: Request) -> Response:
        return await self._call(method, request, self._update_seconds)

    async def _call(
        self, method: grpc.aio.UnaryUnaryMultiCallable[Request, Response], request: Request, seconds: float
    ) -> Response:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            try:
                return await method(request, timeout=deadline - loop.time(), wait_for_ready=True)
            except grpc.aio.AioRpcError as error:
                if error.code() in _UNREACHABLE:
                    raise StorageUnavailable(store="qdrant") from error
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
            # every method can be repeated: a call that met the death of the engine goes to the one that its owner starts instead
            await asyncio.sleep(_REPEAT_SECONDS)


@asynccontextmanager
async def open_index(
    socket: Path, *, search_seconds: float = _SEARCH_SECONDS, update_seconds: float = _UPDATE_SECONDS
) -> AsyncIterator[EmbeddedIndex]:
    """Connect to the engine on *socket*. It need not run yet: the first call waits for it, up to the call's deadline."""
    async with open_channel(socket, limit=MESSAGE_LIMIT) as channel:
        yield EmbeddedIndex(channel, search_seconds=search_seconds, update_seconds=update_seconds)


def _model_text(model: pb.Model) -> str:
    return f"{model.name}/{model.dimension}"
