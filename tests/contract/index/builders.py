"""Points and queries for the index tests: small vectors, one user, one fixed time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from service.domain.ids import ProjectId, Scope, SessionId, UserKey
from service.domain.ports.index import (
    DENSE,
    DENSE_VECTORS,
    SPARSE,
    SPARSE_VECTORS,
    Hit,
    IndexFilter,
    IndexPoint,
    IndexQuery,
    Vector,
    VectorIndex,
)
from service.domain.ports.work import IndexedKind

MODEL = "test-model"
DIMENSION = 3
EAST: Vector = (1.0, 0.0, 0.0)
NORTH: Vector = (0.0, 1.0, 0.0)
NORTH_EAST: Vector = (0.6, 0.8, 0.0)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
NO_CONDITION = IndexFilter()


def scope(user: str = "ann", project: str = "acme") -> Scope:
    """Return the scope of a user."""
    return Scope(project_id=ProjectId(project), user_key=UserKey(user))


def point(
    record_id: str,
    *,
    kind: IndexedKind = IndexedKind.TURN,
    owner: Scope | None = None,
    vector: Vector = EAST,
    text: str = "a greyhound called Comet",
    session: str = "s1",
    order: int = 0,
    created_at: datetime = NOW,
    event: tuple[datetime, datetime] = (NOW, NOW),
    categories: Sequence[str] = (),
    traits: Sequence[float] = (),
) -> IndexPoint:
    """Return a point that has the same vector and the same text under each name of its kind."""
    return IndexPoint(
        kind=kind,
        scope=owner or scope(),
        record_id=record_id,
        dense=dict.fromkeys(DENSE_VECTORS[kind], vector),
        texts=dict.fromkeys(SPARSE_VECTORS[kind], text),
        session_id=SessionId(session),
        order=order,
        created_at=created_at,
        event_start=event[0],
        event_end=event[1],
        categories=tuple(categories),
        traits=tuple(traits),
    )


def like(
    vector: Vector,
    *,
    kind: IndexedKind = IndexedKind.TURN,
    name: str = DENSE,
    limit: int = 100,
    where: IndexFilter = NO_CONDITION,
) -> IndexQuery:
    """Return a search by meaning."""
    return IndexQuery(kind=kind, name=name, vector=vector, limit=limit, where=where)


def words(
    text: str,
    *,
    kind: IndexedKind = IndexedKind.TURN,
    name: str = SPARSE,
    limit: int = 100,
    where: IndexFilter = NO_CONDITION,
) -> IndexQuery:
    """Return a search by word."""
    return IndexQuery(kind=kind, name=name, text=text, limit=limit, where=where)


async def hits(index: VectorIndex, query: IndexQuery, owner: Scope | None = None) -> Sequence[Hit]:
    """Return what one query finds."""
    [found] = await index.search(owner or scope(), [query])
    return found


async def found(index: VectorIndex, query: IndexQuery, owner: Scope | None = None) -> list[str]:
    """Return the record ids that one query finds, best first."""
    return [hit.record_id for hit in await hits(index, query, owner)]


async def selected(index: VectorIndex, where: IndexFilter) -> set[str]:
    """Return the record ids of all turns that a filter selects, by a search that every turn matches."""
    return set(await found(index, like(EAST, where=where)))
