"""MemoryService over a real channel."""

from __future__ import annotations

from uuid import uuid4

import grpc
import pytest
import pytest_asyncio
from mneme.v1 import recall_pb2, session_pb2

from tests.conftest import Waiter
from tests.rpc.tenant import ASSISTANT, USER, Tenant, refused

LOW_LATENCY = recall_pb2.RECALL_STRATEGY_LOW_LATENCY
SAID = (
    "I live in Lisbon and work as a nurse at the city hospital.",
    "Last week I adopted a dog named Rex.",
    "My brother Tom plays the cello in an orchestra.",
)


class Remembered:
    """A user with one processed session in which SAID was said."""

    def __init__(self, tenant: Tenant, user_id: str, session_id: str) -> None:
        """Keep who it is."""
        self.tenant = tenant
        self.user_id = user_id
        self.session_id = session_id


@pytest_asyncio.fixture(loop_scope="session")
async def remembered(tenant: Tenant, wait_until: Waiter[object]) -> Remembered:
    """Return a user whose words are memories and can be found."""
    user_id = await tenant.user()
    session_id = await tenant.session(user_id, *SAID)
    await tenant.call("ProcessSession", user_id=user_id, session_id=session_id)

    async def found() -> bool:
        answer = await tenant.call("Recall", user_id=user_id, query="dog", kinds=[recall_pb2.RECALLED_KIND_MEMORY])
        return any("Rex" in item.content for item in answer.items)

    await wait_until(found, "the memories are searchable")
    return Remembered(tenant, user_id, session_id)


async def test_a_recall_names_its_evidence(remembered: Remembered) -> None:
    """Items are ranked, and each says from which message of which session it comes."""
    answer = await remembered.tenant.call(
        "Recall", user_id=remembered.user_id, query="Which pet did I adopt?", kinds=[recall_pb2.RECALLED_KIND_MEMORY]
    )
    first = answer.items[0]
    assert "Rex" in first.content
    assert (remembered.session_id, 1) == (first.sources[0].session_id, first.sources[0].message_index)
    scores = [item.score for item in answer.items]
    assert sorted(scores, reverse=True) == scores
    assert all(0 <= score <= 1 for score in scores)
    assert first.HasField("event_date_start")
    assert answer.metadata.recall_strategy_used in {1, 2, 3}


async def test_a_recall_can_be_of_messages_alone(remembered: Remembered) -> None:
    """With the role, and an id made of session and place."""
    answer = await remembered.tenant.call(
        "Recall", user_id=remembered.user_id, query="orchestra", kinds=[recall_pb2.RECALLED_KIND_MESSAGE]
    )
    first = answer.items[0]
    assert (SAID[2], USER, f"{remembered.session_id}:2") == (first.content, first.role, first.id)


async def test_a_recall_leaves_out_sessions(remembered: Remembered) -> None:
    """Nothing comes from a session that is excluded, however its id is written."""
    answer = await remembered.tenant.call(
        "Recall", user_id=remembered.user_id, query="dog", exclude_session_ids=[remembered.session_id.upper(), "junk"]
    )
    assert [] == list(answer.items)


async def test_a_message_is_found_before_its_session_is_processed(tenant: Tenant, wait_until: Waiter[object]) -> None:
    """Within moments of being added."""
    user_id = await tenant.user()
    await tenant.session(user_id, "The wifi password of the cabin is written on the fridge.")

    async def found() -> bool:
        return bool((await tenant.call("Recall", user_id=user_id, query="wifi password")).items)

    await wait_until(found, "the message is searchable")


async def test_a_context_holds_what_is_relevant(remembered: Remembered) -> None:
    """For the newest message of another session, with the strategy that ran and no ids unless asked for."""
    tenant, user_id = remembered.tenant, remembered.user_id
    session_id = await tenant.session(user_id, "What is my dog called?")
    answer = await tenant.call("GetContext", user_id=user_id, session_id=session_id, options={"include_system_prompt": False})
    event = answer.event
    assert (True, True) == (event.is_final, event.memory_used)
    assert "Rex" in event.context
    assert event.metadata.recall_strategy_used in {1, 2, 3}
    assert ["recall_strategy_used"] == [field.name for field, _ in event.metadata.ListFields()]
    assert not event.HasField("error_message")


