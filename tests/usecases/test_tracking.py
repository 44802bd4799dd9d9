"""Interactions that are reported become messages: of whom, in which session, and each once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from service.domain.ids import UserId
from service.domain.sessions import Session, SessionFilter
from service.usecases.interactions.reading import Report, read_interaction
from tests.usecases.world import EVERYTHING, World

START = datetime(2024, 3, 3, 19, 48, tzinfo=UTC)


@dataclass(slots=True)
class Application:
    """One that reports what it says to a model for the user *jane*."""

    world: World
    user_id: str = field(default_factory=lambda: f"jane-{uuid4()}")

    async def reports(self, *texts: str, reply: Any = "Noted.", minute: float | None = 0, **others: Any) -> None:
        """Report a request with messages, the first of the user's and each other of the other side, and the reply to it."""
        roles = ["user", "assistant"] * len(texts)
        stamp = None if minute is None else round((START + timedelta(minutes=minute)).timestamp() * 1000)
        report: dict[str, Any] = {
            "timestamps": {"request": stamp, "response": stamp},
            "session": "",
            "session_timeout": "",
            "user": {"userId": self.user_id},
            "request": {"messages": [{"role": role, "content": text} for role, text in zip(roles, texts, strict=False)]},
            "response": {"id": f"id-{uuid4()}", "choices": [{"message": {"content": reply}}]},
        }
        interaction = read_interaction(Report(format="openai", kind="chat", **{**report, **others}))
        await self.world.application.track(self.world.project_id, interaction)

    async def sessions(self, user_id: str | None = None) -> Sequence[Session]:
        """Return the user's sessions, oldest first."""
        stores = self.world.application.stores
        user = await stores.users.get(self.world.project_id, UserId(user_id or self.user_id))
        found = (await stores.sessions.list(user.scope, EVERYTHING, SessionFilter())).items
        return sorted(found, key=lambda session: session.created_at)

    async def transcripts(self) -> list[list[str]]:
        """Return what each session holds."""
        stores = self.world.application.stores
        user = await stores.users.get(self.world.project_id, UserId(self.user_id))
        return [
            [message.content for message in (await stores.sessions.messages(user.scope, session.session_id, EVERYTHING)).items]
            for session in await self.sessions()
        ]


@pytest.fixture
def jane(world: World) -> Application:
    """Return an application with a user that nobody knows yet."""
    return Application(world)


async def test_a_chat_is_stored_once_though_it_is_sent_again(jane: Application) -> None:
    """Each request holds all that was said before."""
    await jane.reports("One", reply="Two")
    await jane.reports("One", "Two", "Three", reply="Four", minute=1)
    await jane.reports("One", "Two", "Three", "Four", "Five", reply="Six", minute=2)
    assert [["One", "Two", "Three", "Four", "Five", "Six"]] == await jane.transcripts()


async def test_messages_have_the_times_of_the_client(jane: Application) -> None:
    """The session begins with the first; the reply has the time of the response."""
    asked, answered = (round(START.timestamp() * 1000) + later for later in (0, 1500))
    await jane.reports("One", timestamps={"request": asked, "response": answered})
    (session,) = await jane.sessions()
    stores = jane.world.application.stores
    user = await stores.users.get(jane.world.project_id, UserId(jane.user_id))
    times = [each.timestamp for each in (await stores.sessions.messages(user.scope, session.session_id, EVERYTHING)).items]
    assert (START, [START, START + timedelta(seconds=1.5)]) == (session.created_at, times)


async def test_silence_ends_a_session(jane: Application) -> None:
    """Ten minutes of it, or as many as the client says, by its own clock."""
    for text, minute, timeout in (("a", 0, ""), ("b", 10, None), ("c", 20.1, 0), ("d", 22, "3"), ("e", 25.1, 3)):
        await jane.reports(text, minute=minute, reply="", session_timeout=timeout)
    assert [["a", "b"], ["c", "d"], ["e"]] == await jane.transcripts()


async def test_what_comes_late_goes_where_it_belongs(jane: Application) -> None:
    """Clients do not wait for one report before they send the next."""
    await jane.reports("second", reply="", minute=1)
    await jane.reports("first", reply="", minute=0)
    await jane.reports("long before", reply="", minute=-300)
    await jane.reports("third", reply="", minute=2)
    assert [["long before"], ["second", "first", "third"]] == await jane.transcripts()


async def test_a_named_session_is_one_however_long_the_silence(jane: Application) -> None:
    """Two named ones at a time are two; what has no name is in neither."""
    await jane.reports("a", reply="", session="S1")
    await jane.reports("b", reply="", session="S2")
    await jane.reports("c", reply="", session="S1", minute=500)
    await jane.reports("d", reply="", session="", minute=0)
    assert [["a", "c"], ["b"], ["d"]] == sorted(await jane.transcripts())


