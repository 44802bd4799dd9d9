"""Who may run a server on a data directory, and what becomes of the server when its owner dies."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from service.storage.embedded.locks import DataDirectoryInUse, take_server_lock
from tests.embedded.conftest import Home
from tests.embedded.owner import SERVERS, Start
from tests.embedded.waiting import wait_until

OWNER = Path(__file__).with_name("owner.py")


@pytest.fixture(params=SERVERS)
def name(request: pytest.FixtureRequest) -> str:
    """Name each server in turn."""
    return str(request.param)


@pytest.fixture
def start(name: str) -> Start:
    """Return what starts the server."""
    return SERVERS[name]


async def test_a_second_owner_is_refused(start: Start, home: Home) -> None:
    """Two servers never work on the same files."""
    async with start(home.data, home.socket):
        with pytest.raises(DataDirectoryInUse, match="is in use by another process"):
            async with start(home.data, home.socket.with_name("other.sock")):
                pass


async def test_an_owner_in_another_process_is_respected(name: str, start: Start, home: Home) -> None:
    """The refusal leaves the first server running."""
    owner = await _owner(name, home)
    pid = int(await _line(owner))
    with pytest.raises(DataDirectoryInUse):
        async with start(home.data, home.socket):
            pass
    os.kill(pid, 0)
    owner.terminate()
    await owner.wait()


async def test_a_server_dies_with_its_owner(name: str, start: Start, home: Home) -> None:
    """A killed owner leaves nothing behind, and the next one starts."""
    owner = await _owner(name, home)
    pid = int(await _line(owner))
    owner.kill()
    await owner.wait()
    await wait_until(lambda: _is_free(home.data), "the server let go of its data directory")
    async with start(home.data, home.socket) as server:
        assert pid != server.pid


async def test_a_killed_server_is_noticed(start: Start, home: Home) -> None:
    """The owner learns of the end and of the signal, and can start anew at once."""
    async with start(home.data, home.socket) as server:
        os.kill(server.pid, signal.SIGKILL)
        assert -signal.SIGKILL == await server.wait()
    async with start(home.data, home.socket) as server:
        assert server.returncode is None


async def test_leaving_the_block_stops_the_server_in_good_order(start: Start, home: Home) -> None:
    """It ends by itself, with exit code 0, before the block is left."""
    async with start(home.data, home.socket) as server:
        pass
    assert 0 == server.returncode


async def test_a_hung_server_is_killed_in_the_end(start: Start, home: Home) -> None:
    """A server that does not answer to the request to end cannot hold up its owner."""
    async with start(home.data, home.socket) as server:
        os.kill(server.pid, signal.SIGSTOP)
        await server.stop(patience=server.stop_patience / 100)
        assert -signal.SIGKILL == server.returncode


async def test_nobody_else_can_reach_the_server(start: Start, home: Home) -> None:
    """Data, socket and log are for the user who runs it alone."""
    async with start(home.data, home.socket):
        for path in (home.data, home.socket.parent, home.socket, *home.data.glob("*.log")):
            assert 0 == stat.S_IMODE(path.stat().st_mode) & 0o077, path


async def test_a_socket_path_that_is_too_long_is_named(start: Start, home: Home) -> None:
    """The system's own error would say nothing of the reason."""
    with pytest.raises(ValueError, match="choose a shorter data directory"):
        async with start(home.data, home.socket.with_name("x" * 120)):
            pass


async def _owner(name: str, home: Home) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, str(OWNER), name, str(home.data), str(home.socket)), stdout=asyncio.subprocess.PIPE
    )


async def _line(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    return await process.stdout.readline()


def _is_free(data: Path) -> bool:
    lock = take_server_lock(data)
    if lock is None:
        return False
    os.close(lock)
    return True
