"""One gateway and one service behind it for each module, both real and on free ports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio

from gateway.settings import Address, Settings
from gateway.wiring import running_gateway
from tests.gateway.peer import Peer, serving_peer

MAX_BODY_BYTES = 100_000


def settings_for(target: str) -> Settings:
    """Return the settings of a gateway to the service at *target*, with limits that tests can reach."""
    return Settings(
        listen=Address(host="127.0.0.1", port=0),
        grpc_target=target,
        max_body_bytes=MAX_BODY_BYTES,
        max_head_bytes=16_384,
        connect_timeout=timedelta(seconds=30),
        drain=timedelta(seconds=1),
        log_level="error",
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_peer() -> AsyncIterator[tuple[Peer, str]]:
    """Serve the peer of the module."""
    peer = Peer()
    async with serving_peer(peer) as address:
        yield peer, address


@pytest.fixture
def peer(module_peer: tuple[Peer, str]) -> Peer:
    """Return the service behind the gateway, with nothing heard and nothing to say."""
    module_peer[0].reset()
    return module_peer[0]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(module_peer: tuple[Peer, str]) -> AsyncIterator[str]:
    """Serve the gateway of the module and return its URL."""
    async with running_gateway(settings_for(module_peer[1])) as gateway:
        yield gateway.url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the gateway."""
    headers = {"X-Recallr-Api-Key": "rai_key", "X-Recallr-Project-Id": "project"}
    async with httpx.AsyncClient(base_url=url, headers=headers) as client:
        yield client
