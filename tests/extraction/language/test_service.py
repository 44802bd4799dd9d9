"""The whole service with a language model: sessions become the memories that the model names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import grpc
import pytest
import pytest_asyncio
from mneme.v1 import recall_pb2

from service.domain.ids import ProjectId
from service.domain.projects import ProjectSettings
from service.settings import InvalidSetting, Settings
from service.wiring import RunningService, running_service
from tests.conftest import Engines, Waiter
from tests.extraction.language.conftest import CANARY
from tests.extraction.language.provider import Provider, answers, calls, decides, fails, serving_provider
from tests.rpc.tenant import Tenant

pytestmark = pytest.mark.asyncio(loop_scope="session")

DATABASE = 7
FOUND: dict[str, Any] = {
    "memories": [
        {
            "content": "User has moved to Lisbon.",
            "sources": [1],
            "event_start": "2024-05-01",
            "event_end": "2024-05-31",
            "categories": ["personal_details", "made_up"],
            "entities": ["Lisbon"],
        }
    ],
    "summary": "The user told of a move to Lisbon.",
}


def settings_of(engines: Engines, provider: Provider) -> Settings:
    """Return settings as the environment gives them, for a service whose sessions a provider's model reads."""
    environ = {
        "MNEME_LLM": "openai:some-model",
        "MNEME_LLM_BASE_URL": f"{provider.origin}/v1",
        "MNEME_LLM_API_KEY": CANARY,
        "MNEME_MAX_ATTEMPTS": "1",
    }
    given = Settings.from_environment(environ)
    here = engines.settings(database=DATABASE)
    return replace(
        given,
        data_dir=here.data_dir,
        redis_url=here.redis_url,
        index_socket=here.index_socket,
        grpc_listen=here.grpc_listen,
        key_pepper=here.key_pepper,
        embedder_threads=1,
    )


@pytest_asyncio.fixture(loop_scope="session")
async def session_provider() -> AsyncIterator[Provider]:
    """Return a provider in the loop of the service."""
    async with serving_provider() as serving:
        yield serving


@pytest_asyncio.fixture(loop_scope="session")
async def reading_service(engines: Engines, session_provider: Provider) -> AsyncIterator[RunningService]:
    """Run a service whose sessions are read by the provider's model."""
    async with running_service(settings_of(engines, session_provider)) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def caller(reading_service: RunningService) -> AsyncIterator[Tenant]:
    """Return a caller with a project of its own."""
    projects = reading_service.application.projects
    project = await projects.create(ProjectId(f"test-{uuid4()}"), name="test", settings=ProjectSettings())
    _, text = await projects.create_key(project.project_id, name="test", scopes=frozenset())
    async with grpc.aio.insecure_channel(reading_service.address) as channel:
        yield Tenant(channel=channel, api_key=text, project_id=project.project_id)


async def status_of(caller: Tenant, user_id: str, session_id: str) -> str:
    """Return how a session stands."""
    session = (await caller.call("GetSession", user_id=user_id, session_id=session_id)).session
    status: str = type(session).DESCRIPTOR.fields_by_name["status"].enum_type.values_by_number[session.status].name
    return status.removeprefix("SESSION_STATUS_")


async def processed(caller: Tenant, wait_until: Waiter[object], user_id: str, session_id: str) -> str:
    """Process a session and return how it ended."""
    await caller.call("ProcessSession", user_id=user_id, session_id=session_id)

    async def ended() -> str:
        status = await status_of(caller, user_id, session_id)
        return "" if status == "PROCESSING" else status

    return str(await wait_until(ended, "the session is processed"))


async def test_a_session_becomes_what_the_model_names(
    caller: Tenant, session_provider: Provider, wait_until: Waiter[object]
) -> None:
    """Memory with categories and sources, and the summary, over gRPC."""
    session_provider.always = answers(Findings=FOUND)
    user_id = await caller.user()
    session_id = await caller.session(user_id, "Hello.", "I moved to Lisbon this month.")
    assert "PROCESSED" == await processed(caller, wait_until, user_id, session_id)
    (memory,) = (await caller.call("ListMemories", user_id=user_id)).items
    assert ("User has moved to Lisbon.", ["personal_details"]) == (memory.content, list(memory.categories))
    assert [(session_id, 1)] == [(source.session_id, source.message_index) for source in memory.sources]
    where = {"user_id": user_id, "session_id": await caller.session(user_id)}
    context = (await caller.call("GetContext", **where, options={"last_n_summaries": 1})).event.context
    assert FOUND["summary"] in context


