"""Points and queries of the domain as wire messages, and hits back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp
from mneme.internal.v1 import vector_index_pb2 as pb

from service.domain.ids import Scope, SessionId
from service.domain.ports.index import TRAIT_COUNT, Hits, IndexFilter, IndexPoint, IndexQuery, Records, Vector
from service.domain.ports.work import IndexedKind
from service.storage.bm25 import WordEncoder, Words
from service.storage.embedded.wire import KINDS
from service.storage.points import point_id, tenant_key


def encode_point(point: IndexPoint, encoder: WordEncoder) -> pb.Point:
    """Return the message of a point; its texts become words here, so that no text leaves this process."""
    words = {name: encoder.document(text) for name, text in point.texts.items()}
    return pb.Point(
        id=point_id(point.kind, point.scope, point.record_id),
        tenant=tenant_key(point.scope),
        record_id=point.record_id,
        session_id=point.session_id,
        order=point.order,
        created_at=_timestamp(point.created_at),
        event_start=_timestamp(point.event_start),
        event_end=_timestamp(point.event_end),
        categories=point.categories,
        traits=point.traits,
        dense={name: _dense(vector) for name, vector in point.dense.items()},
        sparse={name: _sparse(found) for name, found in words.items() if found},
    )


def encode_query(scope: Scope, query: IndexQuery, encoder: WordEncoder) -> pb.Query | None:
    """Return the message of a query, or None when it asks for no word. Raises ValueError when it has neither vector nor text."""
    message = pb.Query(kind=KINDS[query.kind], vector_name=query.name, limit=query.limit)
    if query.vector is not None:
        message.dense.CopyFrom(_dense(query.vector))
    elif query.text is not None:
        words = encoder.query(query.text)
        if not words:
            return None
        message.sparse.CopyFrom(_sparse(words))
    else:
        raise ValueError(f"a query of {query.name!r} needs a vector or a text")
    message.filter.CopyFrom(_encode_filter(query.kind, scope, query.where))
    return message


def decode_hits(response: pb.SearchResponse) -> Sequence[Hits]:
    """Return the hits of each query, in the same order."""
    found = [
        Records(
            record_ids=records.record_ids,
            sessions=cast("Sequence[SessionId]", records.sessions),
            session_places=_column(records.session_places, "<i4"),
            orders=_column(records.orders, "<i8"),
            traits=cast("Sequence[Sequence[float]]", np.frombuffer(records.traits, dtype="<f8").reshape(-1, TRAIT_COUNT)),
        )
        for records in response.found
    ]
    return [Hits(found[hits.among], _column(hits.places, "<i4"), _column(hits.scores, "<f4")) for hits in response.results]


def _column(values: bytes, kind: str) -> Sequence[Any]:
    return cast("Sequence[Any]", np.frombuffer(values, dtype=kind))


def _encode_filter(kind: IndexedKind, scope: Scope, where: IndexFilter) -> pb.Filter:
    return pb.Filter(
        exclude_sessions=where.exclude_sessions,
        sessions=where.sessions,
        categories=where.categories,
        point_ids=where.record_ids and [point_id(kind, scope, record_id) for record_id in where.record_ids],
        event_from=_optional(where.event_from),
        event_to=_optional(where.event_to),
        created_from=_optional(where.created_from),
        created_to=_optional(where.created_to),
    )


def _dense(vector: Vector) -> pb.DenseVector:
    return pb.DenseVector(values=np.asarray(vector, dtype="<f4").tobytes())


def _sparse(words: Words) -> pb.SparseVector:
    return pb.SparseVector(indices=words.indices, values=words.values)


def _optional(time: datetime | None) -> Timestamp | None:
    return None if time is None else _timestamp(time)


def _timestamp(time: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp
