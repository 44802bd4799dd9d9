"""How memories are gathered to be shown."""

from __future__ import annotations

from collections.abc import Sequence

from service.domain.ids import ChainId, Scope
from service.domain.memories import MemoryChain, MemoryVersion
from service.domain.ports.stores import MemoryStore


async def connected_versions(
    memories: MemoryStore, scope: Scope, chains: Sequence[MemoryChain]
) -> Sequence[tuple[MemoryVersion, ...]]:
    """Return for each of *chains* the current versions of those it is connected to, strongest first, in one round trip."""
    named = list(dict.fromkeys(other for chain in chains for other in chain.connections))
    found = await memories.chains(scope, named) if named else ()
    current: dict[ChainId, MemoryVersion] = {chain.chain_id: chain.current for chain in found if chain is not None}
    return [tuple(current[other] for other in chain.connections if other in current) for chain in chains]
