"""The documented job of the official SDK with the asynchronous client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest
from recallrai import AsyncRecallrAI, AsyncSession, exceptions
from recallrai.models import MessageRole, RecallStrategy, SessionStatus

from tests.e2e.serving import CREDENTIALS, Serving

SAID = "I am allergic to peanuts and I always carry an epinephrine pen."


async def wait_for(probe: Callable[[], Awaitable[bool]], description: str) -> None:
    """Return when *probe* says so; fail with *description* after a minute."""
    try:
        async with asyncio.timeout(60):
            while not await probe():
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"not within a minute: {description}")


async def test_the_whole_flow(async_sdk: AsyncRecallrAI, user_id: str) -> None:
    """User, session, messages, processing, memories and context work as with the synchronous client."""
    user = await async_sdk.create_user(user_id=user_id, metadata={"name": "Ada"})
    session = await user.create_session(auto_process_after_seconds=600, metadata={"type": "chat"})
    await session.add_message(role=MessageRole.USER, content=SAID)
    await session.add_message(role=MessageRole.ASSISTANT, content="Noted.")
    assert [SAID, "Noted."] == [message.content for message in (await session.get_messages()).messages]

    await session.process()

    async def processed() -> bool:
        await session.refresh()
        return bool(session.status == SessionStatus.PROCESSED)

    await wait_for(processed, "the session is processed")
    memories = await user.list_memories(categories=["allergies", "food_preferences", "medical_history"])
    assert "peanuts" in memories.items[0].content

    later = await user.create_session()
    await later.add_message(MessageRole.USER, "What am I allergic to?")

    async def recalled() -> bool:
        return "peanuts" in ((await later.get_context(include_system_prompt=False)).context or "")

    await wait_for(recalled, "the memory is in the index")
    events = [event async for event in later.get_context_stream(recall_strategy=RecallStrategy.LOW_LATENCY)]
    assert [False] * (len(events) - 1) + [True] == [event.is_final for event in events]
    assert "peanuts" in (events[-1].context or "")

    assert ["What am I allergic to?"] == [message.content for message in (await user.get_last_n_messages(n=1)).messages]
    await user.update(new_metadata={"name": "Ada", "role": user_id})
    assert [user_id] == [found.user_id for found in (await async_sdk.list_users(metadata_filter={"role": user_id})).users]
    await later.delete()
    await user.delete()
    with pytest.raises(exceptions.UserNotFoundError):
        await async_sdk.get_user(user_id)


async def test_errors_are_the_same_classes(async_sdk: AsyncRecallrAI, user_id: str) -> None:
    """A duplicate, a missing session, a wrong state, an unknown category and a broken rule raise what their names say."""
    user = await async_sdk.create_user(user_id)
    with pytest.raises(exceptions.UserAlreadyExistsError):
        await async_sdk.create_user(user_id)
    with pytest.raises(exceptions.SessionNotFoundError):
        await user.get_session("00000000-0000-4000-8000-000000000000")
    session = await user.create_session()
    await session.add_message(MessageRole.USER, SAID)
    await session.process()
    with pytest.raises(exceptions.InvalidSessionStateError):
        await session.add_message(MessageRole.USER, "Too late")
    with pytest.raises(exceptions.InvalidCategoriesError) as raised:
        await user.list_memories(categories=["no_such_category"])
    assert ["no_such_category"] == raised.value.invalid_categories
    with pytest.raises(exceptions.ValidationError):
        await user.list_memories(limit=201)


async def test_users_work_at_the_same_time(async_sdk: AsyncRecallrAI, user_id: str) -> None:
    """Twenty users who write at once each get back exactly their own messages, in their own order."""

    async def write(number: int) -> list[str]:
        user = await async_sdk.create_user(f"{user_id}-{number}")
        session = await user.create_session()
        for turn in range(5):
            await session.add_message(MessageRole.USER, f"user {number} turn {turn}")
        return [message.content for message in (await session.get_messages()).messages]

    written = await asyncio.gather(*(write(number) for number in range(20)))
    assert [[f"user {number} turn {turn}" for turn in range(5)] for number in range(20)] == written


async def test_a_message_can_be_recalled_once_it_is_acknowledged(
    serving: Serving, async_sdk: AsyncRecallrAI, user_id: str
) -> None:
    """While many others are on their way, each of 32 messages of four users is found a moment after its own acknowledgement."""
    async with httpx.AsyncClient(base_url=f"{serving.http}/api/v1", headers=CREDENTIALS, timeout=60) as http:

        async def told(name: str) -> list[bool]:
            session = await (await async_sdk.create_user(name)).create_session()
            return await asyncio.gather(*(add_and_find(name, session, f"{name} zqx{place}w") for place in range(8)))

        async def add_and_find(name: str, session: AsyncSession, code: str) -> bool:
            await session.add_message(MessageRole.USER, f"The code of the day is {code}")

            async def found() -> bool:
                body = {"query": code, "recall_strategy": "low_latency"}
                items = (await http.post(f"/users/{name}/recall", json=body)).raise_for_status().json()["items"]
                return any(code in item["content"] for item in items)

            await wait_for(found, f"{code} is recalled")
            return True

        answers = await asyncio.gather(*(told(f"{user_id}-{number}") for number in range(4)))
    assert [[True] * 8] * 4 == answers


async def test_streams_of_many_sessions_at_once(async_sdk: AsyncRecallrAI, user_id: str) -> None:
    """Eight streams that are read at the same time each have their stages in order and one final event, for their own user."""

    async def streamed(number: int) -> list[bool]:
        session = await (await async_sdk.create_user(f"{user_id}-{number}")).create_session()
        await session.add_message(MessageRole.USER, "What do I like?")
        return [bool(event.is_final) async for event in session.get_context_stream(recall_strategy=RecallStrategy.BALANCED)]

    for events in await asyncio.gather(*(streamed(number) for number in range(8))):
        assert [False] * (len(events) - 1) + [True] == events
        assert len(events) > 1
