"""How memories are gathered to be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.domain.ids import ChainId, MemoryId, Scope
from service.domain.memories import MemoryChain, MemoryVersion
from service.domain.ports.stores import ConflictStore, MemoryStore


async def connected_versions(
    memories: MemoryStore, scope: Scope, chains: Sequence[MemoryChain]
) -> Sequence[tuple[MemoryVersion, ...]]:
    """Return for each of *chains* the current versions of those it is connected to, strongest first, in one round trip."""
    named = list(dict.fromkeys(other for chain in chains for other in chain.connections))
    found = await memories.chains(scope, named) if named else ()
    current: dict[ChainId, MemoryVersion] = {chain.chain_id: chain.current for chain in found if chain is not None}
    return [tuple(current[other] for other in chain.connections if other in current) for chain in chains]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disputed:
    """What the open conflicts of a user are about."""

    chain_ids: frozenset[ChainId]
    memory_ids: frozenset[MemoryId]

    def holds(self, chain: MemoryChain, memory_id: MemoryId) -> bool:
        """Return whether a version of a chain is disputed: it is named, or it is the current one of a chain that is."""
        return memory_id in self.memory_ids or (chain.chain_id in self.chain_ids and memory_id == chain.current.memory_id)


async def disputed(conflicts: ConflictStore, scope: Scope) -> Disputed:
    """Return what the open conflicts of a user are about now."""
    found = await conflicts.open(scope)
    return Disputed(
        chain_ids=frozenset(chain_id for conflict in found for chain_id in conflict.chain_ids),
        memory_ids=frozenset(memory_id for conflict in found for memory_id in conflict.memory_ids),
    )
