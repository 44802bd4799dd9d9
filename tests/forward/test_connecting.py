"""The connection to the provider is opened while memory is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest_asyncio

from gateway.wiring import running_gateway
from tests.forward.conftest import Caller, settings_for
from tests.forward.provider import Provider, serving_provider

BODY = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "I am Alice."}]}
NOWHERE = {"X-Recallr-Session-Id": str(uuid4())}


@pytest_asyncio.fixture(loop_scope="session")
async def distant() -> AsyncIterator[Provider]:
    """Serve a provider that nobody has asked yet."""
    async with serving_provider() as provider:
        yield provider


@pytest_asyncio.fixture(loop_scope="session")
async def client(caller: Caller, provider: Provider, distant: Provider) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of a gateway of its own, which forwards to both providers."""
    async with (
        running_gateway(settings_for(caller.service.address, provider.origin, distant.origin)) as gateway,
        httpx.AsyncClient(base_url=gateway.url, headers=caller.headers) as client,
    ):
        yield client


async def test_a_known_caller_has_it_by_then(client: httpx.AsyncClient, provider: Provider, distant: Provider) -> None:
    """Also when memory then refuses the request, of which nothing goes out; the next one takes the same connection."""
    await client.post(f"/api/v1/forward/{provider.origin}/v1/messages", json=BODY)
    refused = await client.post(f"/api/v1/forward/{distant.origin}/v1/messages", json=BODY, headers=NOWHERE)
    assert (404, [], 1) == (refused.status_code, distant.heard, distant.connections)
    answer = await client.post(f"/api/v1/forward/{distant.origin}/v1/messages", json=BODY)
    assert (200, 1, 1) == (answer.status_code, len(distant.heard), distant.connections)


async def test_a_stranger_opens_none(client: httpx.AsyncClient, distant: Provider) -> None:
    """Who has not shown good credentials yet makes the proxy dial nobody."""
    answer = await client.post(f"/api/v1/forward/{distant.origin}/v1/messages", json=BODY, headers={"X-Recallr-API-Key": "rai_x"})
    assert (401, 0) == (answer.status_code, distant.connections)


async def test_a_provider_that_is_away_is_a_502(caller: Caller, provider: Provider) -> None:
    """A connection that fails while memory is asked is told as if the request had met it."""
    async with serving_provider() as provider_that_goes:
        away = provider_that_goes.origin
    async with (
        running_gateway(settings_for(caller.service.address, provider.origin, away)) as gateway,
        httpx.AsyncClient(base_url=gateway.url, headers=caller.headers) as client,
    ):
        await client.post(f"/api/v1/forward/{provider.origin}/v1/messages", json=BODY)
        answer = await client.post(f"/api/v1/forward/{away}/v1/messages", json=BODY)
    assert (502, "api_error") == (answer.status_code, answer.json()["error"]["type"])
