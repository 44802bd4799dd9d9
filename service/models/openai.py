"""
Embeddings by OpenAI's API, and by servers that speak it (vLLM, Ollama, llama.cpp, …), with the official SDK.

When it is opened, one request finds the length of the vectors and the model's scale of similarity.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from json import JSONDecodeError

import numpy as np
from openai import APIConnectionError, APIStatusError, AsyncOpenAI
from openai.types import CreateEmbeddingResponse

from service.domain.errors import StorageUnavailable
from service.models import EmbedderChoice
from service.models.batching import Vector32
from service.models.calibration import PAIRS, Scale, cosines, texts
from service.models.language.failures import PASSING, redacted
from service.models.minilm import token_counter
from service.models.remembering import Remembering

BASE_URL = "https://api.openai.com/v1"
NO_KEY = "none"
"""Sent where no key is wanted: the SDK insists on one."""
MAX_TEXTS = 128
"""Texts of one request."""
MAX_CHARACTERS = 8_000
"""What is read of a text at most: some servers refuse what others cut."""
STORE = "embedding"
RETRIES = 3
TIMEOUT_SECONDS = 30


class EmbeddingFailed(Exception):
    """What a server said instead of vectors. Never holds a key or a text."""


class OpenAiEmbedder:
    """`Embedder` over a client. Made by `open_openai`."""

    def __init__(self, client: AsyncOpenAI, choice: EmbedderChoice, count_tokens: Callable[[str], int]) -> None:
        """Ask nothing yet; *count_tokens* estimates, because servers do not tell."""
        self._client = client
        self._choice = choice
        self._count_tokens = count_tokens
        self._remembering = Remembering(self._request, model=choice.name)
        self._dimension = 0
        self._scale = Scale([0.0] * len(PAIRS))

    async def learn(self) -> None:
        """Find out how long the vectors are and what their cosines mean. Raises EmbeddingFailed, StorageUnavailable."""
        vectors = await self._request(texts())
        self._dimension = len(vectors[0])
        self._scale = Scale(cosines(vectors))

    @property
    def model(self) -> str:
        """Name of the model, as it is configured: servers spell it in several ways."""
        return self._choice.name

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return self._dimension

    async def embed(self, texts: Sequence[str]) -> Sequence[Vector32]:
        """Return one unit vector per text, in order. Raises StorageUnavailable."""
        try:
            return await self._remembering.embed(texts)
        except EmbeddingFailed as failed:
            raise StorageUnavailable(store=STORE) from failed

    def similarity(self, cosine: float) -> float:
        """Map a cosine to 0..1, by the scale that was found when the model was opened."""
        return self._scale(cosine)

    def count_tokens(self, text: str) -> int:
        """Estimate how many tokens *text* has."""
        return self._count_tokens(text)

    async def _request(self, texts: Sequence[str]) -> Sequence[Vector32]:
        """Return the vectors of *texts*. Raises EmbeddingFailed for what no repetition helps, else StorageUnavailable."""
        vectors: list[Vector32] = []
        for begin in range(0, len(texts), MAX_TEXTS):
            vectors += await self._batch([_sendable(text) for text in texts[begin : begin + MAX_TEXTS]])
        return vectors

    async def _batch(self, texts: Sequence[str]) -> Sequence[Vector32]:
        try:
            # floats: not every server packs them
            response = await self._client.embeddings.create(model=self._choice.model, input=list(texts), encoding_format="float")
        except APIStatusError as error:
            failed = EmbeddingFailed(f"HTTP {error.status_code}: {redacted(error.message, self._choice.api_key)}")
            if error.status_code >= 500 or error.status_code in PASSING:
                raise StorageUnavailable(store=STORE) from failed
            # `from None`: what the SDK raised holds the request with its key
            raise failed from None
        except (APIConnectionError, JSONDecodeError, UnicodeDecodeError) as error:
            raise StorageUnavailable(store=STORE) from EmbeddingFailed(type(error).__name__)
        if not isinstance(response, CreateEmbeddingResponse) or len(response.data or ()) != len(texts):
            raise EmbeddingFailed(f"the answer is not {len(texts)} vectors")
        rows = sorted(response.data, key=lambda row: row.index)
        return _units([row.embedding for row in rows], self._dimension)


def _sendable(text: str) -> str:
    # an empty text is refused by most servers
    return text[:MAX_CHARACTERS].strip() or " ."


def _units(rows: Sequence[Sequence[float]], dimension: int) -> Sequence[Vector32]:
    """Return *rows* with the length 1. Raises EmbeddingFailed when they do not have *dimension* numbers, if that is known."""
    lengths = {len(row) for row in rows}
    if len(lengths) != 1 or (dimension and lengths != {dimension}) or 0 in lengths:
        raise EmbeddingFailed(f"vectors of {sorted(lengths)} numbers, not of {dimension or 'one number of them'}")
    array = np.asarray(rows, dtype=np.float32)
    norms = np.linalg.norm(array, axis=1, keepdims=True)
    return list(array / np.maximum(norms, np.finfo(np.float32).tiny))


@asynccontextmanager
async def open_openai(choice: EmbedderChoice) -> AsyncIterator[OpenAiEmbedder]:
    """Give the chosen model. Raises ValueError when the server will not embed, StorageUnavailable when it is not there."""
    count_tokens = await asyncio.to_thread(token_counter)
    client = AsyncOpenAI(
        api_key=choice.api_key or NO_KEY,
        base_url=choice.base_url or BASE_URL,
        timeout=TIMEOUT_SECONDS,
        max_retries=RETRIES,
    )
    async with client:
        embedder = OpenAiEmbedder(client, choice, count_tokens)
        try:
            await embedder.learn()
        except EmbeddingFailed as failed:
            raise ValueError(f"{choice.name} does not embed: {failed}") from None
        yield embedder
