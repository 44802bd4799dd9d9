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
    home = fast_directory()
    async with start_engine(home / "index", home / "index.sock") as engine:
        yield engine.socket
    shutil.rmtree(home)


def fast_directory() -> Path:
    """Return a new directory with a short path, in memory where there is room: every test resets the index, which flushes."""
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a directory in it that is ours alone
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2**30
    return Path(tempfile.mkdtemp(prefix="mn", dir=memory if roomy else None))


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
