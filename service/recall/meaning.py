"""How near found memories are to a query by what they say alone: a measure that is the same in every answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from service.domain.ids import ChainId
from service.domain.memories import MemoryChain
from service.domain.ports.index import DENSE, IndexFilter, IndexQuery, VectorIndex
from service.domain.ports.models import Embedder
from service.domain.ports.work import IndexedKind
from service.domain.recall import RecallQuery


async def likeness(
    index: VectorIndex, embedder: Embedder, query: RecallQuery, chains: Sequence[MemoryChain]
) -> Mapping[ChainId, float]:
    """Return the similarity of each of *chains* to the query, 0 to 1, by chain; what the index does not have yet is left out."""
    if not chains:
        return {}
    (vector,) = await embedder.embed([query.text])
    wanted = frozenset(str(chain.chain_id) for chain in chains)
    where = IndexFilter(record_ids=wanted)
    search = IndexQuery(kind=IndexedKind.MEMORY, name=DENSE, vector=vector, limit=len(wanted), where=where)
    (hits,) = await index.search(query.scope, [search])
    return {ChainId(hit.record_id): embedder.similarity(hit.score) for hit in hits}
