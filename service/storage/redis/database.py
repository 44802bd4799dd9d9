"""
The one place that talks to the server.

Nothing is retried here: a script whose answer was lost may have run, and running it again could append twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

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
from service.storage.redis.line import Argument, Command, Line
from service.storage.redis.scripts import ScriptName, script

__all__ = ["Argument", "ClusterLink", "Command", "Database", "Link", "open_database", "span", "translated_errors"]

CONNECTIONS = 64
"""Commands that are under way to a cluster at once."""
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


class Link(Protocol):
    """A way to a server, or to the servers of a cluster."""

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        """Return the answer of each command, an exception for one that was refused. Raises RedisError when there is none."""
        ...


class ClusterLink:
    """A way to a cluster: each command through a connection that the driver takes out of its pools."""

    def __init__(self, client: RedisCluster) -> None:
        """Keep the client; callers wait for a connection, which the pools would refuse them."""
        self._client = client
        self._gate = asyncio.Semaphore(CONNECTIONS)

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        """Return the answer of each command, an exception for one that was refused. Raises RedisError when there is none."""
        async with self._gate:
            if len(commands) == 1:
                return [await self._one(commands[0])]
            pipeline = self._client.pipeline(transaction=False)
            for command in commands:
                pipeline.execute_command(*command)
            answers: list[Any] = await pipeline.execute(raise_on_error=False)
            return answers

    async def _one(self, command: Command) -> Any:
        try:
            return await self._client.execute_command(*command)
        except ResponseError as refusal:
            return refusal


@dataclass(frozen=True, slots=True)
class Database:
    """A server, or a cluster of them, with text in and text out. Raises StorageUnavailable when it cannot be reached."""

    client: Redis | RedisCluster
    link: Link

    async def run(self, name: ScriptName, keys: Sequence[str], args: Sequence[Argument] = ()) -> Any:
        """Run the script *name* and return its answer."""
        wanted = script(name)
        with translated_errors():
            (answer,) = await self.link.send([("EVALSHA", wanted.sha, len(keys), *keys, *args)])
            if isinstance(answer, NoScriptError):
                # the refused call did nothing; EVAL also teaches the script to the node that has these keys
                (answer,) = await self.link.send([("EVAL", wanted.text, len(keys), *keys, *args)])
            return _accepted(answer)

    async def send(self, *commands: Command) -> list[Any]:
        """
        Send single-key *commands* in one round trip and return their answers.

        They are not one step, so they are reads, or writes that can be repeated.
        """
        if not commands:
            return []
        with translated_errors():
            return [_accepted(answer) for answer in await self.link.send(commands)]

    async def get(self, *command: Argument) -> Any:
        """Send one command and return its answer."""
        (answer,) = await self.send(command)
        return answer


def _accepted(answer: Any) -> Any:
    """Return an answer that is none of a refusal, which is raised."""
    if isinstance(answer, Exception):
        raise answer
    return answer


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
    async with AsyncExitStack() as stack:
        with translated_errors():
            database = await _connect(url, stack)
            await database.link.send([("PING",)])
        yield database


async def _connect(url: str, stack: AsyncExitStack) -> Database:
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
        cluster = RedisCluster.from_url(scheme.removesuffix(CLUSTER_SUFFIX) + separator + rest, **options)
        stack.push_async_callback(cluster.aclose)
        await cluster.initialize()
        return Database(cluster, ClusterLink(cluster))
    client = Redis.from_url(url, **options)
    stack.push_async_callback(client.aclose)
    line = Line(client, timeout=TIMEOUT)
    stack.push_async_callback(line.close)
    return Database(client, line)
