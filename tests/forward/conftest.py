"""A client, the gateway, the service with its engines, and a provider: all real, all on this machine."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from gateway.settings import Address, Settings
from gateway.wiring import running_gateway
from service.domain.ids import ProjectId, UserId
from service.domain.projects import ProjectSettings
from service.domain.sessions import Message, SessionFilter
from service.domain.values import PageRequest
from service.wiring import RunningService
from tests.forward.provider import Provider, serving_provider

# generous, because tests share two cores: no test but those of the deadline is about it
RECALL = timedelta(seconds=20)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of this folder in the loop of the service: gRPC wants one loop in a process."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.function):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


def settings_for(target: str, *origins: str, **others: object) -> Settings:
    """Return the settings of a gateway to the service at *target* that forwards to *origins*."""
    return Settings(
        listen=Address(host="127.0.0.1", port=0),
        grpc_target=target,
        forward_origins=origins,
        **{"forward_recall": RECALL, "forward_store_wait": RECALL, "log_level": "error", **others},  # type: ignore[arg-type]  # fields by name
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A project with a key, a user that nobody else has, and the way to what is stored of it."""

    url: str
    provider: Provider
    service: RunningService
    project_id: str
    api_key: str
    user_id: str

    @property
    def base(self) -> str:
        """The base URL of the provider behind the proxy."""
        return f"{self.url}/api/v1/forward/{self.provider.origin}"

    @property
    def headers(self) -> dict[str, str]:
        """The headers that every request carries."""
        return {
            "X-Recallr-API-Key": self.api_key,
            "X-Recallr-Project-Id": self.project_id,
            "X-Recallr-User-Id": self.user_id,
            "X-Recallr-Allow-New-User-Creation": "true",
        }

    def client(self, **headers: str) -> httpx.AsyncClient:
        """Return an HTTP client of the provider behind the proxy."""
        return httpx.AsyncClient(base_url=self.base, headers={**self.headers, **headers}, timeout=60)

    async def stored(self, session_id: str | None = None) -> list[tuple[str, str]]:
        """Return what the user's newest session holds, or the given one: role and text of each message."""
        return [(message.role.value, message.content) for message in await self.messages(session_id)]

    async def messages(self, session_id: str | None = None) -> list[Message]:
        """Return the messages of the user's newest session, or of the given one."""
        calls = self.service.application.sessions
        project, user = ProjectId(self.project_id), UserId(self.user_id)
        if session_id is None:
            session_id = (await self.sessions())[0]
        return list((await calls.list_messages(project, user, session_id, PageRequest(offset=0, limit=500))).items)

    async def sessions(self) -> list[str]:
        """Return the ids of the user's sessions, newest first."""
        application = self.service.application
        user = await application.stores.users.get(ProjectId(self.project_id), UserId(self.user_id))
        found = await application.stores.sessions.list(user.scope, PageRequest(offset=0, limit=100), SessionFilter())
        return [session.session_id for session in found.items]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def the_provider() -> AsyncIterator[Provider]:
    """Serve one provider for the whole test run."""
    async with serving_provider() as provider:
        yield provider


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def gateway_url(service: RunningService, the_provider: Provider) -> AsyncIterator[str]:
    """Serve one gateway in front of the service, and return its URL."""
    async with running_gateway(settings_for(service.address, the_provider.origin)) as gateway:
        yield gateway.url


@pytest.fixture
def provider(the_provider: Provider) -> Provider:
    """Return the provider, which has heard nothing yet."""
    the_provider.reset()
    return the_provider


@pytest_asyncio.fixture(loop_scope="session")
async def caller(service: RunningService, gateway_url: str, provider: Provider) -> Caller:
    """Return a caller with a project of its own."""
    projects = service.application.projects
    project = await projects.create(ProjectId(f"forward-{uuid4()}"), name="test", settings=ProjectSettings())
    _, key = await projects.create_key(project.project_id, name="test", scopes=frozenset())
    return Caller(
        url=gateway_url,
        provider=provider,
        service=service,
        project_id=project.project_id,
        api_key=key,
        user_id=f"user-{uuid4()}",
    )
