"""A call over frames is what a call over gRPC is."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from pathlib import Path

import grpc
import pytest

from frames.client import Channel, open_channel
from frames.server import Context
from tests.conftest import Waiter
from tests.frames.conftest import LIMIT, Speaker, said, say, serving

NAME: ContextVar[str] = ContextVar("NAME", default="nobody")


async def forever(_text: str, _context: Context) -> str:
    """Never answer."""
    await asyncio.Event().wait()
    raise AssertionError


async def failure(channel: Channel, text: str, *, method: str = "Say", timeout: float = 20) -> grpc.aio.AioRpcError:
    """Return the error of a call."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await say(channel, text, method=method, timeout=timeout)
    return caught.value


async def test_metadata_goes_both_ways(socket: Path) -> None:
    """Text and bytes, ahead of the response and behind it, keys more than once."""
    sent = (("a", "ä"), ("a", "2"), ("b-bin", b"\xff\x00"))

    async def reply(text: str, context: Context) -> str:
        await context.send_initial_metadata(context.invocation_metadata())
        context.set_trailing_metadata((("lost", "x"),))
        context.set_trailing_metadata((("behind", text),))
        return text

    async with serving(Speaker(reply), socket), open_channel(socket) as channel:
        call = say(channel, "hello", metadata=sent)
        assert "hello" == (await call).value
        assert (list(sent), [("behind", "hello")]) == (await call.initial_metadata(), await call.trailing_metadata())


async def test_an_abort_is_an_error_of_the_call(socket: Path) -> None:
    """With its code, its words, what was said ahead and what it says behind."""

    async def reply(_text: str, context: Context) -> str:
        await context.send_initial_metadata((("ahead", "1"),))
        context.set_trailing_metadata((("behind", "replaced"),))
        await context.abort(grpc.StatusCode.NOT_FOUND, "no such thing", (("details-bin", b"\x01"),))

    async with serving(Speaker(reply), socket), open_channel(socket) as channel:
        error = await failure(channel, "x")
    assert (grpc.StatusCode.NOT_FOUND, "no such thing") == (error.code(), error.details())
    assert ([("ahead", "1")], [("details-bin", b"\x01")]) == (list(error.initial_metadata()), list(error.trailing_metadata()))


