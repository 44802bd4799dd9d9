"""One `mneme serve` for all modules that are content with it: as a person starts it, on free ports, on data of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import httpx
import pytest
from recallrai import AsyncRecallrAI, RecallrAI

from tests.e2e.serving import API_KEY, PROJECT_ID, Serving


@pytest.fixture(scope="session")
def serving() -> Iterator[Serving]:
    """Serve with a project and a key that the tests know. Tests that take it down, or are about all data, have their own."""
    with Serving() as running:
        yield running


@pytest.fixture
def http(serving: Serving) -> Iterator[httpx.Client]:
    """Return an HTTP client with good credentials."""
    with serving.client() as client:
        yield client


@pytest.fixture
def sdk(serving: Serving) -> Iterator[RecallrAI]:
    """Return the official client, unchanged."""
    client = RecallrAI(api_key=API_KEY, project_id=PROJECT_ID, base_url=serving.http, timeout=60)
    yield client
    # it has no close of its own
    client._http.client.close()


@pytest.fixture
async def async_sdk(serving: Serving) -> AsyncIterator[AsyncRecallrAI]:
    """Return the official asynchronous client, unchanged."""
    async with AsyncRecallrAI(api_key=API_KEY, project_id=PROJECT_ID, base_url=serving.http, timeout=60) as client:
        yield client


@pytest.fixture
def user_id() -> str:
    """Return the id of a user that no other test knows."""
    return f"user-{uuid4()}"
