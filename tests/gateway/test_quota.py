"""What the gateway tells the service for its figures, and what it passes on of a quota."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import httpx
import pytest
from mneme.v1 import memory_service_pb2, recall_pb2

from tests.gateway.conftest import OVER_BOTH
from tests.gateway.peer import Peer, refusal

pytestmark = [pytest.mark.asyncio(loop_scope="module"), OVER_BOTH]

NEARLY_USED = (("x-quota-warning", "approaching_limit"), ("x-quota-ingests-pct", "85"), ("x-other", "kept back"))
CONTEXT = "/api/v1/users/a/sessions/s/context"


@pytest.mark.parametrize(
    ("verb", "path", "route"),
    [
        ("GET", "/api/v1/users/a%2Fb", "GET /api/v1/users/{user_id}"),
        ("DELETE", "/api/v1/users/a/memories/m", "DELETE /api/v1/users/{user_id}/memories/{memory_id}"),
        ("GET", "/api/v1/usage/summary?range=30d", "GET /api/v1/usage/summary"),
    ],
)
async def test_the_service_is_told_the_route(http: httpx.AsyncClient, peer: Peer, verb: str, path: str, route: str) -> None:
    """Verb and path as the contract writes them."""
    await http.request(verb, path)

    assert route == peer.last.metadata["x-mneme-route"]


async def test_a_quota_is_told_with_an_answer(http: httpx.AsyncClient, peer: Peer) -> None:
    """What the service sends about it becomes headers, and nothing else of what it sends."""
    peer.ahead = NEARLY_USED
    headers = (await http.get("/api/v1/users")).headers

    assert ("approaching_limit", "85", False) == (
        headers["x-quota-warning"],
        headers["x-quota-ingests-pct"],
        "x-other" in headers,
    )


async def test_a_quota_is_told_with_an_error(http: httpx.AsyncClient, peer: Peer) -> None:
    """Whatever the error is about; a quota that is used up is a 429 without a time to wait."""
    peer.ahead = NEARLY_USED
    peer.otherwise = refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "Monthly ingest quota exceeded", "QUOTA_EXCEEDED", limit="5")
    answer = await http.get("/api/v1/users")

    assert (429, {"detail": "Monthly ingest quota exceeded"}) == (answer.status_code, answer.json())
    assert ("85", False) == (answer.headers["x-quota-ingests-pct"], "retry-after" in answer.headers)


async def test_a_quota_is_told_with_a_stream(http: httpx.AsyncClient, peer: Peer) -> None:
    """In the head of it."""

    async def stages(_request: Any) -> AsyncIterator[Any]:
        yield memory_service_pb2.StreamContextResponse(event=recall_pb2.ContextEvent(is_final=True, context="x"))

    peer.ahead = NEARLY_USED
    peer.replies["StreamContext"] = stages
    answer = await http.get(CONTEXT, params={"stream": "true"})

    assert ("text/event-stream; charset=utf-8", "85") == (answer.headers["content-type"], answer.headers["x-quota-ingests-pct"])
