"""What becomes of conflicts when what they are about is removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from service.domain.conflicts import Conflict
from service.domain.ids import ChainId, ConflictId, MemoryId, Scope, SessionId
from service.domain.memories import MemoryChain, MemoryChange
from service.domain.ports.stores import MemoryStore
from service.usecases.conflicts.settlement import begun


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

    A conflict that names a removed version goes; while it was open its statement was no memory yet, and becomes one. A conflict
    of a removed session goes with its statement, unless another session made the same; one that is *dropped* goes so in any case.
    Nothing names a conflict that is gone.
    """
    kept = [None if one.conflict_id in dropped else _without_session(one, session_id) for one in conflicts]
    put: list[Conflict] = []
    gone: dict[ConflictId, Conflict] = {}
    new: list[MemoryChain] = []
    for before, after in zip(conflicts, kept, strict=True):
        if after is None:
            gone[before.conflict_id] = before
        elif after.memory_ids & removed:
            gone[before.conflict_id] = before
            new += [begun(after)] if after.is_open else []
        elif after != before:
            put.append(after)
    chains = await _cleared(memories, scope, change, gone)
    return replace(
        change, put=(*chains.values(), *new), put_conflicts=(*change.put_conflicts, *put), drop_conflicts=tuple(sorted(gone))
    )


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
