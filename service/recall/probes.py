"""
The searches of a recall and what comes back of them: all searches of a hop go to the index in one round trip.

A *probe* is one thing to look for, by meaning, by word or by both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from service.domain.ids import Scope
from service.domain.ports.index import (
    DENSE,
    DENSE_CONTEXT,
    DENSE_VECTORS,
    SPARSE,
    SPARSE_CONTEXT,
    Hit,
    IndexFilter,
    IndexQuery,
    Vector,
    VectorIndex,
)
from service.domain.ports.work import IndexedKind

Target = tuple[IndexedKind, str]
"""A kind of record and the named vector by which it is searched."""

TURN_TARGETS: tuple[Target, ...] = tuple(product([IndexedKind.TURN], [DENSE, DENSE_CONTEXT, SPARSE, SPARSE_CONTEXT]))
MEMORY_TARGETS: tuple[Target, ...] = tuple(product([IndexedKind.MEMORY], [DENSE, SPARSE]))
SUMMARY_TARGETS: tuple[Target, ...] = tuple(product([IndexedKind.SUMMARY], [DENSE, SPARSE, SPARSE_CONTEXT]))
TARGETS = (*TURN_TARGETS, *MEMORY_TARGETS, *SUMMARY_TARGETS)

LIMIT = 150
"""
How many hits each search returns. Beyond this rank a record has next to no chance by the other signals either.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One thing to look for: by meaning when there is a *vector*, by word when there are *words*."""

    vector: Vector | None = None
    words: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HitList:
    """What a search found, best first; *full* when there may have been more than it returned."""

    hits: Sequence[Hit]
    full: bool


async def search(
    index: VectorIndex,
    scope: Scope,
    probes: Sequence[Probe],
    *,
    where: IndexFilter,
    targets: Sequence[Target] = TARGETS,
    limit: int = LIMIT,
) -> Mapping[Target, HitList]:
    """Look for all *probes* in all *targets* in one round trip; of several probes, a record keeps its best score."""
    queries = [
        query
        for probe, (kind, name) in product(probes, targets)
        if (query := _query(probe, kind, name, where=where, limit=limit)) is not None
    ]
    answers = await index.search(scope, queries)
    found: dict[Target, list[HitList]] = {}
    for query, hits in zip(queries, answers, strict=True):
        found.setdefault((query.kind, query.name), []).append(HitList(hits=hits, full=len(hits) >= limit))
    return {target: _best(found.get(target, [])) for target in targets}


def _query(probe: Probe, kind: IndexedKind, name: str, *, where: IndexFilter, limit: int) -> IndexQuery | None:
    if name in DENSE_VECTORS[kind]:
        return None if probe.vector is None else IndexQuery(kind=kind, name=name, vector=probe.vector, limit=limit, where=where)
    return None if probe.words is None else IndexQuery(kind=kind, name=name, text=probe.words, limit=limit, where=where)


def _best(lists: Sequence[HitList]) -> HitList:
    if len(lists) == 1:
        return lists[0]
    best: dict[str, Hit] = {}
    for hit in (hit for found in lists for hit in found.hits):
        kept = best.get(hit.record_id)
        if kept is None or kept.score < hit.score:
            best[hit.record_id] = hit
    return HitList(hits=sorted(best.values(), key=lambda hit: -hit.score), full=any(found.full for found in lists))
