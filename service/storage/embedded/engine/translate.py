"""Wire messages as the engine library wants them, and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Literal, TypeAlias

from google.protobuf.timestamp_pb2 import Timestamp
from mneme.internal.v1 import vector_index_pb2 as pb
from qdrant_edge import (
    FieldCondition,
    Filter,
    HasIdCondition,
    IdfParams,
    MatchAny,
    MatchValue,
    Point,
    Query,
    QueryRequest,
    RangeDateTime,
    SearchParams,
    SparseVector,
)

from service.domain.ports.index import DENSE_VECTORS, SPARSE_VECTORS
from service.domain.ports.work import IndexedKind
from service.storage import points
from service.storage.embedded.engine.entries import to_array
from service.storage.embedded.wire import KINDS

_Bound: TypeAlias = Literal["event_from", "event_to", "created_from", "created_to"]

_FLOAT_BYTES = 4
_KINDS = {wire: kind for kind, wire in KINDS.items()}


class BadRequest(ValueError):
    """A request that no client of this release makes."""


def to_kind(kind: pb.Kind.ValueType) -> IndexedKind:
    """Return the kind. Raises BadRequest when there is none."""
    try:
        return _KINDS[kind]
    except KeyError:
        raise BadRequest(f"unknown kind {kind}") from None


def to_point(kind: IndexedKind, point: pb.Point, dimension: int) -> Point:
    """Return a point with its payload. Raises BadRequest when a vector does not fit its kind."""
    for name, vector in point.dense.items():
        _check_dense(kind, name, vector, dimension)
    for name in point.sparse:
        _check_name(name, SPARSE_VECTORS[kind])
    dense = {name: to_array(vector).tolist() for name, vector in point.dense.items()}
    sparse = {name: _to_sparse(vector) for name, vector in point.sparse.items()}
    payload = {
        points.TENANT: point.tenant,
        points.RECORD: point.record_id,
        points.SESSION: point.session_id,
        points.ORDER: point.order,
        points.CREATED_AT: _to_text(point.created_at),
        points.EVENT_START: _to_text(point.event_start),
        points.EVENT_END: _to_text(point.event_end),
        points.CATEGORIES: list(point.categories),
        **({points.TRAITS: list(point.traits)} if point.traits else {}),
    }
    return Point(point.id, {**dense, **sparse}, payload)


def check_query(kind: IndexedKind, query: pb.Query, dimension: int) -> None:
    """Raise BadRequest when the vector of a query does not fit its kind."""
    if query.HasField("dense"):
        _check_dense(kind, query.vector_name, query.dense, dimension)
    else:
        _check_name(query.vector_name, SPARSE_VECTORS[kind])


def to_query(tenant: str, query: pb.Query) -> QueryRequest:
    """Return a query that can find nothing outside *tenant*."""
    params = None
    vector: list[float] | SparseVector
    if query.HasField("dense"):
        vector = to_array(query.dense).tolist()
    else:
        vector = _to_sparse(query.sparse)
        # how rare a word is, is a matter of this tenant's records: nobody else's words may move its scores
        params = SearchParams(idf=IdfParams(corpus=to_filter(tenant)))
    return QueryRequest(
        query=Query.Nearest(vector, using=query.vector_name),
        filter=to_filter(tenant, query.filter),
        limit=max(1, query.limit),
        params=params,
        # read afterwards, once for each point, since queries of one batch find much the same points
        with_payload=False,
    )


def to_filter(tenant: str, where: pb.Filter | None = None) -> Filter:
    """Return the filter for the points of *tenant* that *where* selects."""
    mine = FieldCondition(points.TENANT, match=MatchValue(tenant))
    if where is None:
        return Filter(must=[mine])
    event_from, event_to = _bound(where, "event_from"), _bound(where, "event_to")
    return Filter(
        must=[
            mine,
            *_any_of(points.SESSION, where.sessions),
            *_any_of(points.CATEGORIES, where.categories),
            *([HasIdCondition(set(where.point_ids))] if where.point_ids else []),
            # an event overlaps a span when it does not end before it and does not begin after it
            *_between(points.EVENT_END, event_from, None),
            *_between(points.EVENT_START, None, event_to),
            *_between(points.CREATED_AT, _bound(where, "created_from"), _bound(where, "created_to")),
        ],
        must_not=[*_any_of(points.SESSION, where.exclude_sessions)],
    )


def _any_of(field: str, values: Sequence[str]) -> list[FieldCondition]:
    return [FieldCondition(field, match=MatchAny(list(values)))] if values else []


def _between(field: str, first: str | None, last: str | None) -> list[FieldCondition]:
    if first is None and last is None:
        return []
    return [FieldCondition(field, range=RangeDateTime(gte=first, lte=last))]


def _bound(where: pb.Filter, name: _Bound) -> str | None:
    return _to_text(getattr(where, name)) if where.HasField(name) else None


def _to_text(time: Timestamp) -> str:
    return time.ToDatetime(UTC).isoformat()


def _to_sparse(vector: pb.SparseVector) -> SparseVector:
    return SparseVector(list(vector.indices), list(vector.values))


def _check_dense(kind: IndexedKind, name: str, vector: pb.DenseVector, dimension: int) -> None:
    _check_name(name, DENSE_VECTORS[kind])
    if len(vector.values) != dimension * _FLOAT_BYTES:
        raise BadRequest(f"vector {name!r} has {len(vector.values)} bytes, the index has {dimension} dimensions")


def _check_name(name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise BadRequest(f"no vector {name!r} here, there is {', '.join(known)}")
