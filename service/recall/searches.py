"""
The searches of a recall and what comes back of them. All searches of a hop go to the index in one round trip.

Each search is known by the name of the signal that it yields. A *reading* is one way to put the query, with the signals that it
is searched for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.domain.ids import Scope
from service.domain.ports.index import (
    DENSE,
    DENSE_CONTEXT,
    DENSE_VECTORS,
    NO_HITS,
    SPARSE,
    SPARSE_CONTEXT,
    Hits,
    IndexFilter,
    IndexQuery,
    Vector,
    VectorIndex,
)
from service.domain.ports.work import IndexedKind

Target = tuple[IndexedKind, str]
"""A kind of record and the named vector by which it is searched."""

TURN_SIGNALS: Mapping[str, Target] = {
    "meaning": (IndexedKind.TURN, DENSE),
    "meaning_in_context": (IndexedKind.TURN, DENSE_CONTEXT),
    "words": (IndexedKind.TURN, SPARSE),
    "words_around": (IndexedKind.TURN, SPARSE_CONTEXT),
}
MEMORY_SIGNALS: Mapping[str, Target] = {"memory_meaning": (IndexedKind.MEMORY, DENSE)}
"""By meaning alone: the words of a memory are those of the turns that it comes from."""
TOPIC_SIGNALS: Mapping[str, Target] = {"topic_meaning": (IndexedKind.TURN, DENSE)}
"""Of the query's content words without the people in it: their names are in all that they said."""
SESSION_SIGNALS: Mapping[str, Target] = {
    "session_meaning": (IndexedKind.SUMMARY, DENSE),
    "session_words": (IndexedKind.SUMMARY, SPARSE_CONTEXT),
}
QUERY_SIGNALS: Mapping[str, Target] = {**TURN_SIGNALS, **MEMORY_SIGNALS, **SESSION_SIGNALS}
"""Of the query as it is."""
SIGNALS: Mapping[str, Target] = {**QUERY_SIGNALS, **TOPIC_SIGNALS}

LIMIT = 150
"""How many hits each search returns if it is to miss next to nothing."""
FEW = 100
"""How many hits suffice for the first twenty: beyond this rank a record has little chance by the other signals either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A *text* that stands for the query, and the names of the *signals* that it is searched for."""

    text: str
    signals: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class HitList:
    """What a search found, best first; *full* when there may have been more than it returned."""

    hits: Hits
    full: bool


NOTHING = HitList(hits=NO_HITS, full=False)


async def search(
    index: VectorIndex, scope: Scope, readings: Sequence[tuple[Reading, Vector]], *, where: IndexFilter, limit: int = LIMIT
) -> dict[str, HitList]:
    """Search for all *readings*, each with its vector, in one round trip, and return what was found for each signal."""
    queries = {
        name: _query(SIGNALS[name], reading.text, vector, where=where, limit=limit)
        for reading, vector in readings
        for name in reading.signals
    }
    answers = await index.search(scope, list(queries.values()))
    return {name: HitList(hits=hits, full=len(hits) >= limit) for name, hits in zip(queries, answers, strict=True)}


def _query(target: Target, text: str, vector: Vector, *, where: IndexFilter, limit: int) -> IndexQuery:
    kind, name = target
    if name in DENSE_VECTORS[kind]:
        return IndexQuery(kind=kind, name=name, vector=vector, limit=limit, where=where)
    return IndexQuery(kind=kind, name=name, text=text, limit=limit, where=where)
