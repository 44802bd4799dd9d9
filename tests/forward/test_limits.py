"""What the limits of a project do to forwarded chat: nothing; to its memory: what they say, and the headers say so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeAlias
from uuid import uuid4

import pytest

from service.domain.ids import ProjectId
from service.domain.projects import ProjectSettings
from service.domain.usage import ProjectLimits, UsageRange
from tests.forward.conftest import Caller


def says(text: str) -> dict[str, Any]:
    """Return a request in which the user says *text*."""
    return {"model": "m", "messages": [{"role": "user", "content": text}]}


CHAT = says("Hi")

Limit: TypeAlias = Callable[..., Awaitable[Caller]]


@pytest.fixture
def limited(caller: Caller) -> Limit:
    """Return a function that makes a caller with a project that has limits."""

    async def make(**limits: int) -> Caller:
        projects = caller.service.application.projects
        settings = ProjectSettings(limits=ProjectLimits(**limits))
        project = await projects.create(ProjectId(f"forward-{uuid4()}"), name="test", settings=settings)
        _, key = await projects.create_key(project.project_id, name="test", scopes=frozenset())
        return replace(caller, project_id=project.project_id, api_key=key)

    return make


async def test_a_turn_beyond_the_rate_goes_on_without_recall(limited: Limit) -> None:
    """It is stored all the same, and the header says that memory was left out."""
    caller = await limited(requests_per_minute=1)
    async with caller.client() as client:
        answers = [await client.post("/v1/chat/completions", json=CHAT) for _ in range(2)]
    assert [200, 200] == [answer.status_code for answer in answers]
    assert ["empty", "limited"] == [answer.headers["x-recallr-memory"] for answer in answers]
    assert ("user", "Hi") == (await caller.stored())[0]


async def test_what_has_no_memory_goes_on_beyond_the_rate(limited: Limit) -> None:
    """No path of a provider is closed by it."""
    caller = await limited(requests_per_minute=1)
    async with caller.client() as client:
        await client.post("/v1/chat/completions", json=CHAT)
        assert 429 != (await client.get("/v1/models")).status_code


async def test_a_turn_beyond_the_quota_is_not_stored(limited: Limit) -> None:
    """The chat goes on, with what is remembered, and the header says that the turn will not be."""
    caller = await limited(ingests_per_month=2)
    async with caller.client() as client:
        first = await client.post("/v1/chat/completions", json=CHAT)
        second = await client.post("/v1/chat/completions", json=says("Still there?"))
    assert [200, 200] == [first.status_code, second.status_code]
    assert "x-recallr-store" not in first.headers
    assert ("over_quota", "100") == (second.headers["x-recallr-store"], second.headers["x-quota-ingests-pct"])
    assert ["Hi"] == [text for role, text in await caller.stored() if role == "user"]


async def test_forwarded_turns_are_counted(caller: Caller) -> None:
    """Under the route of the proxy, each as one request with what it brings in."""
    async with caller.client() as client:
        for text in ("One", "Two"):
            await client.post("/v1/chat/completions", json=says(text))
    application = caller.service.application
    await application.usage.record.flush()
    usage = await application.usage.get(ProjectId(caller.project_id), UsageRange.LAST_7_DAYS)
    counts = usage.endpoints["/api/v1/forward/{url}"]
    assert (2, 4, 0) == (counts.requests, counts.ingest_events, counts.errors)
