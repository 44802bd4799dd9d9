"""The engine's gRPC service: decode, call, encode."""
# ruff: noqa: N802 - the methods are named by the contract

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeAlias

import grpc
from mneme.internal.v1 import vector_index_pb2 as pb
from mneme.internal.v1.vector_index_pb2_grpc import VectorIndexServiceServicer
from qdrant_edge import UpdateOperation

from service.domain.ports.work import IndexedKind
from service.storage.embedded.engine.answers import Answer, from_library, from_view, is_known
from service.storage.embedded.engine.collections import Collections, NotPrepared
from service.storage.embedded.engine.commits import GroupCommit
from service.storage.embedded.engine.model_file import IndexModel
from service.storage.embedded.engine.translate import BadRequest, check_query, to_filter, to_kind, to_point
from service.storage.embedded.engine.views import Views

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class VectorIndexServicer(VectorIndexServiceServicer):
    """
    Serves the collections. Reads run on the event loop, one after the other: a thread would gain nothing, since the library
    holds Python's global lock. Updates run there too, in `GroupCommit`; only the disk is waited for elsewhere.
    """

    def __init__(self, collections: Collections, commits: GroupCommit, views: Views) -> None:
        """Read from *views* or *collections*, write through *commits*."""
        self._collections = collections
        self._commits = commits
        self._views = views

    async def Prepare(self, request: pb.PrepareRequest, context: Context) -> pb.PrepareResponse:
        """Make the collections if there are none."""
        del context
        self._collections.prepare(IndexModel(name=request.model.name, dimension=request.model.dimension))
        model = self._collections.model
        return pb.PrepareResponse(model=pb.Model(name=model.name, dimension=model.dimension))

    async def Reset(self, request: pb.ResetRequest, context: Context) -> pb.ResetResponse:
        """Make the collections anew."""
        del context
        await self._commits.reset(IndexModel(name=request.model.name, dimension=request.model.dimension), self._views.clear)
        return pb.ResetResponse()

    async def Upsert(self, request: pb.UpsertRequest, context: Context) -> pb.UpsertResponse:
        """Write points."""
        async with _refusals(context):
            kind, dimension = to_kind(request.kind), self._collections.model.dimension
            points = [to_point(kind, point, dimension) for point in request.points]
            await self._commits.submit(
                kind, UpdateOperation.upsert_points(points), partial(self._views.put, kind, request.points)
            )
        return pb.UpsertResponse()

    async def DeletePoints(self, request: pb.DeletePointsRequest, context: Context) -> pb.DeletePointsResponse:
        """Remove points by id."""
        async with _refusals(context):
            kind, ids = to_kind(request.kind), list(request.point_ids)
            await self._delete(kind, UpdateOperation.delete_points([*ids]), partial(self._views.remove, kind, ids))
        return pb.DeletePointsResponse()

    async def DeleteMatching(self, request: pb.DeleteMatchingRequest, context: Context) -> pb.DeleteMatchingResponse:
        """Remove points of a tenant."""
        async with _refusals(context):
            kind, where = to_kind(request.kind), to_filter(request.tenant, request.filter)
            await self._delete(
                kind, UpdateOperation.delete_points_by_filter(where), partial(self._views.drop, kind, request.tenant)
            )
        return pb.DeleteMatchingResponse()

    async def Search(self, request: pb.SearchRequest, context: Context) -> pb.SearchResponse:
        """Answer queries, those over the same kind as one batch."""
        response = pb.SearchResponse(results=[pb.Hits()] * len(request.queries))
        async with _refusals(context):
            among: defaultdict[IndexedKind, list[int]] = defaultdict(list)
            for place, query in enumerate(request.queries):
                kind = to_kind(query.kind)
                check_query(kind, query, self._collections.model.dimension)
                among[kind].append(place)
            for number, (kind, places) in enumerate(among.items()):
                found, answers = self._answer(kind, request.tenant, [request.queries[place] for place in places])
                response.found.append(found)
                for place, hits in zip(places, answers, strict=True):
                    hits.among = number
                    response.results[place].CopyFrom(hits)
        return response

    async def ListRecords(self, request: pb.ListRecordsRequest, context: Context) -> pb.ListRecordsResponse:
        """List the records of a tenant."""
        response = pb.ListRecordsResponse()
        async with _refusals(context):
            for page in self._collections.records(to_kind(request.kind), to_filter(request.tenant)):
                response.record_ids.extend(page)
                # a long list must not hold up the searches
                await asyncio.sleep(0)
        return response

    async def Count(self, request: pb.CountRequest, context: Context) -> pb.CountResponse:
        """Count the points of a kind."""
        async with _refusals(context):
            return pb.CountResponse(count=self._collections.count(to_kind(request.kind)))

    def _answer(self, kind: IndexedKind, tenant: str, queries: Sequence[pb.Query]) -> Answer:
        view = self._views.get(kind, tenant) if all(map(is_known, queries)) else None
        return from_library(self._collections, kind, tenant, queries) if view is None else from_view(view, queries)

    async def _delete(self, kind: IndexedKind, operation: UpdateOperation, applied: Callable[[], None]) -> None:
        _ = self._collections.model
        await self._commits.submit(kind, operation, applied)


@asynccontextmanager
async def _refusals(context: Context) -> AsyncIterator[None]:
    try:
        yield
    except BadRequest as error:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
    except NotPrepared:
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the index is not prepared")
