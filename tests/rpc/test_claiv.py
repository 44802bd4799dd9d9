"""The Claiv API over a real channel: a view of what every other surface sees, kept apart by user, thread, group and tenant."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest_asyncio
from google.protobuf.json_format import MessageToDict
from mneme.compat.v1 import claiv_events_service_pb2 as events

from service.domain.ids import ProjectId
from service.domain.projects import ProjectSettings
from service.wiring import RunningService
from tests.conftest import Waiter
from tests.rpc.conftest import MakeTenant
from tests.rpc.tenant import Tenant, refused

MESSAGE, TOOL_CALL = events.CLAIV_EVENT_TYPE_MESSAGE, events.CLAIV_EVENT_TYPE_TOOL_CALL
ALLERGY = "I am allergic to peanuts."
HOME = "I live in Lisbon."
WEDDING = "My sister Anna is getting married in Rome."
PROJECT = "My boss Gregor wants the Apollo project done in May."
INSTRUCTION = "The user works at Globex."
EVERYTHING = "What do you know about peanuts, Lisbon, Anna, Gregor and Globex?"
SAID: dict[str, dict[str, Any]] = {
    ALLERGY: {"thread_id": "t-1"},
    HOME: {"thread_id": "t-2"},
    WEDDING: {"thread_id": "t-1", "scope": events.CLAIV_SCOPE_CONVERSATION},
    PROJECT: {"thread_id": "t-2", "scope": events.CLAIV_SCOPE_PROJECT, "project_id": "apollo"},
    INSTRUCTION: {"role": events.CLAIV_ROLE_SYSTEM},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A tenant, its user who has told what is in SAID, and the ids of these events by what they said."""

    tenant: Tenant
    user_id: str
    ids: dict[str, str]

    async def blocks(self, task: str = EVERYTHING, **more: Any) -> Any:
        """Recall as the first generation does."""
        return await self.tenant.call("RecallV1", user_id=self.user_id, task=task, **{"token_budget": 8000, **more})

    async def seen(self, **more: Any) -> set[str]:
        """Return which of the events a recall cites."""
        cited = (await self.blocks(**more)).citations
        return {text for text, event_id in self.ids.items() if event_id in cited}


async def ingest(tenant: Tenant, user_id: str, content: str, **more: Any) -> Any:
    """Ingest an event."""
    return await tenant.call("Ingest", **{"user_id": user_id, "type": MESSAGE, "content": content, **more})


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def told(service: RunningService, channel: grpc.aio.Channel) -> AsyncIterator[Told]:
    """Return a user who has told everything a while ago."""
    projects = service.application.projects
    project = await projects.create(ProjectId(f"test-{uuid4()}"), name="test", settings=ProjectSettings())
    _, key = await projects.create_key(project.project_id, name="test", scopes=frozenset())
    tenant = Tenant(channel=channel, api_key=key, project_id=project.project_id)
    user_id = f"user-{uuid4()}"
    ids = {text: (await ingest(tenant, user_id, text, **more)).event_id for text, more in SAID.items()}
    yield Told(tenant=tenant, user_id=user_id, ids=ids)


async def test_events_become_memories_of_the_same_user(told: Told, wait_until: Waiter[Any]) -> None:
    """Listed like any other, all but what the application itself said; and the messages are there too."""

    async def kept() -> list[str]:
        page = await told.tenant.call("ListMemories", user_id=told.user_id)
        return sorted(item.content for item in page.items) if len(page.items) == 4 else []

    kept_now = await wait_until(kept, "four events are memories")
    assert ["allergic", "Lisbon", "Anna", "Gregor"] == [
        word for word in ("allergic", "Lisbon", "Anna", "Gregor", "Globex") if any(word in text for text in kept_now)
    ]
    recent = await told.tenant.call("ListRecentMessages", user_id=told.user_id, limit=10)
    assert set(SAID) == {message.content for message in recent.messages}


async def test_what_came_in_elsewhere_is_cited(tenant: Tenant, wait_until: Waiter[Any]) -> None:
    """A message of another surface has an id like an event."""
    user_id = await tenant.user()
    session_id = await tenant.session(user_id, "Hello", ALLERGY)

    async def recalled() -> Any:
        return (await tenant.call("RecallV1", user_id=user_id, task="allergies", token_budget=500)).citations

    cited = await wait_until(recalled, "the message is indexed")
    assert f"evt_{session_id.replace('-', '')}_1" in cited


async def test_the_metadata_of_an_event_is_kept_with_its_message(tenant: Tenant) -> None:
    """Shown where messages are listed; a message without has none."""
    user_id = f"user-{uuid4()}"
    metadata = {"source": "crm", "score": 0.5, "tags": ["a", None]}
    first = await ingest(tenant, user_id, ALLERGY, thread_id="t", metadata=metadata)
    await ingest(tenant, user_id, HOME, thread_id="t", metadata={})
    session_id = str(UUID(first.event_id.split("_")[1]))
    told, bare = (await tenant.call("ListMessages", user_id=user_id, session_id=session_id)).messages
    assert (ALLERGY, metadata) == (told.content, MessageToDict(told.metadata))
    assert (HOME, False) == (bare.content, bare.HasField("metadata"))


