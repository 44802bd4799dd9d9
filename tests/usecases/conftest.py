"""Use cases over real engines, on an empty store for each test and without a worker: the test does its part."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from inspect import iscoroutinefunction
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from service.domain.ids import ProjectId, UserId
from service.domain.ports.index import VectorIndex
from service.domain.ports.models import Embedder
from service.domain.projects import ProjectSettings
from service.domain.users import NewUser
from service.models import open_embedder
from service.storage.embedded import open_index
from service.storage.redis import open_stores
from service.usecases.webhooks.set import SetWebhook
from service.webhooks import HttpSender
from service.wiring import Application, build_application
from tests.conftest import Engines, FakeClock
from tests.receiver import Receiver, Reply, receiving
from tests.usecases.desk import PEPPER, Desk
from tests.usecases.world import World

DATABASE = 3


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of this folder in the loop of the engines' clients: gRPC wants one loop in a process."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and isinstance(item, pytest.Function) and iscoroutinefunction(item.obj):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def embedder() -> AsyncIterator[Embedder]:
    """Return the default embedder."""
    async with open_embedder("minilm", threads=1) as opened:
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def index(engines: Engines, embedder: Embedder) -> AsyncIterator[VectorIndex]:
    """Return the index, ready for the embedder."""
    async with open_index(engines.index_socket) as opened:
        await opened.prepare(model=embedder.model, dimension=embedder.dimension)
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def application(engines: Engines, embedder: Embedder, index: VectorIndex, clock: FakeClock) -> AsyncIterator[Application]:
    """Return every use case, over an empty store."""
    settings = engines.settings(database=DATABASE)
    async with Redis.from_url(settings.redis_url or "") as redis:
        await redis.flushdb()
    async with open_stores(settings.redis_url or "", buckets=2) as stores:
        yield build_application(stores, index, embedder, clock, pepper=b"pepper")


@pytest_asyncio.fixture(loop_scope="session")
async def world(application: Application) -> World:
    """Return a user of a new project."""
    project = await application.projects.create(None, name="test", settings=ProjectSettings())
    new = NewUser(user_id=UserId(f"user-{uuid4()}"), metadata={}, merge_conflict_enabled=None)
    user = await application.users.create(project.project_id, new, idempotency_key=None)
    return World(application=application, project_id=ProjectId(project.project_id), user=user)


@pytest.fixture(scope="session")
def endpoint() -> Iterator[Receiver]:
    """Serve one endpoint for all tests of this folder."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def receiver(endpoint: Receiver) -> Receiver:
    """Return the endpoint, which has heard nothing yet and takes everything."""
    endpoint.heard.clear()
    endpoint.answer = lambda _: Reply()
    return endpoint


@pytest_asyncio.fixture(loop_scope="session")
async def desk(world: World, receiver: Receiver, clock: FakeClock) -> AsyncIterator[Desk]:
    """Set a webhook."""
    async with aclosing(HttpSender([receiver.origin])) as sender:
        set_webhook = SetWebhook(world.application.stores.webhooks, sender, clock, pepper=PEPPER)
        _, secret = await set_webhook(world.project_id, url=f"{receiver.origin}/hook", events=())
        yield Desk(world=world, receiver=receiver, sender=sender, clock=clock, secret=secret)
