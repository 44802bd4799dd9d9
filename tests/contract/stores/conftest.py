"""Every test of this folder runs on each of BACKENDS, on an empty database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from functools import partial
from typing import TypeAlias

import pytest
from redis.asyncio import Redis

from service.storage.redis import RedisStores, open_stores
from tests.contract.servers import BACKENDS, Server
from tests.contract.stores.makers import ACME, World, new_user

BUCKETS = 4
AT_ONCE = timedelta(0)

Opener: TypeAlias = Callable[..., AbstractAsyncContextManager[RedisStores]]


def binary_of(name: str) -> str:
    """Return the program of a backend, or skip the test where it is not installed."""
    binary = BACKENDS[name]()
    if binary is None:
        pytest.skip(f"no server for {name!r} is installed")
    return binary


@pytest.fixture(scope="session", params=BACKENDS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Run one server for all tests."""
    server = Server(binary_of(request.param))
    server.start()
    yield server
    server.remove()


@pytest.fixture
def lone_server(server: Server) -> Iterator[Server]:
    """Run a server of the same kind for one test, which may kill it; it writes to the disk before it answers."""
    lone = Server(server.binary, fsync="always")
    lone.start()
    yield lone
    lone.remove()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Redis]:
    """Give a client of the emptied server."""
    async with Redis.from_url(server.url, decode_responses=True) as client:
        await client.flushall()
        yield client


@pytest.fixture
def opener(server: Server, client: Redis) -> Opener:  # noqa: ARG001 - it empties the server
    """Open stores on the emptied server with settings of the test's own."""
    return partial(open_stores, server.url, buckets=BUCKETS)


@pytest.fixture
async def stores(opener: Opener) -> AsyncIterator[RedisStores]:
    """Give the stores, as they are by default."""
    async with opener() as stores:
        yield stores


@pytest.fixture
async def impatient(opener: Opener) -> AsyncIterator[RedisStores]:
    """Give stores on the same server for which every half-made state is at once one whose writer died."""
    async with opener(grace=AT_ONCE) as stores:
        yield stores


@pytest.fixture
async def world(stores: RedisStores) -> World:
    """Give the stores with one user."""
    return World(stores, await stores.users.create(ACME, new_user()))
