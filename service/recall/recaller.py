"""The one door into recall: runs the strategy that a query asks for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from service.domain.errors import DomainError
from service.domain.ports.index import VectorIndex
from service.domain.ports.models import Embedder
from service.domain.ports.stores import MemoryStore, SessionStore
from service.domain.recall import RecallQuery, RecallResult, StrategyName
from service.recall import STRATEGIES
from service.recall.analysis import has_word
from service.recall.driven.driver import Driver
from service.recall.evidence import StageListener, Tools
from service.recall.strategies.auto import choose
from service.recall.strategies.balanced import topic_of

__all__ = ["Recaller", "StageListener"]


class Recaller:
    """Finds what is relevant to a query among one user's memories, messages and summaries."""

    def __init__(
        self,
        *,
        index: VectorIndex,
        embedder: Embedder,
        sessions: SessionStore,
        memories: MemoryStore,
        driver: Driver | None = None,
    ) -> None:
        """Keep the ports that every strategy works with; *driver* drives agentic recalls, None leaves them to rules."""
        self._tools = Tools(index=index, embedder=embedder, sessions=sessions, memories=memories, driver=driver)

    @asynccontextmanager
    async def ahead(self, text: str, strategy: StrategyName) -> AsyncIterator[None]:
        """
        Embed what a recall of *text* will look for while the block is at work, most likely at finding out whose it is: a recall
        in the block waits for the same embedding. What fails here fails there.
        """
        quick = strategy in (StrategyName.LOW_LATENCY, StrategyName.AUTO)
        embedding = asyncio.create_task(self._embed([text] if quick else [text, topic_of(text)]))
        try:
            yield
        finally:
            embedding.cancel()

    async def _embed(self, texts: Sequence[str]) -> None:
        wanted = [text for text in texts if has_word(text)]
        if wanted:
            with suppress(DomainError):
                await self._tools.embedder.embed(wanted)

    async def __call__(self, query: RecallQuery, *, on_stage: StageListener | None = None) -> RecallResult:
        """
        Return what was found, best first; nothing for a query without a word or without a session.

        *on_stage* is told of each stage as it begins.

        Raises StorageUnavailable.
        """
        if not has_word(query.text) or (query.only_sessions is not None and not query.only_sessions):
            # nothing is about nothing, yet the embedding of an empty text is near to some others
            return RecallResult(strategy=choose(query) if query.strategy is StrategyName.AUTO else query.strategy, items=())
        return await STRATEGIES[query.strategy](self._tools, query, on_stage or _ignore)


async def _ignore(_stage: str) -> None:
    """Listen to nothing."""
