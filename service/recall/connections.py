"""Memories that are found through others: those that a memory is connected to."""

from __future__ import annotations

from collections.abc import Mapping

from service.domain.ids import ChainId
from service.domain.ports.stores import MemoryStore
from service.domain.recall import Recalled, RecallQuery


async def connected_items(store: MemoryStore, query: RecallQuery, scores: Mapping[ChainId, float]) -> list[Recalled]:
    """Return the memories that *scores* names, each with its score, but not what is gone or excluded."""
    chains = await store.chains(query.scope, list(scores)) if scores else ()
    return [
        Recalled(
            score=round(scores[chain.chain_id], 4),
            sources=sources,
            signals={"connected": round(scores[chain.chain_id], 4)},
            memory=chain,
        )
        for chain in (query.narrowed(one) for one in chains if one is not None)
        if chain is not None and (sources := query.sources_of(chain.current))
    ]
