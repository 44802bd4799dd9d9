"""Tenants of the running service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from inspect import iscoroutinefunction
from pathlib import Path
from typing import TypeAlias, cast
from uuid import uuid4

import grpc
import pytest
import pytest_asyncio

from frames.client import open_channel
from service.domain.ids import ProjectId
from service.domain.projects import KeyScope, ProjectSettings
from service.wiring import RunningService
from tests.conftest import Engines
from tests.rpc.tenant import Tenant

MakeTenant: TypeAlias = Callable[..., Awaitable[Tenant]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of this folder in the loop of the service: gRPC wants one loop in a process."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and isinstance(item, pytest.Function) and iscoroutinefunction(item.obj):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


OVER_BOTH = pytest.mark.parametrize("channel", ["grpc", "frames"], indirect=True, scope="session")
"""The mark of a test that is done over gRPC and, streams aside, over frames."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def channel(service: RunningService, engines: Engines, request: pytest.FixtureRequest) -> AsyncIterator[grpc.aio.Channel]:
    """Return one channel to the service: over gRPC, unless the test asks for frames."""
    if getattr(request, "param", "grpc") == "frames":
        async with open_channel(engines.directory / "c.sock") as frames:
            yield cast("grpc.aio.Channel", frames)
    else:
        async with grpc.aio.insecure_channel(service.address) as opened:
            yield opened


@pytest.fixture
def make_tenant(service: RunningService, channel: grpc.aio.Channel) -> MakeTenant:
    """Return a function that makes a project with a key of the given scopes."""

    async def make(*scopes: KeyScope) -> Tenant:
        projects = service.application.projects
        project = await projects.create(ProjectId(f"test-{uuid4()}"), name="test", settings=ProjectSettings())
        _, text = await projects.create_key(project.project_id, name="test", scopes=frozenset(scopes))
        return Tenant(channel=channel, api_key=text, project_id=project.project_id)

    return make


@pytest_asyncio.fixture(loop_scope="session")
async def tenant(make_tenant: MakeTenant) -> Tenant:
    """Return a caller with an ordinary key."""
    return await make_tenant()


@pytest_asyncio.fixture(loop_scope="session")
async def admin(make_tenant: MakeTenant) -> Tenant:
    """Return a caller that may do everything."""
    return await make_tenant(KeyScope.PROJECT, KeyScope.ADMIN)
