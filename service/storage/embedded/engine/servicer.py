"""The engine's gRPC service: decode, call, encode."""
# ruff: noqa: N802 - the methods are named by the contract

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import grpc
from mneme.internal.v1 import vector_index_pb2 as pb
from mneme.internal.v1.vector_index_pb2_grpc import VectorIndexServiceServicer
from qdrant_edge import QueryRequest, UpdateOperation

from service.domain.ports.work import IndexedKind
from service.storage.embedded.engine.collections import Collections, NotPrepared
from service.storage.embedded.engine.commits import GroupCommit
from service.storage.embedded.engine.model_file import IndexModel
from service.storage.embedded.engine.translate import BadRequest, to_filter, to_found, to_kind, to_point, to_query

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class VectorIndexServicer(VectorIndexServiceServicer):
    """
    Serves the collections. Reads run on the event loop, one after the other: a thread would gain nothing, since the library
    holds Python's global lock. Updates run there too, in `GroupCommit`; only the disk is waited for elsewhere.
    """

    def __init__(self, collections: Collections, commits: GroupCommit) -> None:
        """Read from *collections*, write through *commits*."""
        self._collections = collections
        self._commits = commits

    async def Prepare(self, request: pb.PrepareRequest, context: Context) -> pb.PrepareResponse:
        """Make the collections if there are none."""
        del context
        self._collections.prepare(IndexModel(name=request.model.name, dimension=request.model.dimension))
        model = self._collections.model
        return pb.PrepareResponse(model=pb.Model(name=model.name, dimension=model.dimension))

    async def Reset(self, request: pb.ResetRequest, context: Context) -> pb.ResetResponse:
        """Make the collections anew."""
        del context
        await self._commits.reset(IndexModel(name=request.model.name, dimension=request.model.dimension))
        return pb.ResetResponse()

    async def Upsert(self, request: pb.UpsertRequest, context: Context) -> pb.UpsertResponse:
        """Write points."""
        async with _refusals(context):
            kind, dimension = to_kind(request.kind), self._collections.model.dimension
            points = [to_point(kind, point, dimension) for point in request.points]
            await self._commits.submit(kind, UpdateOperation.upsert_points(points))
        return pb.UpsertResponse()

    async def DeletePoints(self, request: pb.DeletePointsRequest, context: Context) -> pb.DeletePointsResponse:
        """Remove points by id."""
        async with _refusals(context):
            await self._delete(to_kind(request.kind), UpdateOperation.delete_points(list(request.point_ids)))
        return pb.DeletePointsResponse()

    async def DeleteMatching(self, request: pb.DeleteMatchingRequest, context: Context) -> pb.DeleteMatchingResponse:
        """Remove points of a tenant."""
        async with _refusals(context):
            where = to_filter(request.tenant, request.filter)
            await self._delete(to_kind(request.kind), UpdateOperation.delete_points_by_filter(where))
        return pb.DeleteMatchingResponse()

    async def Search(self, request: pb.SearchRequest, context: Context) -> pb.SearchResponse:
        """Answer queries, those over the same kind as one batch."""
        response = pb.SearchResponse(results=[pb.Hits()] * len(request.queries))
        async with _refusals(context):
            among: defaultdict[IndexedKind, list[int]] = defaultdict(list)
            for place, query in enumerate(request.queries):
                among[to_kind(query.kind)].append(place)
            dimension = self._collections.model.dimension
            for kind, places in among.items():
                queries = [to_query(kind, request.tenant, request.queries[place], dimension) for place in places]
                self._answer(kind, queries, [response.results[place] for place in places], response)
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

    def _answer(
        self, kind: IndexedKind, queries: Sequence[QueryRequest], results: Sequence[pb.Hits], response: pb.SearchResponse
    ) -> None:
        answers = self._collections.search(kind, queries)
        # read once: the library builds an id anew each time it is asked for
        ids = [[point.id for point in answer] for answer in answers]
        places = {}
        for point_id, payload in self._collections.payloads(kind, {one for answer in ids for one in answer}).items():
            places[point_id] = len(response.found)
            response.found.append(to_found(payload))
        for result, answer, answer_ids in zip(results, answers, ids, strict=True):
            result.places.extend([places[point_id] for point_id in answer_ids])
            result.scores.extend([point.score for point in answer])

    async def _delete(self, kind: IndexedKind, operation: UpdateOperation) -> None:
        _ = self._collections.model
        await self._commits.submit(kind, operation)


@asynccontextmanager
async def _refusals(context: Context) -> AsyncIterator[None]:
    try:
        yield
    except BadRequest as error:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
    except NotPrepared:
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the index is not prepared")
