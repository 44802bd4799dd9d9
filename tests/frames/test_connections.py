"""Connections over which frames go: they are made, break, and are given up in time."""

from __future__ import annotations

import asyncio
import contextlib
import socket as sockets
import stat
import struct
from pathlib import Path

import grpc
import pytest

from frames.client import open_channel
from frames.server import Context
from frames.wire import FrameProtocol
from tests.conftest import Waiter
from tests.frames.conftest import LIMIT, Speaker, said, say, serving
from tests.frames.test_calls import failure, forever


async def test_a_call_waits_for_its_server(socket: Path) -> None:
    """One that is not there yet; the caller notices nothing but the time."""
    async with open_channel(socket) as channel:
        waiting = asyncio.create_task(said(channel, "x"))
        await asyncio.sleep(0)
        async with serving(Speaker(), socket):
            assert "x" == await waiting


async def test_a_server_that_stays_away_is_waited_for_within_the_deadline(socket: Path) -> None:
    """Then it is DEADLINE_EXCEEDED."""
    async with open_channel(socket) as channel:
        assert grpc.StatusCode.DEADLINE_EXCEEDED == (await failure(channel, "x", timeout=0.1)).code()


async def test_an_impatient_call_fails_without_a_server(socket: Path) -> None:
    """At once, with UNAVAILABLE; with one it is answered."""
    async with open_channel(socket) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await say(channel, "x", wait_for_ready=False)
        async with serving(Speaker(), socket):
            assert "x" == (await say(channel, "x", wait_for_ready=False)).value
    assert grpc.StatusCode.UNAVAILABLE == caught.value.code()


async def test_a_server_that_dies_fails_what_runs_and_is_found_again(socket: Path, wait_until: Waiter[object]) -> None:
    """With UNAVAILABLE; the next call goes to the server that came instead."""
    speaker = Speaker(forever)
    async with open_channel(socket) as channel:
        async with serving(speaker, socket) as server:
            failing = asyncio.create_task(failure(channel, "x"))
            await wait_until(lambda: speaker.heard, "the call runs")
            for connection in server.connections:
                connection.transport.abort()
            assert grpc.StatusCode.UNAVAILABLE == (await failing).code()
        async with serving(Speaker(), socket):
            assert "y" == await said(channel, "y")


async def test_a_restart_is_not_noticed(socket: Path, wait_until: Waiter[object]) -> None:
    """A call that runs is answered by the server that stops; those that come meanwhile, by the next one."""
    go_on = asyncio.Event()

    async def slow(_text: str, _context: Context) -> str:
        await go_on.wait()
        return "first"

    speaker = Speaker(slow)
    async with open_channel(socket) as channel, serving(speaker, socket) as server:
        running = asyncio.create_task(said(channel, "running"))
        await wait_until(lambda: speaker.heard, "the call runs")
        stopping = asyncio.create_task(server.stop(20))
        # one that was on its way when the server began to stop, and one that came later
        late = [asyncio.ensure_future(said(channel, "crossing"))]
        await wait_until(lambda: not socket.exists(), "the server takes no more connections")
        late.append(asyncio.ensure_future(said(channel, "late")))
        async with serving(Speaker(), socket):
            assert ["crossing", "late"] == list(await asyncio.gather(*late))
            go_on.set()
            assert "first" == await running
            await stopping
    assert ["running"] == speaker.heard


async def test_what_outlasts_the_grace_is_unavailable(socket: Path, wait_until: Waiter[object]) -> None:
    """It is cancelled, and its caller may try again."""
    speaker = Speaker(forever)
    async with open_channel(socket) as channel:
        async with serving(speaker, socket, grace=0):
            failing = asyncio.create_task(failure(channel, "x"))
            await wait_until(lambda: speaker.heard, "the call runs")
        assert (grpc.StatusCode.UNAVAILABLE, 1) == ((await failing).code(), speaker.left)


async def test_a_channel_that_is_closed_makes_no_connection(socket: Path, wait_until: Waiter[object]) -> None:
    """A call that comes late is CANCELLED."""
    async with serving(Speaker(), socket) as server:
        async with open_channel(socket) as channel:
            await said(channel, "x")
        await wait_until(lambda: not server.connections, "it hangs up")
        assert grpc.StatusCode.CANCELLED == (await failure(channel, "y")).code()
        assert set() == server.connections


async def test_the_socket_is_for_this_user_alone(socket: Path) -> None:
    """And it is gone with the server."""
    async with serving(Speaker(), socket):
        assert 0o600 == stat.S_IMODE(socket.stat().st_mode)
    assert not socket.exists()


async def test_what_a_dead_server_left_is_replaced(socket: Path) -> None:
    """A socket on which nobody listens is in nobody's way."""
    with sockets.socket(sockets.AF_UNIX) as dead:
        dead.bind(str(socket))
    async with serving(Speaker(), socket), open_channel(socket) as channel:
        assert "x" == await said(channel, "x")