async def test_a_context_tells_its_ids_when_asked(remembered: Remembered) -> None:
    """Memories, sessions and what was searched for."""
    tenant, user_id = remembered.tenant, remembered.user_id
    session_id = await tenant.session(user_id, "What is my dog called?")
    options = {"include_metadata_ids": True, "recall": {"recall_strategy": LOW_LATENCY}}
    metadata = (await tenant.call("GetContext", user_id=user_id, session_id=session_id, options=options)).event.metadata
    listed = await tenant.call("ListMemories", user_id=user_id)
    assert LOW_LATENCY == metadata.recall_strategy_used
    assert set(metadata.memory_ids.values) <= {memory.memory_id for memory in listed.items}
    assert metadata.memory_ids.values
    assert [remembered.session_id] == list(metadata.session_ids.values)
    assert metadata.vector_search_queries.values


async def test_a_context_begins_with_the_system_prompt(remembered: Remembered) -> None:
    """Unless it is switched off; three line breaks stand between."""
    tenant, user_id = remembered.tenant, remembered.user_id
    session_id = await tenant.session(user_id, "What is my dog called?")
    where = {"user_id": user_id, "session_id": session_id}
    prompt = (await tenant.call("GetSystemPrompt")).system_prompt
    with_prompt = (await tenant.call("GetContext", **where)).event.context
    without = (await tenant.call("GetContext", **where, options={"include_system_prompt": False})).event.context
    assert with_prompt.startswith(f"{prompt}\n\n\n")
    assert prompt not in without


async def test_a_context_of_silence_is_empty_of_evidence(tenant: Tenant) -> None:
    """A session in which nobody said anything has nothing to recall by."""
    user_id = await tenant.user()
    session_id = await tenant.session(user_id)
    answer = await tenant.call("GetContext", user_id=user_id, session_id=session_id)
    assert (True, False) == (answer.event.is_final, answer.event.memory_used)


async def test_last_messages_come_from_other_sessions(remembered: Remembered) -> None:
    """The newest of them are in the context."""
    tenant, user_id = remembered.tenant, remembered.user_id
    session_id = await tenant.session(user_id)
    options = {"last_n_messages": 1, "include_system_prompt": False}
    context = (await tenant.call("GetContext", user_id=user_id, session_id=session_id, options=options)).event.context
    assert SAID[2] in context
    assert SAID[0] not in context


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../UTC", "Europe", "\0"])
async def test_an_unknown_time_zone_is_refused(tenant: Tenant, zone: str) -> None:
    """Also what is a path to something."""
    user_id = await tenant.user()
    session_id = await tenant.session(user_id)
    error = await refused(tenant.call("GetContext", user_id=user_id, session_id=session_id, options={"timezone": zone}))
    assert (grpc.StatusCode.INVALID_ARGUMENT, ["options.timezone"]) == (error.code, list(error.violations))


async def test_a_stream_reports_stages_and_ends_with_the_context(remembered: Remembered) -> None:
    """The last event is what GetContext returns; the others say what is being done and carry no context."""
    tenant, user_id = remembered.tenant, remembered.user_id
    session_id = await tenant.session(user_id, "What is my dog called?")
    where = {"user_id": user_id, "session_id": session_id, "options": {"include_system_prompt": False}}
    events = [response.event async for response in tenant.stream("StreamContext", **where)]
    *stages, final = events
    assert len(stages) > 1
    assert all(stage.status_update_message and not stage.is_final for stage in stages)
    assert not any(stage.HasField("context") or stage.HasField("metadata") for stage in stages)
    assert (True, False) == (final.is_final, final.HasField("status_update_message"))
    assert "Rex" in final.context


async def test_a_stream_that_cannot_begin_is_an_error(tenant: Tenant) -> None:
    """Before the first event, so that it can have a status of its own."""
    stream = tenant.stream("StreamContext", user_id=await tenant.user(), session_id=str(uuid4()))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await anext(aiter(stream))
    assert grpc.StatusCode.NOT_FOUND == caught.value.code()


@pytest.mark.parametrize("strategy", recall_pb2.RecallStrategy.values())
async def test_there_is_a_system_prompt_for_every_strategy(tenant: Tenant, strategy: int) -> None:
    """Unspecified means balanced."""
    prompt = (await tenant.call("GetSystemPrompt", recall_strategy=strategy)).system_prompt
    assert len(prompt) > 100


async def test_memories_are_listed_with_what_surrounds_them(remembered: Remembered) -> None:
    """Versions and connections are lists, empty at first, and absent when not asked for."""
    tenant, user_id = remembered.tenant, remembered.user_id
    page = await tenant.call("ListMemories", user_id=user_id)
    assert (len(page.items), False) == (page.total, page.has_more)
    memory = next(item for item in page.items if "Rex" in item.content)
    assert (1, 1, False) == (memory.version_number, memory.total_versions, memory.has_previous_versions)
    assert (True, True) == (memory.HasField("previous_versions"), memory.HasField("connected_memories"))
    assert remembered.session_id == memory.session_id == memory.sources[0].session_id
    assert memory.event_date_end.ToDatetime() >= memory.event_date_start.ToDatetime()
    flags = {"include_previous_versions": False, "include_connected_memories": False}
    bare = (await tenant.call("ListMemories", user_id=user_id, **flags)).items[0]
    assert (False, False) == (bare.HasField("previous_versions"), bare.HasField("connected_memories"))


