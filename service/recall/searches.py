"""
The searches of a recall and what comes back of them. All that need no embedding go to the index in one round trip, and so do the
others.

Each search is known by the name of the signal that it yields. A *reading* is one way to put the query, with the signals that it
is searched for.
"""

from __future__ import annotations

import asyncio
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
from service.domain.ports.models import Embedder
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
    index: VectorIndex,
    embedder: Embedder,
    scope: Scope,
    readings: Sequence[Reading],
    *,
    where: IndexFilter,
    limit: int = LIMIT,
) -> dict[str, HitList]:
    """
    Search for all *readings* and return what was found for each signal. Raises StorageUnavailable.

    Two round trips side by side: words are looked for while the readings are embedded.
    """
    wanted = _Wanted(index, scope, where, limit)
    by_word = {name: reading.text for reading in readings for name in reading.signals if not _is_dense(name)}
    by_meaning = [(reading, [name for name in reading.signals if _is_dense(name)]) for reading in readings]
    found = await asyncio.gather(wanted.by_word(by_word), wanted.by_meaning(by_meaning, embedder))
    return found[0] | found[1]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What all searches of a recall have in common."""

    index: VectorIndex
    scope: Scope
    where: IndexFilter
    limit: int

    async def by_word(self, texts: Mapping[str, str]) -> dict[str, HitList]:
        """Search for the words of a text for each signal."""
        return await self._search({name: self._query(name, text=text) for name, text in texts.items()})

    async def by_meaning(self, readings: Sequence[tuple[Reading, Sequence[str]]], embedder: Embedder) -> dict[str, HitList]:
        """Search for what each reading means, for its signals."""
        vectors = await embedder.embed([reading.text for reading, _ in readings])
        pairs = zip(readings, vectors, strict=True)
        return await self._search({name: self._query(name, vector=vector) for (_, names), vector in pairs for name in names})

    def _query(self, signal: str, *, text: str | None = None, vector: Vector | None = None) -> IndexQuery:
        kind, name = SIGNALS[signal]
        return IndexQuery(kind=kind, name=name, text=text, vector=vector, limit=self.limit, where=self.where)

    async def _search(self, queries: Mapping[str, IndexQuery]) -> dict[str, HitList]:
        answers = await self.index.search(self.scope, list(queries.values()))
        return {name: HitList(hits=hits, full=len(hits) >= self.limit) for name, hits in zip(queries, answers, strict=True)}


def _is_dense(signal: str) -> bool:
    kind, name = SIGNALS[signal]
    return name in DENSE_VECTORS[kind]
