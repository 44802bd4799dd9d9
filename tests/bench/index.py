"""
How long a search takes, through the engine's socket and without it: `python tests/bench/index.py [POINTS ...]`.

One user has all the points. A batch is what a recall asks: six searches over turns, by one embedding and two texts, for 100 hits
each. Times are milliseconds; the embedding of the query is not among them. Prints a table.
"""

from __future__ import annotations

import asyncio
import math
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from service.domain.ids import ProjectId, Scope, SessionId, UserKey
from service.domain.ports.index import DENSE, DENSE_CONTEXT, SPARSE, SPARSE_CONTEXT, IndexPoint, IndexQuery
from service.domain.ports.work import IndexedKind
from service.storage.bm25 import WordEncoder
from service.storage.embedded import open_index
from service.storage.embedded.client import EmbeddedIndex
from service.storage.embedded.encode import encode_query
from service.storage.embedded.engine.answers import from_library
from service.storage.embedded.engine.collections import Collections
from service.storage.embedded.vector_engine import start_engine
from service.storage.points import tenant_key

SIZES = (1_000, 10_000, 50_000)
DIMENSION = 384
ROUNDS = 60
WRITERS = 32
LIMIT = 100
VOCABULARY = 8_000
SCOPE = Scope(project_id=ProjectId("bench"), user_key=UserKey("user"))
ENCODER = WordEncoder()
NOW = datetime(2026, 1, 1, tzinfo=UTC)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Random vectors and words whose frequencies fall as those of a language do."""

    vectors: np.random.Generator
    words: random.Random

    def vector(self) -> list[float]:
        """Return a unit vector."""
        vector = self.vectors.standard_normal(DIMENSION)
        return [float(value) for value in vector / np.linalg.norm(vector)]

    def text(self, length: int) -> str:
        """Return *length* words."""
        return " ".join(f"w{int(VOCABULARY ** self.words.random())}" for _ in range(length))

    def point(self, number: int) -> IndexPoint:
        """Return a turn of some twenty words, near to the turns around it."""
        own = self.vector()
        around = np.add(own, self.vector()) / math.sqrt(2)
        text = self.text(20)
        return IndexPoint(
            kind=IndexedKind.TURN,
            scope=SCOPE,
            record_id=f"session{number // 20}:{number % 20}",
            dense={DENSE: own, DENSE_CONTEXT: [float(value) for value in around]},
            texts={SPARSE: text, SPARSE_CONTEXT: f"{text} {self.text(80)}"},
            session_id=SessionId(f"session{number // 20}"),
            order=number % 20,
            created_at=NOW,
            event_start=NOW,
            event_end=NOW,
        )

    def batch(self) -> list[IndexQuery]:
        """Return the searches of one recall."""
        vector, texts = self.vector(), (self.text(8), self.text(4))
        turns = IndexedKind.TURN
        return [
            *(IndexQuery(kind=turns, name=name, vector=vector, limit=LIMIT) for name in (DENSE, DENSE_CONTEXT)),
            *(IndexQuery(kind=turns, name=name, text=text, limit=LIMIT) for name in (SPARSE, SPARSE_CONTEXT) for text in texts),
        ]


async def main() -> None:
    """Measure each size in an engine of its own."""
    sizes = [int(text) for text in sys.argv[1:]] or SIZES
    _print(f"{'points':>8} {'what':<40} {'p50 ms':>8} {'p95 ms':>8}")
    for size in sizes:
        home = Path(tempfile.mkdtemp(prefix="mn"))
        try:
            await _measure(home, size)
        finally:
            shutil.rmtree(home)


async def _measure(home: Path, size: int) -> None:
    corpus = Corpus(vectors=np.random.default_rng(1), words=random.Random(1))  # noqa: S311 - the same figures each time
    batches = [corpus.batch() for _ in range(ROUNDS)]
    extra = [corpus.point(size + number) for number in range(ROUNDS)]
    async with start_engine(home / "data", home / "index.sock") as engine, open_index(engine.socket) as index:
        await index.prepare(model="bench", dimension=DIMENSION)
        await _fill(index, corpus, size)
        _report(size, "batch of 6, top 100", await _times(batches, partial(index.search, SCOPE)))
        _report(size, "one by meaning, top 100", await _times([batch[:1] for batch in batches], partial(index.search, SCOPE)))
        _report(size, "one by word, top 100", await _times([batch[-1:] for batch in batches], partial(index.search, SCOPE)))
        _report(size, "upsert of 1", await _times([[point] for point in extra], index.upsert))
        _report(size, f"upsert of 1, {WRITERS} at once", await _times([extra[:WRITERS]] * 10, partial(_write_together, index)))
        writing = asyncio.create_task(_keep_writing(index, extra[0]))
        _report(size, "batch of 6 beside a writer", await _times(batches, partial(index.search, SCOPE)))
        writing.cancel()
    collections = Collections(home / "data")
    _report(size, "batch of 6, by the library alone", await _times(batches, partial(_bare, collections)))
    collections.close()


async def _fill(index: EmbeddedIndex, corpus: Corpus, size: int) -> None:
    start = time.perf_counter()
    for first in range(0, size, 1_000):
        await index.upsert([corpus.point(number) for number in range(first, min(first + 1_000, size))])
    _print(f"{size:>8} filled at {size / (time.perf_counter() - start):,.0f} points a second, the making of them included")


async def _write_together(index: EmbeddedIndex, points: Sequence[IndexPoint]) -> None:
    await asyncio.gather(*(index.upsert([point]) for point in points))


async def _keep_writing(index: EmbeddedIndex, point: IndexPoint) -> None:
    while True:
        await index.upsert([point])


async def _bare(collections: Collections, batch: Sequence[IndexQuery]) -> None:
    """Do what the engine does with a batch, but for the messages."""
    messages = [encode_query(SCOPE, query, ENCODER) for query in batch]
    from_library(collections, IndexedKind.TURN, tenant_key(SCOPE), [message for message in messages if message])


async def _times(inputs: Sequence[T], call: Callable[[T], Awaitable[object]]) -> list[float]:
    times = []
    for given in inputs:
        start = time.perf_counter()
        await call(given)
        times.append((time.perf_counter() - start) * 1000)
    return sorted(times)


def _report(size: int, what: str, times: Sequence[float]) -> None:
    _print(f"{size:>8} {what:<40} {times[len(times) // 2]:>8.2f} {times[int(len(times) * 0.95)]:>8.2f}")


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a benchmark prints


if __name__ == "__main__":
    asyncio.run(main())
