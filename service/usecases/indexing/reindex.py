"""Rebuild the index."""

from __future__ import annotations

from service.domain.ports.index import VectorIndex
from service.domain.ports.models import Embedder
from service.domain.ports.work import Outbox


class Reindex:
    """Empties the index, for the configured embedder, and has every record indexed again."""

    def __init__(self, *, index: VectorIndex, embedder: Embedder, outbox: Outbox) -> None:
        """Keep the ports."""
        self._index = index
        self._embedder = embedder
        self._outbox = outbox

    async def __call__(self) -> int:
        """Return how many records are queued; the workers write them while the service goes on."""
        await self._index.reset(model=self._embedder.model, dimension=self._embedder.dimension)
        return await self._outbox.enqueue_all()