async def test_a_failure_is_unknown_and_logged(socket: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The caller learns its kind alone, and the server goes on."""

    async def reply(text: str, _context: Context) -> str:
        return str(1 // int(text))

    async with serving(Speaker(reply), socket), open_channel(socket) as channel:
        error = await failure(channel, "0")
        assert "1" == await said(channel, "1")
    assert (grpc.StatusCode.UNKNOWN, "Unexpected <class 'ZeroDivisionError'>") == (error.code(), error.details())
    assert "a call of /test.Speaker/Say failed" in caplog.text


@pytest.mark.parametrize("method", ["Other", "Stream"])
async def test_what_is_not_served_is_unimplemented(socket: Path, method: str) -> None:
    """Streams too: they are left to gRPC."""
    async with serving(Speaker(), socket), open_channel(socket) as channel:
        assert grpc.StatusCode.UNIMPLEMENTED == (await failure(channel, "x", method=method)).code()


async def test_many_calls_share_a_connection(socket: Path) -> None:
    """Each gets its own answer, whatever order they end in."""
    async with serving(Speaker(), socket) as server, open_channel(socket) as channel:
        texts = [str(number) * (number + 1) for number in range(100)]
        assert texts == list(await asyncio.gather(*(said(channel, text) for text in texts)))
        assert 1 == len(server.connections)


async def test_each_call_has_a_context_of_its_own(socket: Path) -> None:
    """What one sets is not seen by another."""

    async def reply(text: str, _context: Context) -> str:
        before = NAME.get()
        NAME.set(text)
        await asyncio.sleep(0)
        return f"{before} {NAME.get()}"

    async with serving(Speaker(reply), socket), open_channel(socket) as channel:
        assert ["nobody a", "nobody b"] == list(await asyncio.gather(said(channel, "a"), said(channel, "b")))


async def test_a_call_that_is_left_stops_working(socket: Path, wait_until: Waiter[object]) -> None:
    """Nobody wants its answer; the other calls of the connection go on."""
    speaker = Speaker(forever)
    async with serving(speaker, socket), open_channel(socket) as channel:
        waiting = [asyncio.ensure_future(said(channel, text)) for text in "ab"]
        await wait_until(lambda: len(speaker.heard) == 2, "both calls run")
        waiting[0].cancel()
        await wait_until(lambda: speaker.left, "the first is cancelled")
        assert (1, False) == (speaker.left, waiting[1].done())
        waiting[1].cancel()


async def test_a_deadline_ends_the_call_and_the_work(socket: Path, wait_until: Waiter[object]) -> None:
    """The caller gets DEADLINE_EXCEEDED, the servicer is cancelled."""
    speaker = Speaker(forever)
    async with serving(speaker, socket), open_channel(socket) as channel:
        assert grpc.StatusCode.DEADLINE_EXCEEDED == (await failure(channel, "x", timeout=0.1)).code()
        await wait_until(lambda: speaker.left, "the call is cancelled")


async def test_a_client_that_goes_takes_its_calls_along(socket: Path, wait_until: Waiter[object]) -> None:
    """They are cancelled at the server, and fail with UNAVAILABLE where they came from."""
    speaker = Speaker(forever)
    async with serving(speaker, socket):
        async with open_channel(socket) as channel:
            failing = asyncio.create_task(failure(channel, "x"))
            await wait_until(lambda: speaker.heard, "the call runs")
        assert grpc.StatusCode.UNAVAILABLE == (await failing).code()
        await wait_until(lambda: speaker.left, "the call is cancelled")


async def test_a_long_message_arrives_whole(socket: Path) -> None:
    """However many pieces it comes in."""
    text = "0123456789" * (LIMIT // 11)
    async with serving(Speaker(), socket), open_channel(socket) as channel:
        assert text == await said(channel, text)


async def test_a_message_that_is_too_long_harms_no_other(socket: Path) -> None:
    """Request or response: its call is RESOURCE_EXHAUSTED, one beside it is answered, and so is the next."""

    async def reply(text: str, _context: Context) -> str:
        return "x" * (2 * LIMIT) if text == "more" else text

    async with serving(Speaker(reply), socket) as server, open_channel(socket, limit=LIMIT) as channel:
        for text in ("x" * (3 * LIMIT), "more"):
            beside, error = await asyncio.gather(said(channel, "beside"), failure(channel, text))
            assert ("beside", grpc.StatusCode.RESOURCE_EXHAUSTED) == (beside, error.code())
        assert "next" == await said(channel, "next")
        assert 1 == len(server.connections)


async def test_metadata_that_is_too_long_is_refused(socket: Path) -> None:
    """As RESOURCE_EXHAUSTED, as a gRPC server does."""
    async with serving(Speaker(), socket), open_channel(socket) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await say(channel, "x", metadata=(("a", "x" * 40_000),))
        assert grpc.StatusCode.RESOURCE_EXHAUSTED == caught.value.code()


async def test_more_calls_than_the_server_takes_are_refused(socket: Path, wait_until: Waiter[object]) -> None:
    """As RESOURCE_EXHAUSTED; when one has ended there is room again."""
    go_on = asyncio.Event()

    async def reply(text: str, _context: Context) -> str:
        await go_on.wait()
        return text

    speaker = Speaker(reply)
    async with serving(speaker, socket, most_calls=2), open_channel(socket) as channel:
        running = [asyncio.ensure_future(said(channel, text)) for text in "ab"]
        await wait_until(lambda: len(speaker.heard) == 2, "two calls run")
        assert grpc.StatusCode.RESOURCE_EXHAUSTED == (await failure(channel, "c")).code()
        go_on.set()
        assert ["a", "b"] == list(await asyncio.gather(*running))
        assert "d" == await said(channel, "d")
