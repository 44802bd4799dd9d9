"""Every test of this folder runs on each of BACKENDS, on an empty database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from functools import partial
from typing import TypeAlias

import pytest
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster

from service.storage.redis import RedisStores, open_stores
from service.storage.redis.database import open_database
from tests.contract.servers import BACKENDS, Server
from tests.contract.stores.makers import ACME, World, new_user

BUCKETS = 4
AT_ONCE = timedelta(0)

Client: TypeAlias = Redis | RedisCluster
Opener: TypeAlias = Callable[..., AbstractAsyncContextManager[RedisStores]]


def make_server(name: str, fsync: str) -> Server:
    """Return a server of a backend, or skip the test where it is not installed."""
    server = BACKENDS[name](fsync)
    if server is None:
        pytest.skip(f"no server for {name!r} is installed")
    return server


@pytest.fixture(scope="session", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Name the server that the test runs on."""
    return str(request.param)


@pytest.fixture(scope="session")
def server(backend: str) -> Iterator[Server]:
    """Run one server for all tests."""
    server = make_server(backend, "everysec")
    server.start()
    yield server
    server.remove()


@pytest.fixture
def lone_server(backend: str) -> Iterator[Server]:
    """Run a server of the same kind for one test, which may kill it; it writes to the disk before it answers."""
    lone = make_server(backend, "always")
    lone.start()
    yield lone
    lone.remove()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    """Give a client of the emptied server."""
    async with open_database(server.url) as database:
        await database.client.flushall()
        yield database.client


@pytest.fixture
def opener(server: Server, client: Client) -> Opener:  # noqa: ARG001 - it empties the server
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
