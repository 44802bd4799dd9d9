"""What becomes of conflicts when what they are about is removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from service.domain.conflicts import Conflict
from service.domain.ids import ChainId, ConflictId, MemoryId, Scope, SessionId
from service.domain.memories import MemoryChain, MemoryChange
from service.domain.ports.stores import MemoryStore
from service.usecases.conflicts.settlement import begun, joined


async def released(
    memories: MemoryStore,
    scope: Scope,
    change: MemoryChange,
    conflicts: Sequence[Conflict],
    *,
    removed: frozenset[MemoryId],
    session_id: SessionId | None = None,
    dropped: frozenset[ConflictId] = frozenset(),
) -> MemoryChange:
    """
    Return a *change* that removes versions, and a session if it is given, with what follows for the user's *conflicts*.

    A conflict that names a removed version goes; while it was open its statement was no memory yet, and becomes one, the oldest
    first: the newest version of what is left of the memory that it contradicts, so that no two memories contradict each other. A
    conflict of a removed session goes with its statement, unless another session made the same; one that is *dropped* goes so in
    any case. Nothing names a conflict that is gone.
    """
    put: list[Conflict] = []
    gone: dict[ConflictId, Conflict] = {}
    left = _Left({chain.chain_id: chain for chain in change.put})
    for before in sorted(conflicts, key=lambda conflict: (conflict.created_at, conflict.conflict_id)):
        after = None if before.conflict_id in dropped else _without_session(before, session_id)
        if after is None or after.memory_ids & removed:
            gone[before.conflict_id] = before
        elif after != before:
            put.append(after)
        if after is not None and after.conflict_id in gone and after.is_open:
            left.let_in(after)
    chains = await _cleared(memories, scope, replace(change, put=tuple(left.chains.values())), gone)
    return replace(
        change,
        put=tuple(chains.values()),
        put_conflicts=(*change.put_conflicts, *put),
        drop_conflicts=tuple(sorted(gone)),
    )


class _Left:
    """The *chains* that a removal leaves changed, and those that statements begin in the place of chains that are gone."""

    def __init__(self, chains: dict[ChainId, MemoryChain]) -> None:
        self.chains = chains
        self._heirs: dict[ChainId, ChainId] = {}

    def let_in(self, conflict: Conflict) -> None:
        """Make a memory of the statement of a conflict that is gone."""
        about = [self._heirs.get(chain_id, chain_id) for chain_id in sorted(conflict.chain_ids)]
        known = next((self.chains[chain_id] for chain_id in about if chain_id in self.chains), None)
        chain = begun(conflict) if known is None else joined(conflict, known)
        self.chains[chain.chain_id] = chain
        self._heirs |= dict.fromkeys(conflict.chain_ids - self.chains.keys(), chain.chain_id)


def _without_session(conflict: Conflict, session_id: SessionId | None) -> Conflict | None:
    """Return the conflict without what a session said; None when it said the statement alone."""
    sources = tuple(source for source in conflict.candidate.sources if source.session_id != session_id)
    if sources == conflict.candidate.sources:
        return conflict
    if not sources or not conflict.is_open:
        return None
    owner = sources[0].session_id if conflict.session_id == session_id else conflict.session_id
    return replace(conflict, session_id=owner, candidate=replace(conflict.candidate, sources=sources))


async def _cleared(
    memories: MemoryStore, scope: Scope, change: MemoryChange, gone: Mapping[ConflictId, Conflict]
) -> Mapping[ChainId, MemoryChain]:
    """Return the chains that change, and those of conflicts that are *gone*, without the ids of these."""
    chains = {chain.chain_id: chain for chain in change.put}
    about = {chain_id for conflict in gone.values() if not conflict.is_open for chain_id in conflict.chain_ids}
    others = await memories.chains(scope, sorted(about - chains.keys() - set(change.drop)))
    named = {chain.chain_id: chain for chain in others if chain is not None}
    touched = {chain_id: chain for chain_id, chain in named.items() if _cleared_of(chain, gone) != chain}
    return {chain_id: _cleared_of(chain, gone) for chain_id, chain in {**chains, **touched}.items()}


def _cleared_of(chain: MemoryChain, gone: Mapping[ConflictId, Conflict]) -> MemoryChain:
    versions = (
        replace(version, merge_conflict_id=None) if version.merge_conflict_id in gone else version for version in chain.versions
    )
    return replace(chain, versions=tuple(versions))
