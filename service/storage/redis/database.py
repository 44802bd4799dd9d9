"""
The one place that talks to the server.

Nothing is retried here: a script whose answer was lost may have run, and running it again could append twice.
"""

from __future__ import annotations

from asyncio import Semaphore
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from redis.asyncio import Redis
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
    RedisClusterException,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from service.domain.errors import StorageUnavailable
from service.storage.redis.scripts import ScriptName, script

Argument: TypeAlias = str | int
Command: TypeAlias = tuple[Argument, ...]

CONNECTIONS = 64
TIMEOUT = 10.0
"""Seconds for a connect and for one answer. Nothing here blocks on the server, so no read has to wait longer."""

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
    gate: Semaphore = field(default_factory=lambda: Semaphore(CONNECTIONS))
    """Makes callers wait for a connection; the driver's pools would refuse them."""

    async def run(self, name: ScriptName, keys: Sequence[str], args: Sequence[Argument] = ()) -> Any:
        """Run the script *name* and return its answer."""
        wanted = script(name)
        async with self.gate:
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
        async with self.gate:
            with translated_errors():
                pipeline = self.client.pipeline(transaction=False)
                for command in commands:
                    pipeline.execute_command(*command)
                answers: list[Any] = await pipeline.execute()
                return answers

    async def get(self, *command: Argument) -> Any:
        """Send one command and return its answer."""
        async with self.gate:
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
    except RedisClusterException as error:
        # this class is also for keys of two slots in one command, which would be a fault of ours; such an error has no cause
        if isinstance(error.__cause__, UNAVAILABLE):
            raise StorageUnavailable(store="redis") from error
        raise
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
    options: dict[str, Any] = {
        "max_connections": CONNECTIONS,
        "decode_responses": True,
        "retry": Retry(NoBackoff(), 0),
        "socket_timeout": TIMEOUT,
        "socket_connect_timeout": TIMEOUT,
    }
    scheme, separator, rest = url.partition("://")
    if scheme.endswith(CLUSTER_SUFFIX):
        # the driver still repeats a command that a node says it did not run: MOVED, ASK, TRYAGAIN
        return RedisCluster.from_url(scheme.removesuffix(CLUSTER_SUFFIX) + separator + rest, **options)
    return Redis.from_url(url, **options)
