"""A gateway and a service whose embedder and index stand behind gates; engines, server and wire are real."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from inspect import iscoroutinefunction
from pathlib import Path
from typing import cast
from uuid import uuid4

import grpc
import httpx
import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry

from gateway.settings import Address
from gateway.settings import Settings as GatewaySettings
from gateway.wiring import running_gateway
from service.domain.ids import ProjectId
from service.domain.ports.index import VectorIndex
from service.domain.ports.models import Embedder
from service.domain.projects import ProjectSettings
from service.wiring.adapters import SystemClock
from service.wiring.application import build_application, open_application
from service.wiring.serving import serving_calls
from tests.conftest import Engines
from tests.rpc.tenant import Tenant
from tests.streams.gates import Gate, Gated

DATABASE = 6


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of this folder in the loop of the service: gRPC wants one loop in a process."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and isinstance(item, pytest.Function) and iscoroutinefunction(item.obj):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Streaming:
    """A caller with a session that asks something, both ways to its context, and the gates in the service."""

    tenant: Tenant
    url: str
    user_id: str
    session_id: str
    embedding: Gate
    searching: Gate

    @property
    def path(self) -> str:
        """Where the stream of the context is over HTTP."""
        return f"{self.url}/api/v1/users/{self.user_id}/sessions/{self.session_id}/context?stream=true"

    @property
    def headers(self) -> dict[str, str]:
        """The credentials of the caller."""
        return dict(self.tenant.credentials)

    def events(self) -> AsyncIterator[object]:
        """Begin a stream over gRPC; it can be cancelled."""
        return self.tenant.stream("StreamContext", user_id=self.user_id, session_id=self.session_id)

    def http(self) -> httpx.AsyncClient:
        """Return an HTTP client with the credentials."""
        return httpx.AsyncClient(headers=self.headers, timeout=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Where everything is served, a caller, and the gates."""

    tenant: Tenant
    url: str
    embedding: Gate
    searching: Gate


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def served(engines: Engines) -> AsyncIterator[Served]:
    """Serve once for all tests of the folder."""
    settings = engines.settings(database=DATABASE)
    embedding, searching = Gate(), Gate()
    async with open_application(settings) as plain:
        await plain.prepare_index()
        application = build_application(
            plain.stores,
            cast(VectorIndex, Gated(plain.index, "search", searching)),
            cast(Embedder, Gated(plain.embedder, "embed", embedding)),
            SystemClock(),
            pepper=b"pepper",
        )
        project = await application.projects.create(ProjectId(f"test-{uuid4()}"), name="test", settings=ProjectSettings())
        _, key = await application.projects.create_key(project.project_id, name="test", scopes=frozenset())
        async with (
            serving_calls(application, settings, CollectorRegistry()) as address,
            grpc.aio.insecure_channel(address) as channel,
            running_gateway(
                GatewaySettings(listen=Address(host="127.0.0.1", port=0), grpc_target=address, log_level="error")
            ) as gateway,
        ):
            tenant = Tenant(channel=channel, api_key=key, project_id=project.project_id)
            yield Served(tenant=tenant, url=gateway.url, embedding=embedding, searching=searching)


@pytest_asyncio.fixture(loop_scope="session")
async def streaming(served: Served) -> AsyncIterator[Streaming]:
    """Return a session of a new user, with both gates open; they are open again at the end."""
    user_id = await served.tenant.user()
    session_id = await served.tenant.session(user_id, "What do you know about my dog?")
    gates = (served.embedding, served.searching)
    for gate in gates:
        gate.open()
    yield Streaming(
        tenant=served.tenant,
        url=served.url,
        user_id=user_id,
        session_id=session_id,
        embedding=served.embedding,
        searching=served.searching,
    )
    for gate in gates:
        gate.open()
