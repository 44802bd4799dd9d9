"""Points, queries and filters of the domain as the Qdrant client wants them, and hits back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from qdrant_client import models

from service.domain.ids import Scope, SessionId
from service.domain.ports.index import Hits, IndexFilter, IndexPoint, IndexQuery, Records
from service.domain.ports.work import IndexedKind
from service.storage import points
from service.storage.bm25 import WordEncoder, Words

_HIT_FIELDS = [points.RECORD, points.SESSION, points.ORDER, points.TRAITS]


def encode_point(point: IndexPoint, encoder: WordEncoder) -> models.PointStruct:
    """Return a point with its payload; its texts become words here, so that no text leaves this process."""
    words = {name: encoder.document(text) for name, text in point.texts.items()}
    return models.PointStruct(
        id=points.point_id(point.kind, point.scope, point.record_id),
        vector={
            **{name: list(vector) for name, vector in point.dense.items()},
            **{name: _sparse(found) for name, found in words.items() if found},
        },
        payload={
            points.TENANT: points.tenant_key(point.scope),
            points.RECORD: point.record_id,
            points.SESSION: point.session_id,
            points.ORDER: point.order,
            points.CREATED_AT: point.created_at.isoformat(),
            points.EVENT_START: point.event_start.isoformat(),
            points.EVENT_END: point.event_end.isoformat(),
            points.CATEGORIES: list(point.categories),
            **({points.TRAITS: list(point.traits)} if point.traits else {}),
        },
    )


def encode_query(scope: Scope, query: IndexQuery, encoder: WordEncoder, *, scoped_idf: bool) -> models.QueryRequest | None:
    """
    Return a query that finds nothing outside *scope*, or None when it asks for no word. With *scoped_idf* how rare a word is, is
    counted among the user's own records.

    Raises ValueError when the query has neither vector nor text.
    """
    params = None
    vector: list[float] | models.SparseVector
    if query.vector is not None:
        vector = list(query.vector)
    elif query.text is not None:
        words = encoder.query(query.text)
        if not words:
            return None
        vector = _sparse(words)
        if scoped_idf:
            params = models.SearchParams(idf=models.IdfCorpusParams(corpus=tenant_filter(scope)))
    else:
        raise ValueError(f"a query of {query.name!r} needs a vector or a text")
    return models.QueryRequest(
        query=vector,
        using=query.name,
        filter=_encode_filter(query.kind, scope, query.where),
        limit=query.limit,
        params=params,
        with_payload=_HIT_FIELDS,
    )


def decode_hits(found: Sequence[models.ScoredPoint]) -> Hits:
    """Return what was found, in the same order."""
    payloads = [point.payload or {} for point in found]
    sessions: dict[SessionId, int] = {}
    records = Records(
        record_ids=[payload[points.RECORD] for payload in payloads],
        session_places=[sessions.setdefault(SessionId(payload[points.SESSION]), len(sessions)) for payload in payloads],
        sessions=list(sessions),
        orders=[payload[points.ORDER] for payload in payloads],
        traits=[points.traits_in(payload) for payload in payloads],
    )
    return Hits(records, range(len(found)), [point.score for point in found])


def tenant_filter(scope: Scope, *, session_id: SessionId | None = None) -> models.Filter:
    """Return the filter for every point of a user, or of one of its sessions."""
    sessions = None if session_id is None else [session_id]
    return models.Filter(must=[_mine(scope), *_any_of(points.SESSION, sessions)])


def _encode_filter(kind: IndexedKind, scope: Scope, where: IndexFilter) -> models.Filter:
    ids = None if where.record_ids is None else [points.point_id(kind, scope, record_id) for record_id in where.record_ids]
    return models.Filter(
        must=[
            _mine(scope),
            *_any_of(points.SESSION, where.sessions),
            *_any_of(points.CATEGORIES, where.categories),
            *([] if ids is None else [models.HasIdCondition(has_id=list(ids))]),
            # an event overlaps a span when it does not end before it and does not begin after it
            *_between(points.EVENT_END, where.event_from, None),
            *_between(points.EVENT_START, None, where.event_to),
            *_between(points.CREATED_AT, where.created_from, where.created_to),
        ],
        must_not=[*_any_of(points.SESSION, where.exclude_sessions or None)],
    )


def _mine(scope: Scope) -> models.FieldCondition:
    return models.FieldCondition(key=points.TENANT, match=models.MatchValue(value=points.tenant_key(scope)))


def _any_of(field: str, values: Collection[str] | None) -> list[models.FieldCondition]:
    return [] if values is None else [models.FieldCondition(key=field, match=models.MatchAny(any=list(values)))]


def _between(field: str, first: datetime | None, last: datetime | None) -> list[models.FieldCondition]:
    if first is None and last is None:
        return []
    return [models.FieldCondition(key=field, range=models.DatetimeRange(gte=first, lte=last))]


def _sparse(words: Words) -> models.SparseVector:
    return models.SparseVector(indices=list(words.indices), values=list(words.values))
