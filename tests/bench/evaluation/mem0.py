"""
What mem0 finds with the same vectors, where it is installed: a row to compare with.

`infer=False` stores every message as it is. That measures its store and its ranking; the statements that it lets a language model
write are not made.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from service.models import open_embedder
from service.storage.bm25 import WordEncoder
from tests.bench.evaluation.locomo import Conversation, Turn
from tests.bench.evaluation.measure import Answered, distinct

TOP = 60
QUIET = {"MEM0_TELEMETRY": "False", "OPENAI_API_KEY": "unused", "HF_HUB_OFFLINE": "1"}
"""It asks for a key that nothing is done with, and would send telemetry and download a model."""


class Vectors:
    """Our vectors by text, in the shape of an embedder of mem0."""

    def __init__(self, known: Mapping[str, list[float]]) -> None:
        """Answer for the texts that are *known*."""
        self._known = known

    def embed(self, text: str, memory_action: str | None = None) -> list[float]:
        """Return the vector of *text*, whatever it is for."""
        del memory_action
        return self._known[text.strip()]

    def embed_batch(self, texts: Sequence[str], memory_action: str | None = None) -> list[list[float]]:
        """Return the vector of each of *texts*."""
        return [self.embed(text, memory_action) for text in texts]


def mem0_name() -> str | None:
    """Return what the row is called, None where mem0 is not installed."""
    if find_spec("mem0") is None:
        return None
    return f"mem0 {version('mem0ai')} {'hybrid' if find_spec('fastembed') else 'dense'}"


async def mem0_answers(conversations: Sequence[Conversation]) -> list[Answered]:
    """Return what mem0 answers, each conversation in a store of its own."""
    answers: list[Answered] = []
    async with open_embedder("minilm", threads=2) as embedder:
        for conversation in conversations:
            texts = [*conversation.texts().values(), *(question.text for question in conversation.questions)]
            stripped = list(dict.fromkeys(text.strip() for text in texts))
            vectors = [[float(value) for value in vector] for vector in await embedder.embed(stripped)]
            known = Vectors(dict(zip(stripped, vectors, strict=True)))
            answers += await asyncio.to_thread(_answers, conversation, known, embedder.dimension)
    return answers


def _answers(conversation: Conversation, vectors: Vectors, dimension: int) -> list[Answered]:
    with tempfile.TemporaryDirectory(prefix="mneme-mem0-") as home:
        words = {word for text in conversation.texts().values() for word in re.findall(r"\w+", text.lower())}
        memory = _memory(Path(home), vectors, dimension, words)
        for turn, text in conversation.texts().items():
            place = {"session": turn.session, "index": turn.index}
            memory.add([{"role": "user", "content": text}], user_id=conversation.name, metadata=place, infer=False)
        return [
            Answered(question=question, ranking=_search(memory, conversation.name, question.text))
            for question in conversation.questions
        ]


def _search(memory: Any, user_id: str, text: str) -> list[Turn]:
    found = memory.search(text, filters={"user_id": user_id}, top_k=TOP, threshold=0.0)["results"]
    return distinct(Turn(session=item["metadata"]["session"], index=item["metadata"]["index"]) for item in found)


def _memory(home: Path, vectors: Vectors, dimension: int, words: Iterable[str]) -> Any:
    """Return a mem0 on the directory *home*, searching by word as well where it can."""
    os.environ.update({**QUIET, "MEM0_DIR": str(home)})
    store = {"collection_name": "turns", "embedding_model_dims": dimension, "path": str(home / "qdrant")}
    config = {"vector_store": {"provider": "qdrant", "config": store}, "history_db_path": str(home / "history.db")}
    memory: Any = import_module("mem0").Memory.from_config(config)
    memory.embedding_model = vectors
    memory.vector_store._bm25_encoder = _encoder(home, words)
    return memory


def _encoder(home: Path, words: Iterable[str]) -> Any:
    """Return mem0's own word encoder; it would download its stop words, so it gets those of ours among *words*. False is none."""
    if find_spec("fastembed") is None:
        return False
    ours = WordEncoder()
    dropped = {word for word in words if not ours.document(word)}
    return import_module("fastembed.sparse.bm25").Bm25("Qdrant/bm25", specific_model_path=str(home), stopwords=dropped)
