"""What every folder may need: real engines, a running service, patience."""

from __future__ import annotations

import asyncio
import inspect
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias, TypeVar

import hypothesis
import pytest
import pytest_asyncio

from service.settings import Settings
from service.storage.embedded.valkey import Fsync, start_valkey
from service.storage.embedded.vector_engine import start_engine
from service.wiring import RunningService, running_service

T = TypeVar("T")
Waiter: TypeAlias = Callable[[Callable[[], Awaitable[T] | T], str], Awaitable[T]]

# for what ends: a machine that is busy with other things may need it
PATIENCE = timedelta(seconds=60)

# The same examples on every machine and each time, however slow it is: what a change breaks is seen with that change.
# `make soak` draws others.
hypothesis.settings.register_profile(
    "everyday",
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile("soak", max_examples=3_000, stateful_step_count=80, deadline=None)
hypothesis.settings.load_profile("everyday")


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """Where the engines of this test run listen; *directory* is theirs and short enough for sockets."""

    directory: Path
    redis_url: str
    index_socket: Path

    def settings(self, *, database: int = 0) -> Settings:
        """Return settings for a service on these engines; each *database* is a store of its own."""
        return Settings(
            data_dir=self.directory,
            redis_url=f"{self.redis_url}?db={database}",
            index_socket=self.index_socket,
            grpc_listen="127.0.0.1:0",
            key_pepper="pepper",
            embedder_threads=1,
            shutdown_grace=timedelta(seconds=5),
        )


@dataclass(slots=True)
class FakeClock:
    """A clock that stands still until it is told to go on."""

    time: datetime = field(default_factory=lambda: datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC))

    def now(self) -> datetime:
        """Return the time it was set to."""
        return self.time

    def advance(self, span: timedelta) -> None:
        """Go on."""
        self.time += span


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that stands still."""
    return FakeClock()


@pytest.fixture(scope="session")
def short_directory() -> Iterator[Path]:
    """Return a directory whose path leaves room for the names of sockets, which pytest's own does not."""
    directory = Path(tempfile.mkdtemp(prefix="mn", dir="/tmp"))
    yield directory
    shutil.rmtree(directory)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engines(short_directory: Path) -> AsyncIterator[Engines]:
    """Run a real Valkey and a real vector engine for the whole test run."""
    valkey, index = short_directory / "valkey", short_directory / "index"
    async with (
        # tests do not pull the plug, so they need not wait for the disk
        start_valkey(valkey, short_directory / "v.sock", fsync=Fsync.EVERY_SECOND) as server,
        start_engine(index, short_directory / "i.sock") as engine,
    ):
        yield Engines(directory=short_directory, redis_url=server.url, index_socket=engine.socket)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def service(engines: Engines) -> AsyncIterator[RunningService]:
    """Run one service, worker included, for the whole test run; tests get projects of their own in it."""
    async with running_service(replace(engines.settings(), service_socket=engines.directory / "c.sock")) as running:
        yield running


@pytest.fixture
def wait_until() -> Waiter[object]:
    """Wait until *predicate*, awaited if need be, returns something true, and return that."""

    async def wait(predicate: Callable[[], Awaitable[object] | object], description: str) -> object:
        deadline = time.monotonic() + PATIENCE.total_seconds()
        while True:
            result = predicate()
            if inspect.isawaitable(result):
                result = await result
            if result:
                return result
            assert time.monotonic() < deadline, f"never came true: {description}"
            await asyncio.sleep(0.02)

    return wait
