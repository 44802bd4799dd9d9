"""The index: finds records by meaning and by word. Holds ids, vectors and filter fields, never text, and can be rebuilt."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias, overload

from service.domain.ids import Scope, SessionId, UploadId
from service.domain.ports.work import IndexedKind

Vector: TypeAlias = Sequence[float]

DENSE = "dense"
"""Embedding of the record's own text."""
DENSE_CONTEXT = "dense_context"
"""Embedding of a turn together with the turn before it. Turns only."""
SPARSE = "sparse"
"""Words of the record's own text, weighted by BM25."""
SPARSE_CONTEXT = "sparse_context"
"""Words of what stands around the record: of a turn the window of two turns either side; of a summary the whole session."""

DENSE_VECTORS: Mapping[IndexedKind, tuple[str, ...]] = {
    IndexedKind.MEMORY: (DENSE,),
    IndexedKind.SUMMARY: (DENSE,),
    IndexedKind.TURN: (DENSE, DENSE_CONTEXT),
    IndexedKind.CHUNK: (DENSE,),
}
SPARSE_VECTORS: Mapping[IndexedKind, tuple[str, ...]] = {
    IndexedKind.MEMORY: (SPARSE,),
    IndexedKind.SUMMARY: (SPARSE, SPARSE_CONTEXT),
    IndexedKind.TURN: (SPARSE, SPARSE_CONTEXT),
    IndexedKind.CHUNK: (SPARSE,),
}
"""The named vectors that every point of a kind has."""

TRAIT_COUNT = 10
"""How many numbers the traits of a record are."""
NO_TRAITS: Sequence[float] = (math.nan,) * TRAIT_COUNT
"""The traits of a record of which the index knows none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPoint:
    """
    A record as the index keeps it. *dense* holds unit vectors and *texts* the words to index, each under a vector's name. Times
    are UTC; *session_id* and *order* name a turn's message, or the most telling message that a memory comes from. A chunk of a
    document has its upload for a session, its place for an order and for a category who may find it.

    *traits* are TRAIT_COUNT numbers that say of that message what whoever searches ranks by, or none; nothing is found by them.
    """

    kind: IndexedKind
    scope: Scope
    record_id: str
    dense: Mapping[str, Vector]
    texts: Mapping[str, str]
    session_id: SessionId
    created_at: datetime
    event_start: datetime
    event_end: datetime
    categories: tuple[str, ...] = ()
    order: int = 0
    traits: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFilter:
    """
    Which points count: in none of *exclude_sessions*, in one of *sessions*, in one of *categories*, one of *record_ids*, with an
    event between *event_from* and *event_to*, written between *created_from* and *created_to*. None means no condition.
    """

    exclude_sessions: frozenset[SessionId] = frozenset()
    sessions: frozenset[SessionId] | None = None
    categories: frozenset[str] | None = None
    record_ids: frozenset[str] | None = None
    event_from: datetime | None = None
    event_to: datetime | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexQuery:
    """
    One search over one named vector of one kind: by *vector* for a dense name, by the words of *text* for a sparse one.
    """

    kind: IndexedKind
    name: str
    vector: Vector | None = None
    text: str | None = None
    limit: int = 100
    where: IndexFilter = field(default_factory=IndexFilter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """
    A record that was found. *score* is the cosine for a dense vector, and for a sparse one the BM25 sum with inverse document
    frequencies.
    """

    record_id: str
    session_id: SessionId
    order: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """
    Records that searches found, each once, as columns of one length: a recall reads hundreds, and looks at few one by one.

    The session of a record is told by its place among *sessions*. The traits of a record that has none are NO_TRAITS.
    """

    record_ids: Sequence[str] = ()
    sessions: Sequence[SessionId] = ()
    session_places: Sequence[int] = ()
    orders: Sequence[int] = ()
    traits: Sequence[Sequence[float]] = ()


class Hits(Sequence[Hit]):
    """
    What one search found, best first: *places* in the columns of *records*, and the *scores* in the same order.

    Searches of one call that look for the same kind share their records.
    """

    __slots__ = ("places", "records", "scores")

    def __init__(self, records: Records, places: Sequence[int], scores: Sequence[float]) -> None:
        """Keep the columns."""
        self.records = records
        self.places = places
        self.scores = scores

    def __len__(self) -> int:
        """Return how many hits there are."""
        return len(self.places)

    @overload
    def __getitem__(self, at: int) -> Hit: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Hit]: ...

    def __getitem__(self, at: int | slice) -> Hit | Sequence[Hit]:
        """Return the hit at a rank, or those of a slice."""
        if isinstance(at, slice):
            return Hits(self.records, self.places[at], self.scores[at])
        place = self.places[at]
        return Hit(
            record_id=self.records.record_ids[place],
            session_id=self.records.sessions[self.records.session_places[place]],
            order=int(self.records.orders[place]),
            score=float(self.scores[at]),
        )


NO_HITS = Hits(Records(), (), ())


class VectorIndex(Protocol):
    """The index over memories, summaries, turns and chunks of documents. One that cannot be reached raises StorageUnavailable."""

    async def prepare(self, *, model: str, dimension: int) -> None:
        """Make the collections if they are missing. Raises IndexModelMismatch when they were made for another model."""
        ...

    async def reset(self, *, model: str, dimension: int) -> None:
        """Drop everything and make empty collections for this model."""
        ...

    async def upsert(self, points: Sequence[IndexPoint]) -> None:
        """Write points, in place of older ones of the same records. Durable when it returns."""
        ...

    async def delete(self, kind: IndexedKind, scope: Scope, record_ids: Sequence[str]) -> None:
        """Remove points; missing ones are no error. Durable when it returns."""
        ...

    async def delete_session_turns(self, scope: Scope, session_id: SessionId) -> None:
        """Remove every turn of a session. Durable when it returns."""
        ...

    async def delete_upload_chunks(self, scope: Scope, upload_id: UploadId) -> None:
        """Remove every chunk of an upload. Durable when it returns."""
        ...

    async def delete_scope(self, scope: Scope) -> None:
        """Remove every point of a user. Durable when it returns."""
        ...

    async def search(self, scope: Scope, queries: Sequence[IndexQuery]) -> Sequence[Hits]:
        """Answer all *queries* in one round trip, each with its hits, best first. Finds nothing outside *scope*."""
        ...

    async def record_ids(self, kind: IndexedKind, scope: Scope) -> frozenset[str]:
        """Return the ids of all records of a user that have a point, for comparison with the truth."""
        ...

    async def count(self, kind: IndexedKind) -> int:
        """Return how many points there are of a kind."""
        ...