async def test_too_much_metadata_is_refused(tenant: Tenant) -> None:
    """And nothing is stored."""
    user_id = f"user-{uuid4()}"
    error = await refused(ingest(tenant, user_id, ALLERGY, metadata={"text": "a" * 65_536}))
    assert (grpc.StatusCode.INVALID_ARGUMENT, {"metadata"}) == (error.code, set(error.violations))
    assert "USER_NOT_FOUND" == (await refused(tenant.call("GetUser", user_id=user_id))).reason


async def test_a_thread_is_recalled_alone(told: Told, wait_until: Waiter[Any]) -> None:
    """With what is limited to it; an unknown one has nothing."""

    async def indexed() -> bool:
        return await told.seen(thread_id="t-1") == {ALLERGY, WEDDING}

    await wait_until(indexed, "all is indexed")
    assert {HOME} == await told.seen(thread_id="t-2")
    assert set() == await told.seen(thread_id="t-3")


async def test_what_is_limited_is_seen_nowhere_else(told: Told, wait_until: Waiter[Any]) -> None:
    """Not on other surfaces either; a project that is named adds its own."""

    async def indexed() -> bool:
        return await told.seen() == {ALLERGY, HOME, INSTRUCTION}

    await wait_until(indexed, "all is indexed")
    assert {ALLERGY, HOME, PROJECT, INSTRUCTION} == await told.seen(scope={"project": "apollo"})
    found = (await told.tenant.call("Recall", user_id=told.user_id, query=EVERYTHING)).items
    assert not any("Anna" in item.content or "Gregor" in item.content for item in found)
    answer = await told.tenant.call("RecallV6", user_id=told.user_id, query=EVERYTHING, thread_id="t-1", project_id="apollo")
    assert all(word in answer.llm_context.text for word in ("peanuts", "Anna", "Gregor", "Lisbon"))


async def test_another_tenant_sees_nothing(told: Told, make_tenant: MakeTenant) -> None:
    """Of a user with the same id."""
    theirs = replace(told, tenant=await make_tenant())
    assert set() == await theirs.seen()


async def test_the_best_fit_into_a_small_budget(told: Told) -> None:
    """What is returned takes no more, and is what fits best."""
    answer = await told.blocks("What am I allergic to?", token_budget=200)
    assert answer.token_estimate <= 200
    assert "peanuts" in answer.memory_blocks[0].content


async def test_least_confidence(told: Told) -> None:
    """Nothing below it is returned."""
    blocks = (await told.blocks("What am I allergic to?", min_confidence=0.9)).memory_blocks
    assert blocks
    assert all(block.score >= 0.9 for block in blocks)


async def test_a_name_is_the_projects(tenant: Tenant) -> None:
    """The event of whoever had it first is the answer, for other users too."""
    users = [f"user-{uuid4()}" for _ in range(2)]
    answers = [await ingest(tenant, user, f"said by {user}", idempotency_key="k") for user in users]
    assert (answers[0].event_id, False, True) == (answers[1].event_id, answers[0].deduped, answers[1].deduped)


async def test_the_same_words_at_another_time(tenant: Tenant) -> None:
    """Or by another role, of another type or in another thread are another event."""
    user_id = f"user-{uuid4()}"
    different: list[dict[str, Any]] = [
        {},
        {"role": events.CLAIV_ROLE_ASSISTANT},
        {"type": TOOL_CALL},
        {"thread_id": "t"},
        {"event_time": {"seconds": 1_700_000_000}},
    ]
    answers = [await ingest(tenant, user_id, "yes", **more) for more in different + different]
    assert [False] * 5 + [True] * 5 == [answer.deduped for answer in answers]
    assert 5 == len({answer.event_id for answer in answers})


async def test_what_is_ephemeral_stays_in_its_thread(tenant: Tenant, wait_until: Waiter[Any]) -> None:
    """And no memory is made of it."""
    user_id = f"user-{uuid4()}"
    kept = {"retention_policy": events.CLAIV_RETENTION_EPHEMERAL, "thread_id": "t"}
    event_id = (await ingest(tenant, user_id, ALLERGY, **kept)).event_id
    request = {"user_id": user_id, "task": "allergies", "token_budget": 500}

    async def recalled() -> bool:
        return list((await tenant.call("RecallV1", thread_id="t", **request)).citations) == [event_id]

    await wait_until(recalled, "the message is indexed")
    assert [] == list((await tenant.call("RecallV1", **request)).citations)


async def test_calls_count_as_what_they_are(make_tenant: MakeTenant, service: RunningService) -> None:
    """An event, a recall and a forgetting, at their own routes; the text of the event in tokens."""
    tenant, user_id = await make_tenant(), f"user-{uuid4()}"
    await ingest(tenant, user_id, "Eight ch")
    await tenant.call("RecallV1", user_id=user_id, task="?", token_budget=200)
    await tenant.call("ForgetEvents", user_id=user_id)
    await service.application.usage.record.flush()
    totals = (await tenant.call("GetUsageSummary")).totals
    counted = (totals.ingest_requests, totals.recall_requests, totals.forget_requests)
    assert ((1, 1, 1), 1, 2) == (counted, totals.ingest_events, totals.tokens)
