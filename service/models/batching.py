"""
Batches across concurrent callers.

Texts that arrive while every thread is busy wait in one of two lanes. Short requests (a recall's query) take the urgent lane,
leave together as the next batch, and have a thread more than the others: waiting for a batch of the other lane would cost
a query more than sharing the processor with it. Long requests (indexing) are cut into small batches of texts of like length,
served in order, by threads that have the processor where nobody else wants it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Vector32: TypeAlias = NDArray[np.float32]
Encode: TypeAlias = Callable[[Sequence[str]], Vector32]
"""Embeds a batch: one row per text. Called in a thread."""

URGENT_CHARACTERS = 600
"""A request of at most this many characters in all takes the urgent lane."""
BATCH_CHARACTERS = 800
"""A batch holds texts while their number times the longest of them stays within this: about 15 ms on one core."""

_NICENESS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    text: str
    vector: asyncio.Future[Vector32]


class Batcher:
    """
    Runs *encode* over batches of whatever waits: *threads* at once, and one more when it is urgent.

    Belongs to one event loop; close it at the end.
    """

    def __init__(self, encode: Encode, *, threads: int) -> None:
        """Start no work yet."""
        self._encode = encode
        self._threads = threads
        self._urgent_pool = ThreadPoolExecutor(max_workers=threads + 1, thread_name_prefix="embed")
        self._bulk_pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="embed-bulk", initializer=_give_way)
        self._urgent: deque[_Waiting] = deque()
        self._bulk: deque[deque[_Waiting]] = deque()
        self._running: set[asyncio.Future[Vector32]] = set()

    async def embed(self, texts: Sequence[str]) -> list[Vector32]:
        """Return one vector per text, in order. Raises what *encode* raised for the batch that a text was in."""
        loop = asyncio.get_running_loop()
        waiting = [_Waiting(text=text, vector=loop.create_future()) for text in texts]
        if sum(map(len, texts)) <= URGENT_CHARACTERS:
            self._urgent.extend(waiting)
        else:
            by_length = deque(sorted(waiting, key=lambda item: len(item.text)))
            while by_length:
                self._bulk.append(deque(_take_batch(by_length)))
        self._start()
        return await asyncio.gather(*(item.vector for item in waiting))

    async def close(self) -> None:
        """Cancel what waits, let running batches end, and stop the threads."""
        for item in (*self._urgent, *(item for batch in self._bulk for item in batch)):
            item.vector.cancel()
        self._urgent.clear()
        self._bulk.clear()
        if self._running:
            await asyncio.wait(self._running)
        self._urgent_pool.shutdown()
        self._bulk_pool.shutdown()

    def _start(self) -> None:
        loop = asyncio.get_running_loop()
        while taken := self._next_batch():
            pool, batch = taken
            # a caller that gave up has cancelled its futures
            wanted = [item for item in batch if not item.vector.done()]
            if wanted:
                running = loop.run_in_executor(pool, self._encode, [item.text for item in wanted])
                self._running.add(running)
                running.add_done_callback(partial(self._end, wanted))

    def _next_batch(self) -> tuple[ThreadPoolExecutor, Sequence[_Waiting]] | None:
        if self._urgent and len(self._running) <= self._threads:
            return self._urgent_pool, _take_batch(self._urgent)
        if self._bulk and len(self._running) < self._threads:
            return self._bulk_pool, self._bulk.popleft()
        return None

    def _end(self, batch: Sequence[_Waiting], ended: asyncio.Future[Vector32]) -> None:
        self._running.discard(ended)
        error = ended.exception()
        for row, item in enumerate(batch):
            if item.vector.done():
                continue
            if error is not None:
                item.vector.set_exception(error)
            else:
                item.vector.set_result(ended.result()[row])
        self._start()


def _give_way() -> None:
    """Lower the priority of the calling thread, so that queries, the event loop and other processes go first."""
    # elsewhere it would be that of the whole process
    if sys.platform == "linux":
        os.nice(_NICENESS)


def _take_batch(lane: deque[_Waiting]) -> list[_Waiting]:
    """Take texts from the front of *lane* until a batch is full; at least one."""
    batch = [lane.popleft()]
    longest = len(batch[0].text)
    while lane:
        longest = max(longest, len(lane[0].text))
        if longest * (len(batch) + 1) > BATCH_CHARACTERS:
            break
        batch.append(lane.popleft())
    return batch
