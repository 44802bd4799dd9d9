"""Works out what the statements of a session do to the user's memories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.domain.ids import ChainId, Scope
from service.domain.memories import Candidate, Decision, DecisionKind, MemoryChain, MemoryChange
from service.domain.ports.index import DENSE, SPARSE, IndexQuery, Vector, VectorIndex
from service.domain.ports.models import Embedder, Extractor
from service.domain.ports.stores import ConflictStore, MemoryStore
from service.domain.ports.work import IndexedKind, Outbox
from service.usecases.processing.company import Company
from service.usecases.processing.connections import connect
from service.usecases.processing.disputes import Disputes
from service.usecases.processing.merge import Origin, begun, continued
from service.usecases.processing.workspace import MAX_NEIGHBOURS, Workspace

MAX_NAMESAKES = 20
"""The most memories that are looked at because they name what a candidate names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What the index knows about a session's candidates: memories near each, with their cosines, and namesakes of any."""

    near: Sequence[Mapping[ChainId, float]]
    namesakes: frozenset[ChainId]

    @property
    def chain_ids(self) -> frozenset[ChainId]:
        return self.namesakes.union(*self.near)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statement:
    """A candidate, its place in the extraction, and its embedding."""

    ordinal: int
    candidate: Candidate
    vector: Vector


class Planner:
    """Compares candidates with existing memories and works out the change."""

    def __init__(
        self,
        *,
        memories: MemoryStore,
        conflicts: ConflictStore,
        index: VectorIndex,
        outbox: Outbox,
        embedder: Embedder,
        extractor: Extractor,
    ) -> None:
        """Keep the ports."""
        self._memories = memories
        self._conflicts = conflicts
        self._index = index
        self._outbox = outbox
        self._embedder = embedder
        self._extractor = extractor

    async def __call__(
        self, scope: Scope, origin: Origin, candidates: Sequence[Candidate], *, company: Company, asks: bool = False
    ) -> MemoryChange:
        """
        Return the change that *candidates* bring about, worked out from the memories as they are now.

        They are compared with memories of their *company* alone.

        A contradiction becomes a conflict when somebody is to be asked about it (*asks*); else the newest statement wins.
        """
        # first: whatever moves on after this makes the change stale
        revision = await self._memories.revision(scope)
        if not candidates:
            return MemoryChange(revision=revision)
        vectors = await self._embedder.embed([candidate.content for candidate in candidates])
        found, workspace = await self._gather(scope, candidates, vectors, company)
        disputes = Disputes(self._extractor, await self._conflicts.open(scope)) if asks else None
        ahead = zip(candidates, vectors, found.near, strict=True)
        await self._extractor.decide_ahead([(one, workspace.nearest(vector, near)) for one, vector, near in ahead])
        for ordinal, (candidate, vector) in enumerate(zip(candidates, vectors, strict=True)):
            neighbours = workspace.nearest(vector, found.near[ordinal])
            decision = await self._extractor.decide(candidate, neighbours)
            contradicted = workspace.chains.get(decision.chain_id) if decision.chain_id is not None else None
            if disputes is not None and contradicted is not None and decision.kind is DecisionKind.CONTRADICTION:
                await disputes.raise_(origin, ordinal, candidate, decision, contradicted)
                continue
            await self._carry_out(workspace, origin, _Statement(ordinal=ordinal, candidate=candidate, vector=vector), decision)
        await self._connect(scope, workspace)
        raised = disputes.changed if disputes is not None else ()
        return MemoryChange(revision=revision, put=tuple(workspace.changed), put_conflicts=raised)

    async def _gather(
        self, scope: Scope, candidates: Sequence[Candidate], vectors: Sequence[Vector], company: Company
    ) -> tuple[_Found, Workspace]:
        """
        Return the memories that the candidates may have to do with.

        The index trails the truth, so the memories that it may not have yet are taken from the outbox. The outbox is read before
        the index: an entry is retired only when the index has it, so between the two nothing is missed.
        """
        pending = {ChainId(record_id) for record_id in await self._outbox.pending(scope, IndexedKind.MEMORY)}
        found = await self._search(scope, candidates, vectors)
        loaded = await self._load(scope, found.chain_ids | pending)
        chains = {chain_id: chain for chain_id, chain in loaded.items() if company(chain.current.session_id)}
        late = [chain_id for chain_id in chains if chain_id in pending]
        late_vectors = await self._embedder.embed([chains[chain_id].current.content for chain_id in late]) if late else ()
        return found, Workspace(chains, dict(zip(late, late_vectors, strict=True)))

    async def _search(self, scope: Scope, candidates: Sequence[Candidate], vectors: Sequence[Vector]) -> _Found:
        near = [IndexQuery(kind=IndexedKind.MEMORY, name=DENSE, vector=vector, limit=MAX_NEIGHBOURS) for vector in vectors]
        named = [
            IndexQuery(kind=IndexedKind.MEMORY, name=SPARSE, text=" ".join(candidate.entities), limit=MAX_NAMESAKES)
            for candidate in candidates
            if candidate.entities
        ]
        hits = await self._index.search(scope, [*near, *named])
        return _Found(
            near=[{ChainId(hit.record_id): hit.score for hit in one} for one in hits[: len(near)]],
            namesakes=frozenset(ChainId(hit.record_id) for one in hits[len(near) :] for hit in one),
        )

    async def _load(self, scope: Scope, chain_ids: frozenset[ChainId]) -> Mapping[ChainId, MemoryChain]:
        if not chain_ids:
            return {}
        chains = await self._memories.chains(scope, sorted(chain_ids))
        return {chain.chain_id: chain for chain in chains if chain is not None}

    async def _carry_out(self, workspace: Workspace, origin: Origin, statement: _Statement, decision: Decision) -> None:
        """Change the *workspace* as the *decision* about a statement says."""
        ordinal, candidate, vector = statement.ordinal, statement.candidate, statement.vector
        existing = workspace.chains.get(decision.chain_id) if decision.chain_id is not None else None
        if decision.kind is DecisionKind.NEW or existing is None:
            workspace.restate(begun(origin, ordinal, candidate), vector)
            return
        chain = continued(origin, ordinal, candidate, decision, existing)
        said = chain.current.content
        if said == existing.current.content:
            workspace.put(chain)
            return
        (said_vector,) = [vector] if said == candidate.content else await self._embedder.embed([said])
        workspace.restate(chain, said_vector)

    async def _connect(self, scope: Scope, workspace: Workspace) -> None:
        """Connect what says something new with the memories at hand."""
        if not workspace.restated:
            return
        candidates = frozenset(workspace.chains)
        named = frozenset(other for chain in workspace.chains.values() for other in chain.connections)
        workspace.add(await self._load(scope, named - candidates))
        for chain in connect(workspace.restated, candidates, workspace.chains).values():
            workspace.put(chain)
