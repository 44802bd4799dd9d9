"""A streamed context as its callers see it: the first stage comes at once, and whoever leaves stops the work."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import pytest

from tests.conftest import Waiter
from tests.streams.conftest import Streaming
from tests.streams.gates import Gate

Leave: TypeAlias = Callable[[], Awaitable[None]]
FIRST = "Reading the conversation"


@asynccontextmanager
async def over_grpc(streaming: Streaming) -> AsyncIterator[tuple[AsyncIterator[Any], Leave]]:
    """Stream by a Python stub: events as dictionaries, and what a client does to leave."""
    call: Any = streaming.events()

    async def events() -> AsyncIterator[Any]:
        async for response in call:
            event = response.event
            yield {"is_final": event.is_final, "status_update_message": event.status_update_message, "context": event.context}

    async def leave() -> None:
        call.cancel()

    yield events(), leave
    call.cancel()


@asynccontextmanager
async def over_sse(streaming: Streaming) -> AsyncIterator[tuple[AsyncIterator[Any], Leave]]:
    """Stream by an HTTP client."""
    async with streaming.http() as client, client.stream("GET", streaming.path) as answer:
        assert 200 == answer.status_code

        async def events() -> AsyncIterator[Any]:
            async for line in answer.aiter_lines():
                if line.startswith("data:"):
                    yield json.loads(line[5:])

        yield events(), answer.aclose


@asynccontextmanager
async def by_curl(streaming: Streaming) -> AsyncIterator[tuple[AsyncIterator[Any], Leave]]:
    """Stream by curl, a process of its own."""
    headers = [part for name, value in streaming.headers.items() for part in ("-H", f"{name}: {value}")]
    process = await asyncio.create_subprocess_exec(
        "curl", "-sS", "--no-buffer", *headers, streaming.path, stdout=asyncio.subprocess.PIPE
    )

    async def events() -> AsyncIterator[Any]:
        assert process.stdout is not None
        async for line in process.stdout:
            if line.startswith(b"data:"):
                yield json.loads(line[5:])

    async def leave() -> None:
        process.kill()
        await process.wait()

    yield events(), leave
    if process.returncode is None:
        process.kill()
    await process.wait()


WAYS = [
    pytest.param(over_grpc, id="grpc"),
    pytest.param(over_sse, id="sse"),
    pytest.param(by_curl, id="curl", marks=pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")),
]


@pytest.mark.parametrize("way", WAYS)
async def test_the_first_stages_are_sent_before_anything_is_computed(
    streaming: Streaming, way: Any, wait_until: Waiter[object]
) -> None:
    """They are with the client while the embedder still has to answer; the context follows when it has."""
    streaming.embedding.shut()
    async with way(streaming) as (events, _):
        first = await anext(events)
        assert (False, FIRST) == (first["is_final"], first["status_update_message"])
        # "Reading the query", "Searching …": told when they begin
        told = [(await anext(events))["status_update_message"] for _ in range(2)]
        assert "dog" in told[-1]
        await wait_until(lambda: streaming.embedding.waiting == 1, "it is computed")
        streaming.embedding.open()
        *stages, final = [event async for event in events]
        assert all(stage["status_update_message"] for stage in stages)
        assert (True, True) == (final["is_final"], final["context"] is not None)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("at", ["embedding", "searching"])
async def test_whoever_leaves_stops_the_work(streaming: Streaming, way: Any, at: str, wait_until: Waiter[object]) -> None:
    """The embedding, or the search, that is under way in the service is cancelled, not brought to its end."""
    gate: Gate = getattr(streaming, at)
    gate.shut()
    async with way(streaming) as (events, leave):
        await anext(events)
        await wait_until(lambda: gate.waiting == 1, "the work is under way")
        await leave()
        await wait_until(lambda: gate.cancelled == 1, "the work is cancelled")
    assert 0 == gate.waiting


async def test_a_context_in_one_piece_that_is_left_stops_the_work(streaming: Streaming, wait_until: Waiter[object]) -> None:
    """Over REST too, where nothing has been sent yet."""
    streaming.embedding.shut()
    async with streaming.http() as client:
        asking = asyncio.create_task(client.get(streaming.path.removesuffix("?stream=true")))
        await wait_until(lambda: streaming.embedding.waiting == 1, "the work is under way")
        asking.cancel()
        await wait_until(lambda: streaming.embedding.cancelled == 1, "the work is cancelled")


async def test_streams_do_not_wait_for_one_another(streaming: Streaming, wait_until: Waiter[object]) -> None:
    """Many at once have their first stage while all of them compute; one that leaves takes no other along."""
    streaming.embedding.shut()
    async with asyncio.timeout(60):
        calls: list[Any] = [streaming.events() for _ in range(12)]
        firsts = [await anext(aiter(call)) for call in calls]
        assert {FIRST} == {first.event.status_update_message for first in firsts}
        await wait_until(lambda: streaming.embedding.waiting == 12, "all of them compute")
        calls[3].cancel()
        await wait_until(lambda: streaming.embedding.cancelled == 1, "one has left")
        streaming.embedding.open()
        finals = [[response async for response in call][-1] for place, call in enumerate(calls) if place != 3]
    assert [True] * 11 == [final.event.is_final for final in finals]
