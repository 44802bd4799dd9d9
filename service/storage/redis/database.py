"""
The one place that talks to the server.

Nothing is retried here: a script whose answer was lost may have run, and running it again could append twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    ClusterDownError,
    ClusterError,
    MasterDownError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from service.domain.errors import StorageUnavailable
from service.storage.redis.scripts import script

Argument: TypeAlias = str | int
Command: TypeAlias = tuple[Argument, ...]

CONNECTIONS = 64
TIMEOUT = 10.0
"""Seconds for a connect, for one answer and for a free connection. Nothing here blocks on the server, so no read waits longer."""

UNAVAILABLE = (
    RedisConnectionError,
    RedisTimeoutError,
    ClusterDownError,
    ClusterError,
    MasterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    TryAgainError,
)
UNAVAILABLE_PREFIXES = ("MISCONF", "NOREPLICAS")
"""Refusals of a server that cannot write to its disk or its replicas now; the driver has no classes for them."""

CLUSTER_SUFFIX = "+cluster"


@dataclass(frozen=True, slots=True)
class Database:
    """A server, or a cluster of them, with text in and text out. Raises StorageUnavailable when it cannot be reached."""

    client: Redis | RedisCluster

    async def run(self, name: str, keys: Sequence[str], args: Sequence[Argument] = ()) -> Any:
        """Run the script *name* and return its answer."""
        wanted = script(name)
        with translated_errors():
            try:
                return await self.client.evalsha(wanted.sha, len(keys), *keys, *args)
            except NoScriptError:
                # the refused call did nothing; EVAL also teaches the script to the node that has these keys
                return await self.client.eval(wanted.text, len(keys), *keys, *args)

    async def send(self, *commands: Command) -> list[Any]:
        """
        Send single-key *commands* in one round trip and return their answers.

        They are not one step, so they are reads, or writes that can be repeated.
        """
        if not commands:
            return []
        with translated_errors():
            pipeline = self.client.pipeline(transaction=False)
            for command in commands:
                pipeline.execute_command(*command)
            answers: list[Any] = await pipeline.execute()
            return answers

    async def get(self, *command: Argument) -> Any:
        """Send one command and return its answer."""
        with translated_errors():
            return await self.client.execute_command(*command)


def span(start: int, count: int) -> tuple[int, int]:
    """Return the first and the last place, as range commands want them, of *count* items from *start*."""
    # -1 would mean the last item of all
    return (start, start + count - 1) if count > 0 else (1, 0)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn what the driver raises when the server is gone, or cannot write, into StorageUnavailable."""
    try:
        yield
    except UNAVAILABLE as error:
        raise StorageUnavailable(store="redis") from error
    except ResponseError as error:
        if str(error).startswith(UNAVAILABLE_PREFIXES):
            raise StorageUnavailable(store="redis") from error
        raise


@asynccontextmanager
async def open_database(url: str) -> AsyncIterator[Database]:
    """
    Connect to *url* (`redis://`, `rediss://`, `unix://`; `redis+cluster://` and `rediss+cluster://` for one node of a cluster),
    and disconnect at the end. Raises StorageUnavailable, ValueError for another scheme.
    """
    client = _client(url)
    try:
        with translated_errors():
            await client.initialize()
            await client.ping()
        yield Database(client)
    finally:
        await client.aclose()


def _client(url: str) -> Redis | RedisCluster:
    no_retry = Retry(NoBackoff(), 0)
    scheme, separator, rest = url.partition("://")
    if scheme.endswith(CLUSTER_SUFFIX):
        plain = scheme.removesuffix(CLUSTER_SUFFIX) + separator + rest
        # the driver repeats a command here only when a node answered that it did not run it: MOVED, ASK, TRYAGAIN
        return RedisCluster.from_url(
            plain, decode_responses=True, retry=no_retry, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT
        )
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=TIMEOUT,
        decode_responses=True,
        retry=no_retry,
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
    )
    return Redis.from_pool(pool)
