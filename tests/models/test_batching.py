"""Batches of waiting texts: who goes first."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest
import pytest_asyncio

from service.models.batching import URGENT_CHARACTERS, Batcher, Vector32

SHORT = "a query"
LONG = "x" * (URGENT_CHARACTERS + 1)
_CALM = 10


class Noted:
    """An encoder that notes the niceness of the thread that each text was embedded on."""

    def __init__(self) -> None:
        """Begin with nothing noted."""
        self.niceness: dict[str, int] = {}

    def __call__(self, texts: Sequence[str]) -> Vector32:
        """Embed as zeros."""
        self.niceness |= dict.fromkeys(texts, os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return np.zeros((len(texts), 1), dtype=np.float32)


@pytest.fixture
def encode() -> Noted:
    """Return an encoder."""
    return Noted()


@pytest_asyncio.fixture
async def batcher(encode: Noted) -> AsyncIterator[Batcher]:
    """Yield a batcher on one thread, and one more for what is urgent."""
    batcher = Batcher(encode, threads=1)
    yield batcher
    await batcher.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no niceness of its own")
async def test_long_requests_give_way_to_short_ones(batcher: Batcher, encode: Noted) -> None:
    """What is embedded for the index runs on a thread of lower priority, and a query on one like any other."""
    await batcher.embed([LONG])
    await batcher.embed([SHORT])
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert {SHORT: own, LONG: min(own + _CALM, 19)} == encode.niceness