async def test_a_named_session_goes_on_after_it_was_processed(jane: Application) -> None:
    """In another of the same thread, which holds what is new alone."""
    await jane.reports("One", reply="Two", session="S1")
    (first,) = await jane.sessions()
    await jane.world.application.sessions.process(jane.world.project_id, UserId(jane.user_id), first.session_id)
    await jane.reports("One", "Two", "Three", reply="Four", session="S1", minute=20)
    assert [["One", "Two"], ["Three", "Four"]] == await jane.transcripts()
    assert {"S1"} == {session.origin.thread for session in await jane.sessions()}


async def test_a_session_waits_as_long_as_its_timeout(jane: Application) -> None:
    """Then it is processed by itself."""
    await jane.reports("a", session_timeout=3)
    assert [timedelta(minutes=3)] == [session.auto_process_after for session in await jane.sessions()]


async def test_an_interaction_that_is_reported_twice_is_stored_once(jane: Application) -> None:
    """By the name that its provider gave, also when both come at once."""
    response = {"id": "msg_1", "choices": [{"message": {"content": "Two"}}]}
    await asyncio.gather(*(jane.reports("One", response=response) for _ in range(4)))
    await jane.reports("One", "Two", "Three", reply="Four", minute=1)
    await jane.reports("One", response=response)
    assert [["One", "Two", "Three", "Four"]] == await jane.transcripts()


async def test_a_repeat_that_comes_late_opens_no_session(jane: Application) -> None:
    """Its session was processed, and nothing is new."""
    response = {"id": "msg_1", "choices": [{"message": {"content": "Two"}}]}
    await jane.reports("One", response=response)
    (first,) = await jane.sessions()
    await jane.world.application.sessions.process(jane.world.project_id, UserId(jane.user_id), first.session_id)
    await jane.reports("One", response=response, minute=1)
    assert [first.session_id] == [session.session_id for session in await jane.sessions()]


async def test_an_interaction_without_a_name_is_stored_as_often_as_it_is_reported(jane: Application) -> None:
    """Nothing tells a repeat from somebody who says the same again."""
    for _ in range(2):
        await jane.reports("One", response="Two")
    assert [["One", "Two", "One", "Two"]] == await jane.transcripts()


async def test_a_profile_grows(jane: Application) -> None:
    """What is told later is added or takes the place of the old; what is not told again stays."""
    await jane.reports("a", user={"userId": jane.user_id, "firstName": "Jane", "phone": "1"})
    await jane.reports("b", user={"userId": jane.user_id, "phone": "2", "email": "", "isAuthenticated": 1})
    user = await jane.world.application.stores.users.get(jane.world.project_id, UserId(jane.user_id))
    assert {"firstName": "Jane", "phone": "2", "isAuthenticated": True} == user.metadata


async def test_the_metadata_of_a_user_stays(jane: Application) -> None:
    """Users are those of every other surface too."""
    user = jane.world.user
    await jane.reports("a", user={"userId": user.user_id, "gender": "female"})
    await jane.reports("b", user={"userId": user.user_id})
    found = await jane.world.application.stores.users.get(jane.world.project_id, user.user_id)
    assert (user.user_key, {"gender": "female"}) == (found.user_key, found.metadata)


async def test_a_session_tells_what_it_was_held_with(jane: Application) -> None:
    """The API and the model of its first interaction."""
    await jane.reports("a", request={"model": "gpt-4", "messages": [{"role": "user", "content": "a"}]})
    assert [{"format": "openai", "type": "chat", "model": "gpt-4"}] == [session.metadata for session in await jane.sessions()]


async def test_an_interaction_without_a_word_makes_no_session(jane: Application) -> None:
    """But its user."""
    await jane.reports(request={}, response=None)
    assert [] == await jane.sessions()


async def test_without_times_the_time_of_arrival_counts(jane: Application) -> None:
    """For every message and for the silence between them."""
    await jane.reports("a", reply="", minute=None)
    await jane.reports("b", reply="", minute=None)
    assert [["a", "b"]] == await jane.transcripts()


async def test_a_reported_chat_becomes_memories(jane: Application) -> None:
    """As anything else that was said."""
    await jane.reports("I am allergic to peanuts.", reply="I will remember that.")
    (session,) = await jane.sessions()
    user = await jane.world.application.stores.users.get(jane.world.project_id, UserId(jane.user_id))
    await jane.world.application.sessions.process(jane.world.project_id, user.user_id, session.session_id)
    await jane.world.application.process_session(await jane.world.claim())
    found = await World(application=jane.world.application, project_id=jane.world.project_id, user=user).contents()
    assert any("peanuts" in content for content in found)