async def test_a_model_that_is_down_leaves_a_session_that_can_be_processed_again(
    caller: Tenant, session_provider: Provider, wait_until: Waiter[object], capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing is made of it meanwhile, and the log does not hold the key."""
    session_provider.always = fails(500, f"key {CANARY} broke us", headers={"retry-after-ms": "1"})
    user_id = await caller.user()
    session_id = await caller.session(user_id, "Hello.", "I moved to Lisbon this month.")
    assert "FAILED" == await processed(caller, wait_until, user_id, session_id)
    assert [] == list((await caller.call("ListMemories", user_id=user_id)).items)
    output = "".join(capfd.readouterr())
    assert "HTTP 500" in output
    assert CANARY not in output
    session_provider.always = answers(Findings=FOUND)
    assert "PROCESSED" == await processed(caller, wait_until, user_id, session_id)
    assert 1 == len((await caller.call("ListMemories", user_id=user_id)).items)


async def test_a_second_session_is_compared_by_the_model(
    caller: Tenant, session_provider: Provider, wait_until: Waiter[object]
) -> None:
    """What it calls a change is a new version."""
    porto = {**FOUND["memories"][0], "content": "User has moved to Porto.", "entities": ["Porto"]}
    user_id = await caller.user()
    first = await caller.session(user_id, "Hello.", "I moved to Lisbon this month.")
    session_provider.always = answers(Findings=FOUND)
    await processed(caller, wait_until, user_id, first)
    session_provider.always = answers(
        Findings={**FOUND, "memories": [porto]}, Verdict={"kind": "change", "memory": 1, "content": None}
    )
    second = await caller.session(user_id, "Hello.", "Now I have moved to Porto.")
    assert "PROCESSED" == await processed(caller, wait_until, user_id, second)
    (memory,) = (await caller.call("ListMemories", user_id=user_id)).items
    assert ("User has moved to Porto.", 2) == (memory.content, memory.version_number)


async def recalled(caller: Tenant, user_id: str, session_id: str) -> list[Any]:
    """Return the events of a streamed agentic context with all that it tells."""
    options = {"include_metadata_ids": True, "recall": {"recall_strategy": recall_pb2.RECALL_STRATEGY_AGENTIC}}
    stream = caller.stream("StreamContext", user_id=user_id, session_id=session_id, options=options)
    return [response.event async for response in stream]


async def test_the_model_drives_an_agentic_recall(caller: Tenant, session_provider: Provider, wait_until: Waiter[object]) -> None:
    """Each of its steps is a stage of the stream, and the last event tells what it searched for and why it chose what it did."""
    user_id = await caller.user()
    await caller.session(user_id, "I moved to Lisbon this month.", "My dog is called Rex.")

    async def searchable() -> bool:
        return len((await caller.call("Recall", user_id=user_id, query="Rex dog Lisbon")).items) == 2

    await wait_until(searchable, "the messages are in the index")
    asking = await caller.session(user_id, "Where do I live?")
    session_provider.then(
        calls(("search_messages", {"query": "my new home"})),
        decides(lambda heard: [("finish", {"ids": [heard.name_of("Lisbon")], "reasoning": "A move."})]),
    )
    *stages, final = await recalled(caller, user_id, asking)
    assert "Step 1: searching messages for “my new home”" in [stage.status_update_message for stage in stages]
    assert ("my new home", recall_pb2.RECALL_STRATEGY_AGENTIC) == (
        final.metadata.vector_search_queries.values[-1],
        final.metadata.recall_strategy_used,
    )
    assert final.metadata.agent_reasoning.endswith("(steps: 2, calls: 1, chosen: 1): A move.")
    assert "Lisbon" in final.context


async def test_a_recall_without_its_model_is_no_error(
    caller: Tenant, session_provider: Provider, wait_until: Waiter[object]
) -> None:
    """The stream ends with what rules found, and says so."""
    user_id = await caller.user()
    await caller.session(user_id, "I moved to Lisbon this month.")

    async def searchable() -> bool:
        return bool((await caller.call("Recall", user_id=user_id, query="Lisbon")).items)

    await wait_until(searchable, "the message is in the index")
    asking = await caller.session(user_id, "Where do I live?")
    session_provider.always = fails(401, f"wrong key {CANARY}")
    *_, final = await recalled(caller, user_id, asking)
    assert (True, False, True) == (final.is_final, final.HasField("error_message"), "Lisbon" in final.context)
    assert final.metadata.agent_reasoning.endswith("but it refused the request: this is what rules found.")


@pytest.mark.parametrize("name", ["gemini:pro", "openai", "openai:gpt"])
async def test_a_wrong_choice_is_named_at_the_start(engines: Engines, name: str) -> None:
    """By its variable."""
    settings = replace(engines.settings(database=DATABASE), llm=name)
    with pytest.raises(InvalidSetting, match="MNEME_LLM"):
        async with running_service(settings):
            pass


async def test_the_key_is_a_secret_of_the_settings() -> None:
    """It is not shown."""
    assert CANARY not in repr(Settings.from_environment({"MNEME_LLM_API_KEY": CANARY}))
