"""Every test of this folder runs on every backend: the embedded engine, and the server's adapter on its client's local mode."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeAlias

import pytest
import pytest_asyncio

from service.domain.ports.index import VectorIndex
from service.storage import embedded, qdrant
from service.storage.embedded.vector_engine import start_engine
from tests.contract.index.builders import DIMENSION, MODEL

Backend: TypeAlias = Callable[[Path], AbstractAsyncContextManager[VectorIndex]]

BACKENDS: Mapping[str, Backend] = {
    "embedded": embedded.open_index,
    "qdrant": lambda _: qdrant.open_index(":memory:", api_key=None),
}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engine_socket() -> AsyncIterator[Path]:
    """Run one engine process for all tests; each gets empty collections."""
    # a socket's path must be short
    home = Path(tempfile.mkdtemp(prefix="mn", dir="/tmp"))
    async with start_engine(home / "index", home / "index.sock") as engine:
        yield engine.socket
    shutil.rmtree(home)


@pytest.fixture(params=BACKENDS)
async def unprepared(request: pytest.FixtureRequest, engine_socket: Path) -> AsyncIterator[VectorIndex]:
    """Return an index as it was left, with no promise of what is in it."""
    async with BACKENDS[request.param](engine_socket) as index:
        yield index


@pytest.fixture
async def index(unprepared: VectorIndex) -> VectorIndex:
    """Return an empty index."""
    await unprepared.reset(model=MODEL, dimension=DIMENSION)
    return unprepared
