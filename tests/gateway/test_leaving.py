"""What becomes of the work for a client that leaves before its answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from mneme.v1.users_service_pb2 import CreateUserResponse

from tests.conftest import Waiter
from tests.gateway.conftest import OVER_BOTH
from tests.gateway.peer import Peer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), OVER_BOTH]

READS = {
    "GetUser": "GET /api/v1/users/a",
    "GetContext": "GET /api/v1/users/a/sessions/s/context",
    "Recall": 'POST /api/v1/users/a/recall {"query": "q"}',
    "RecallV6": 'POST /v6/recall {"user_id": "a", "query": "q"}',
    "StreamContext": "GET /api/v1/users/a/sessions/s/context?stream=true",
}
WRITE = 'POST /api/v1/users {"user_id": "a"}'


@asynccontextmanager
async def asking(url: str, request: str) -> AsyncIterator[None]:
    """Send a request, `POST /path {}`, and leave without its answer."""
    verb, path, body = (*request.split(" ", 2), "")[:3]
    _, writer = await asyncio.open_connection(httpx.URL(url).host, httpx.URL(url).port)
    writer.write(f"{verb} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    yield
    writer.close()


async def forever(_: Any) -> Any:
    """Never answer."""
    await asyncio.Event().wait()


async def nothing_for_ever(_: Any) -> AsyncIterator[Any]:
    """Send nothing, for ever."""
    await asyncio.Event().wait()
    yield None


@pytest.mark.parametrize("method", READS)
async def test_a_read_that_is_left_is_cancelled(url: str, peer: Peer, wait_until: Waiter[object], method: str) -> None:
    """Nobody wants its answer: the service is told to stop."""
    peer.replies[method] = nothing_for_ever if method == "StreamContext" else forever
    async with asking(url, READS[method]):
        await wait_until(lambda: peer.calls, "the call arrives")

    await wait_until(lambda: peer.cancelled == 1, "the call is cancelled")


async def test_a_write_that_is_left_is_finished(url: str, peer: Peer, wait_until: Waiter[object]) -> None:
    """It is not cancelled, though a read that was left after it is."""
    go_on, written = asyncio.Event(), asyncio.Event()

    async def slowly(_: Any) -> Any:
        await go_on.wait()
        written.set()
        return CreateUserResponse()

    peer.replies |= {"CreateUser": slowly, "GetUser": forever}
    async with asking(url, WRITE):
        await wait_until(lambda: peer.calls, "the write arrives")
    async with asking(url, READS["GetUser"]):
        await wait_until(lambda: len(peer.calls) == 2, "the read arrives")
    await wait_until(lambda: peer.cancelled, "the read is cancelled")
    go_on.set()

    await written.wait()
    assert 1 == peer.cancelled


async def test_a_client_that_left_is_logged_as_such(
    http: httpx.AsyncClient, url: str, peer: Peer, wait_until: Waiter[object]
) -> None:
    """The requests of the gateway's metrics have the status that proxies write for it."""
    peer.replies["GetUser"] = forever

    async def counted() -> bool:
        return 'route="/api/v1/users/{user_id}",status="499"' in (await http.get("/metrics")).text

    async with asking(url, READS["GetUser"]):
        await wait_until(lambda: peer.calls, "the call arrives")

    await wait_until(counted, "the request is counted")