async def test_the_socket_of_a_living_server_is_left_alone(socket: Path) -> None:
    """The second one says that it cannot have it."""
    async with serving(Speaker(), socket), open_channel(socket) as channel:
        with pytest.raises(OSError, match="another process"):
            async with serving(Speaker(), socket):
                pass
        assert "x" == await said(channel, "x")


async def test_a_connection_that_nobody_takes_is_none(socket: Path, wait_until: Waiter[object]) -> None:
    """The system makes one with a server that is dying; the call is made once, at the server that comes instead."""
    with sockets.socket(sockets.AF_UNIX) as dying:
        dying.bind(str(socket))
        dying.listen()
        async with open_channel(socket) as channel:
            calling = asyncio.create_task(said(channel, "x"))
            await wait_until(lambda: channel._connections, "the system connects")
            assert grpc.ChannelConnectivity.IDLE is channel.get_state()
            dying.close()
            speaker = Speaker()
            async with serving(speaker, socket):
                assert "x" == await calling
            assert ["x"] == speaker.heard


HELLO = struct.pack("<QBII", 0, 5, 0, 0)


def prefix(kind: int, head: int, payload: int) -> bytes:
    """Return the beginning of a frame."""
    return struct.pack("<QBII", 7, kind, head, payload)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", id="another protocol"),
        pytest.param(prefix(0, 0, 0), id="no kind"),
        pytest.param(prefix(2, 0, 0), id="a response"),
        pytest.param(prefix(9, 0, 1 << 31), id="no kind, too long"),
        pytest.param(prefix(1, 2, 0) + b"\xff\xff", id="a head that cannot be read"),
    ],
)
async def test_what_is_no_frame_ends_its_connection_alone(socket: Path, wrong: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """With a line in the log; the others are served on."""
    async with serving(Speaker(), socket), open_channel(socket) as channel:
        await said(channel, "before")
        reader, writer = await asyncio.open_unix_connection(socket)
        writer.write(wrong)
        # what was sent and never read makes it a reset
        with contextlib.suppress(ConnectionResetError):
            assert HELLO == await reader.read()
        writer.close()
        assert "after" == await said(channel, "after")
    assert 1 == caplog.text.count("a connection is ended")


async def test_a_server_that_talks_nonsense_is_unavailable(socket: Path) -> None:
    """A client ends such a connection too, and lets its callers know."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HELLO)
        await reader.read(1)
        writer.write(prefix(2, 1, 0) + b"\xff")
        await reader.read()
        writer.close()

    async with await asyncio.start_unix_server(talk, socket), open_channel(socket) as channel:
        assert grpc.StatusCode.UNAVAILABLE == (await failure(channel, "x")).code()


class Collector(FrameProtocol):
    """Keeps what it gets."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__(limit=LIMIT)
        self.frames: list[tuple[int, bytes, bytes | None]] = []

    def frame_received(self, call: int, kind: int, head: bytes, payload: bytes | None) -> None:
        """Keep it."""
        del call
        self.frames.append((kind, head, payload))


@pytest.mark.parametrize("size", [1, 2, 16, 17, 18, 1_000, 10_000_000])
async def test_frames_are_found_wherever_they_are_cut(size: int) -> None:
    """Whatever the pieces are in which the bytes come, also of what is passed over."""
    long = LIMIT + 1
    data = b"".join(
        (prefix(1, 2, 3) + b"hhppp", prefix(3, 0, 0), prefix(2, 4, long) + b"hhhh" + b"x" * long, prefix(4, 0, 1) + b"p")
    )
    collector = Collector()
    for start in range(0, len(data), size):
        collector.data_received(data[start : start + size])
    assert [(1, b"hh", b"ppp"), (3, b"", b""), (2, b"", None), (4, b"", b"p")] == collector.frames


async def test_a_client_that_does_not_read_is_not_read_from(socket: Path, wait_until: Waiter[object]) -> None:
    """What a server holds for it is bounded; it is served when it reads again."""

    async def long(_text: str, _context: Context) -> str:
        return "x" * LIMIT

    speaker = Speaker(long)
    async with serving(speaker, socket) as server, open_channel(socket) as channel:
        await said(channel, "x")
        (theirs,) = server.connections
        (ours,) = channel._connections
        ours.transport.pause_reading()
        # too much for one look at the socket
        calls = [asyncio.ensure_future(said(channel, "x" * (LIMIT // 5))) for _ in range(80)]
        await wait_until(lambda: not theirs.transport.is_reading(), "the server reads no more")
        held = len(speaker.heard)
        ours.transport.resume_reading()
        await asyncio.gather(*calls)
        assert (True, 81) == (held < 81, len(speaker.heard))