async def test_memories_are_filtered(remembered: Remembered) -> None:
    """By category, by session, by the session's metadata; an unknown session matches nothing."""
    tenant, user_id = remembered.tenant, remembered.user_id
    everything = await tenant.call("ListMemories", user_id=user_id)
    category = everything.items[0].categories[0]
    where = {"user_id": user_id}
    some = await tenant.call("ListMemories", **where, categories=[category])
    assert [item for item in everything.items if category in item.categories] == list(some.items)
    mine = await tenant.call("ListMemories", **where, session_id_filter=[remembered.session_id.upper()])
    assert everything.total == mine.total
    assert 0 == (await tenant.call("ListMemories", **where, session_id_filter=[str(uuid4()), "junk"])).total
    assert 0 == (await tenant.call("ListMemories", **where, session_metadata_filter={"a": 1})).total


async def test_unknown_categories_are_named(tenant: Tenant) -> None:
    """Those alone that are neither configured nor used."""
    call = tenant.call("ListMemories", user_id=await tenant.user(), categories=["preferences", "nonsense", "absurd"])
    error = await refused(call)
    assert (grpc.StatusCode.INVALID_ARGUMENT, "CATEGORIES_UNKNOWN") == (error.code, error.reason)
    assert {"categories": '["absurd", "nonsense"]'} == error.metadata


async def test_a_memory_can_be_read_and_deleted(remembered: Remembered) -> None:
    """By its id, in whatever case; afterwards it is not found and not recalled."""
    tenant, user_id = remembered.tenant, remembered.user_id
    listed = next(item for item in (await tenant.call("ListMemories", user_id=user_id)).items if "Rex" in item.content)
    where = {"user_id": user_id, "memory_id": listed.memory_id.upper()}
    assert listed == (await tenant.call("GetMemory", **where)).memory
    await tenant.call("DeleteMemory", **where)
    error = await refused(tenant.call("GetMemory", **where))
    assert (grpc.StatusCode.NOT_FOUND, "MEMORY_NOT_FOUND") == (error.code, error.reason)
    assert "MEMORY_NOT_FOUND" == (await refused(tenant.call("DeleteMemory", **where))).reason
    answer = await tenant.call("Recall", user_id=user_id, query="dog Rex", kinds=[recall_pb2.RECALLED_KIND_MEMORY])
    assert not any("Rex" in item.content for item in answer.items)


async def test_a_changed_fact_keeps_its_history(remembered: Remembered, wait_until: Waiter[object]) -> None:
    """The new version is current, the old one expired for a reason, and can be read by its own id."""
    tenant, user_id = remembered.tenant, remembered.user_id
    session_id = await tenant.session(user_id, "I moved, I live in Porto now.")
    await tenant.call("ProcessSession", user_id=user_id, session_id=session_id)

    async def changed() -> object:
        items = (await tenant.call("ListMemories", user_id=user_id)).items
        return next((item for item in items if "Porto" in item.content and item.has_previous_versions), None)

    current = await wait_until(changed, "the memory has a second version")
    (old,) = current.previous_versions.versions  # type: ignore[attr-defined]  # what the wait returns is a Memory
    assert "Lisbon" in old.content
    assert (1, current.created_at) == (old.version_number, old.expired_at)  # type: ignore[attr-defined]  # the same
    read = (await tenant.call("GetMemory", user_id=user_id, memory_id=old.memory_id)).memory
    assert (1, 2, True) == (read.version_number, read.total_versions, read.HasField("expired_at"))
    assert read.expiration_reason == old.expiration_reason != 0
    assert 0 == len(read.previous_versions.versions)


async def test_roles_are_kept(tenant: Tenant) -> None:
    """What the model said is the model's."""
    user_id = await tenant.user()
    session_id = await tenant.session(user_id)
    await tenant.call("AddMessage", user_id=user_id, session_id=session_id, message="Hello!", role=ASSISTANT)
    (message,) = (await tenant.call("ListMessages", user_id=user_id, session_id=session_id)).messages
    assert session_pb2.MESSAGE_ROLE_ASSISTANT == message.role
