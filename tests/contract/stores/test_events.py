"""Messages that are stored once under a name, sessions that do not wait for silence, and what recalls are remembered by."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from service.domain.event_errors import RecallNotFound
from service.domain.events import Feedback
from service.domain.ids import RecallId, SessionId, UserId
from service.domain.memories import Source
from service.domain.sessions import MessageRole, NewMessage, NewSession, SessionStatus
from tests.contract.stores.makers import ACME, FIRST_PAGE, GLOBEX, World, new_session, said

HOUR = timedelta(hours=1)
PROMPT = NewSession(metadata={}, auto_process_after=HOUR, process_within=timedelta(milliseconds=20))


def message(content: str) -> NewMessage:
    """Return what a user says."""
    return NewMessage(role=MessageRole.USER, content=content)


async def test_a_name_is_stored_once(world: World) -> None:
    """In whatever session, and whatever comes under it again; the first is what stays."""
    sessions = world.stores.sessions
    first, second = [(await sessions.create(world.scope, new_session())).session_id for _ in range(2)]
    assert await sessions.added_once(world.scope, "n") is None
    stored = await sessions.add_once(world.scope, first, message("one"), name="n")
    assert (Source(session_id=first, message_index=0), False) == stored
    assert (stored[0], True) == await sessions.add_once(world.scope, second, message("two"), name="n")
    assert stored[0] == await sessions.added_once(world.scope, "n")
    assert ["one"] == [one.content for one in (await sessions.messages(world.scope, first, FIRST_PAGE)).items]
    assert 0 == (await sessions.messages(world.scope, second, FIRST_PAGE)).total


async def test_a_name_is_known_when_its_session_takes_no_more(world: World) -> None:
    """The repeat is no error."""
    sessions = world.stores.sessions
    session_id = (await sessions.create(world.scope, new_session())).session_id
    stored, _ = await sessions.add_once(world.scope, session_id, message("one"), name="n")
    await sessions.start_processing(world.scope, session_id)
    assert (stored, True) == await sessions.add_once(world.scope, session_id, message("one"), name="n")


async def test_a_name_is_no_idempotency_key(world: World) -> None:
    """Both can be the same text."""
    sessions = world.stores.sessions
    session_id = (await sessions.create(world.scope, new_session())).session_id
    await sessions.add_messages(world.scope, session_id, said("one"), idempotency_key="n")
    stored, repeated = await sessions.add_once(world.scope, session_id, message("two"), name="n")
    assert (1, False) == (stored.message_index, repeated)


async def test_a_steady_stream_does_not_put_processing_off(world: World) -> None:
    """The timer is due so long after the first message as the session says, however many come after it."""
    sessions, jobs = world.stores.sessions, world.stores.jobs
    session_id = (await sessions.create(world.scope, PROMPT)).session_id
    waiting = (await sessions.create(world.scope, replace(PROMPT, process_within=None))).session_id
    status = SessionStatus.PENDING
    while status is SessionStatus.PENDING:
        await sessions.add_messages(world.scope, waiting, said("on and on"))
        await sessions.add_messages(world.scope, session_id, said("on and on"))
        await jobs.fire_due_timers()
        status = (await sessions.get(world.scope, session_id)).status
    assert SessionStatus.PROCESSING is status
    assert SessionStatus.PENDING is (await sessions.get(world.scope, waiting)).status


async def test_only_a_session_of_the_same_pace_is_resumed(world: World) -> None:
    """One that is processed within seconds is not continued by what waits for silence, nor the other way round."""
    sessions = world.stores.sessions
    patient = replace(PROMPT, process_within=None)
    prompt_id, patient_id = [(await sessions.create(world.scope, one)).session_id for one in (PROMPT, patient)]
    assert prompt_id == (await sessions.resume(world.scope, HOUR, PROMPT))[0].session_id
    assert patient_id == (await sessions.resume(world.scope, HOUR, patient))[0].session_id
    assert PROMPT.process_within == (await sessions.get(world.scope, prompt_id)).process_within


async def test_recent_messages_of_some_sessions(world: World) -> None:
    """Only those are looked at, however old their messages are; one that is not there is passed over."""
    sessions = world.stores.sessions
    old, new = [(await sessions.create(world.scope, new_session())).session_id for _ in range(2)]
    await sessions.add_messages(world.scope, old, said("a", "b", "c"))
    await sessions.add_messages(world.scope, new, said("d"))
    only = frozenset({old, SessionId("0190c0de-0000-4000-8000-000000000000")})
    found = await sessions.recent_messages(world.scope, 2, only=only)
    assert ["b", "c"] == [one.content for one in found]
    assert [] == list(await sessions.recent_messages(world.scope, 2, only=frozenset()))


async def test_a_name_belongs_to_one_user_of_a_project(world: World) -> None:
    """Whoever comes first; another project has its own names."""
    names = world.stores.event_names
    claims = [(ACME, "ann"), (ACME, "bob"), (ACME, "ann"), (GLOBEX, "bob")]
    assert ["ann", "ann", "ann", "bob"] == [await names.claim(project, "n", UserId(user)) for project, user in claims]


async def test_feedback_counts_what_the_recall_returned(world: World) -> None:
    """Once each, whatever else is named; it can be given again."""
    log = world.stores.recall_log
    await log.keep(ACME, RecallId("r"), ["a", "b", "c"])
    assert 2 == await log.rate(ACME, RecallId("r"), Feedback(ids=("a", "c", "c", "x"), rating=5))
    assert 0 == await log.rate(ACME, RecallId("r"), Feedback(ids=()))


async def test_feedback_on_an_unknown_recall(world: World) -> None:
    """Or on one of another project."""
    log = world.stores.recall_log
    await log.keep(GLOBEX, RecallId("r"), ["a"])
    for recall_id in ("r", "s"):
        with pytest.raises(RecallNotFound):
            await log.rate(ACME, RecallId(recall_id), Feedback(ids=("a",)))
