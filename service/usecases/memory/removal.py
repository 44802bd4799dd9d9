"""What removing versions does to a user's memories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from service.domain.conflicts import Conflict
from service.domain.ids import ChainId, ConflictId, Scope, SessionId
from service.domain.memories import MemoryChain, MemoryChange, MemoryVersion
from service.domain.ports.stores import MemoryStore
from service.usecases.conflicts.release import released


def chain_without_session(chain: MemoryChain, session_id: SessionId) -> MemoryChain | None:
    """
    Return the chain without the versions that a session created and without its messages as sources, or None when nothing is
    left. A version whose sources were all in the session goes too: nothing would bear it out.
    """
    removed = frozenset(version.memory_id for version in chain.versions if not _survives(version, session_id))
    left = chain.without(removed)
    if left is None:
        return None
    return replace(left, versions=tuple(_without_sources(version, session_id) for version in left.versions))


async def removal(
    memories: MemoryStore,
    scope: Scope,
    conflicts: Sequence[Conflict],
    *,
    revision: int,
    before: Sequence[MemoryChain],
    after: Mapping[ChainId, MemoryChain | None],
    session_id: SessionId | None = None,
    dropped: frozenset[ConflictId] = frozenset(),
) -> MemoryChange:
    """
    Return the change that makes the chains *before* what *after* says, None for a chain that goes, that takes the chains which
    go out of the connections of all others, and that leaves none of the user's *conflicts* about what goes. With *session_id*
    that session goes too, and the conflicts *dropped* go with their statements.
    """
    gone = frozenset(chain_id for chain_id, chain in after.items() if chain is None)
    # connections are symmetric: whoever is connected to a chain that goes is named by it
    named = {other for chain in before if chain.chain_id in gone for other in chain.connections}
    neighbours = await memories.chains(scope, sorted(named - after.keys()))
    put = [chain for chain in after.values() if chain is not None]
    put += [chain for chain in neighbours if chain is not None]
    change = MemoryChange(revision=revision, put=tuple(_disconnected(chain, gone) for chain in put), drop=tuple(sorted(gone)))
    left = {version.memory_id for chain in after.values() if chain is not None for version in chain.versions}
    removed = frozenset(version.memory_id for chain in before for version in chain.versions) - left
    return await released(memories, scope, change, conflicts, removed=removed, session_id=session_id, dropped=dropped)


def _survives(version: MemoryVersion, session_id: SessionId) -> bool:
    return version.session_id != session_id and any(source.session_id != session_id for source in version.sources)


def _without_sources(version: MemoryVersion, session_id: SessionId) -> MemoryVersion:
    return replace(version, sources=tuple(source for source in version.sources if source.session_id != session_id))


def _disconnected(chain: MemoryChain, gone: frozenset[ChainId]) -> MemoryChain:
    return replace(chain, connections=tuple(other for other in chain.connections if other not in gone))
