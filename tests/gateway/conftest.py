"""One gateway and one service behind it for each module, both real and on free ports."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from gateway.settings import Address, Settings
from gateway.wiring import running_gateway
from tests.gateway.peer import Peer, serving_peer

MAX_BODY_BYTES = 100_000


OVER_BOTH = pytest.mark.parametrize("url", ["grpc", "frames"], indirect=True, scope="module")
"""The mark of tests that are done with a gateway that calls over gRPC, and with one that calls over frames."""


def settings_for(target: str, socket: Path | None = None) -> Settings:
    """Return the settings of a gateway to the service at *target*, and on *socket*, with limits that tests can reach."""
    return Settings(
        listen=Address(host="127.0.0.1", port=0),
        grpc_target=target,
        service_socket=socket,
        max_body_bytes=MAX_BODY_BYTES,
        max_head_bytes=16_384,
        connect_timeout=timedelta(seconds=30),
        drain=timedelta(seconds=1),
        log_level="error",
    )


@contextmanager
def short_socket() -> Iterator[Path]:
    """Give a path that is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="mn", dir="/tmp") as folder:
        yield Path(folder) / "s"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_peer() -> AsyncIterator[tuple[Peer, str, Path]]:
    """Serve the peer of the module, over gRPC at an address and in frames on a socket."""
    peer = Peer()
    with short_socket() as socket:
        async with serving_peer(peer, socket=socket) as address:
            yield peer, address, socket


@pytest.fixture
def peer(module_peer: tuple[Peer, str, Path]) -> Peer:
    """Return the service behind the gateway, with nothing heard and nothing to say."""
    module_peer[0].reset()
    return module_peer[0]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(module_peer: tuple[Peer, str, Path], request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """Serve the gateway of the module and return its URL. It calls over gRPC, unless the test asks for frames."""
    _, address, socket = module_peer
    frames = getattr(request, "param", "grpc") == "frames"
    async with running_gateway(settings_for(address, socket if frames else None)) as gateway:
        yield gateway.url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the gateway."""
    headers = {"X-Recallr-Api-Key": "rai_key", "X-Recallr-Project-Id": "project"}
    async with httpx.AsyncClient(base_url=url, headers=headers) as client:
        yield client
