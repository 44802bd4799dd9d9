"""Making the points of records."""

from __future__ import annotations

from collections.abc import Mapping

from service.domain.documents import Passage
from service.domain.errors import SessionNotFound
from service.domain.ids import Scope
from service.domain.ports.index import IndexPoint, Vector
from service.domain.ports.models import Embedder
from service.domain.ports.stores import SessionStore
from service.recall.indexing import (
    RecordTexts,
    chunk_point,
    chunk_texts,
    memory_point,
    memory_texts,
    summary_point,
    summary_texts,
    turn_point,
    turn_texts,
)
from service.usecases.indexing.truth import Memory, Record, Truth, Turn
from service.usecases.transcripts import all_messages


class PointMaker:
    """Embeds records and makes their points."""

    def __init__(self, sessions: SessionStore, embedder: Embedder) -> None:
        """Keep the ports."""
        self._sessions = sessions
        self._embedder = embedder

    async def __call__(self, scope: Scope, truth: Mapping[Record, Truth]) -> list[IndexPoint]:
        """Return the points of records that exist, all embedded in one call."""
        texts = {record: await self._texts(scope, one) for record, one in truth.items()}
        wanted = [text for one in texts.values() for text in one.embed.values()]
        vectors = iter(await self._embedder.embed(wanted))
        return [
            _point(scope, one, texts[record], {name: next(vectors) for name in texts[record].embed})
            for record, one in truth.items()
        ]

    async def _texts(self, scope: Scope, truth: Truth) -> RecordTexts:
        if isinstance(truth, Turn):
            return turn_texts(truth.window, index=truth.message.index)
        if isinstance(truth, Memory):
            return memory_texts(truth.chain)
        if isinstance(truth, Passage):
            return chunk_texts(truth)
        try:
            messages = await all_messages(self._sessions, scope, truth.session_id)
        except SessionNotFound:
            # deleted since the summary was read; the next look at the truth finds that out
            messages = ()
        return summary_texts(truth, messages)


def _point(scope: Scope, truth: Truth, texts: RecordTexts, vectors: Mapping[str, Vector]) -> IndexPoint:
    if isinstance(truth, Turn):
        return turn_point(scope, truth.message, texts, vectors)
    if isinstance(truth, Memory):
        return memory_point(scope, truth.chain, truth.said, texts, vectors)
    if isinstance(truth, Passage):
        return chunk_point(scope, truth, texts, vectors)
    return summary_point(scope, truth, texts, vectors)
