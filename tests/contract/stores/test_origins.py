"""What sessions are part of: threads, groups, and from where they are seen."""

from __future__ import annotations

from datetime import timedelta

import pytest

from service.domain.archives import ArchivedSession, ArchivedUser, RestoredSession
from service.domain.ids import SessionId, UserId
from service.domain.memories import MemoryChange
from service.domain.sessions import MessageRole, NewMessage, NewSession, SessionOrigin, SessionStatus, Visibility
from service.domain.values import PageRequest
from tests.contract.stores.makers import ACME, FIRST_PAGE, PAST, World

HOUR = timedelta(hours=1)
FIRST = SessionOrigin(thread="a: {b}\n", group="work")
SECOND = SessionOrigin(thread="second", group="work", visibility=Visibility.THREAD)
THIRD = SessionOrigin(group="home", visibility=Visibility.GROUP)


def new(origin: SessionOrigin) -> NewSession:
    """Return a session to open."""
    return NewSession(metadata={}, auto_process_after=None, origin=origin)


async def opened(world: World, origin: SessionOrigin) -> SessionId:
    """Open a session and return its id."""
    return (await world.stores.sessions.create(world.scope, new(origin))).session_id


async def test_a_session_has_its_origin(world: World) -> None:
    """As it was given."""
    for origin in (FIRST, SECOND, THIRD, SessionOrigin()):
        session_id = await opened(world, origin)
        assert origin == (await world.stores.sessions.get(world.scope, session_id)).origin


async def test_sessions_are_found_by_thread_and_group(world: World) -> None:
    """By one or by both at once."""
    sessions = world.stores.sessions
    first, again, second = [await opened(world, origin) for origin in (FIRST, FIRST, SECOND)]
    await opened(world, THIRD)
    assert {first, again} == await sessions.within(world.scope, thread=FIRST.thread)
    assert {first, again, second} == await sessions.within(world.scope, group="work")
    assert {second} == await sessions.within(world.scope, thread="second", group="work")
    assert frozenset() == await sessions.within(world.scope, thread="second", group="home")


async def test_what_is_narrowed_is_hidden_elsewhere(world: World) -> None:
    """And seen from its own thread or group."""
    sessions = world.stores.sessions
    _, second, third = [await opened(world, origin) for origin in (FIRST, SECOND, THIRD)]
    assert {second, third} == await sessions.hidden(world.scope)
    assert {third} == await sessions.hidden(world.scope, thread="second")
    assert {second} == await sessions.hidden(world.scope, thread="home", group="home")


@pytest.mark.parametrize("origin", [FIRST, SECOND, THIRD, SessionOrigin()])
async def test_only_a_session_of_the_same_origin_is_resumed(world: World, origin: SessionOrigin) -> None:
    """One without an origin is not continued by a thread, nor the other way round."""
    own = {}
    for other in (FIRST, SECOND, THIRD, SessionOrigin()):
        session, created = await world.stores.sessions.resume(world.scope, HOUR, new(other))
        assert created
        own[other] = session.session_id
    session, created = await world.stores.sessions.resume(world.scope, HOUR, new(origin))
    assert (own[origin], origin, False) == (session.session_id, session.origin, created)


async def test_a_processed_session_is_not_resumed(world: World) -> None:
    """Its thread goes on in a new one."""
    session_id = await opened(world, FIRST)
    await world.stores.sessions.start_processing(world.scope, session_id)
    session, created = await world.stores.sessions.resume(world.scope, HOUR, new(FIRST))
    assert created
    assert {session_id, session.session_id} == await world.stores.sessions.within(world.scope, thread=FIRST.thread)


async def test_a_deleted_session_is_part_of_nothing(world: World) -> None:
    """Neither found nor hidden."""
    session_id = await opened(world, SECOND)
    await world.stores.sessions.delete(world.scope, session_id, MemoryChange(revision=0))
    assert frozenset() == await world.stores.sessions.within(world.scope, thread="second")
    assert frozenset() == await world.stores.sessions.hidden(world.scope)


async def test_a_restored_session_is_part_of_what_it_was(world: World) -> None:
    """Found and resumed like one that was opened here."""
    archives, session_id = world.stores.archives, SessionId("7d2c9c32-51a8-4d0e-a1b5-0c93b4f6f0aa")
    scope = await archives.begin(ACME)
    session = ArchivedSession(
        session_id=session_id,
        status=SessionStatus.PENDING,
        created_at=PAST,
        custom_created_at=False,
        metadata={},
        auto_process_after=None,
        processed_at=None,
        last_active_at=PAST,
        summary=None,
        origin=SECOND,
    )
    await archives.add_session(scope, RestoredSession(session=session, messages=()))
    user = ArchivedUser(user_id=UserId("ben"), metadata={}, merge_conflict_enabled=None, created_at=PAST, last_active_at=PAST)
    await archives.commit(scope, user)
    assert SECOND == (await world.stores.sessions.get(scope, session_id)).origin
    assert {session_id} == await world.stores.sessions.within(scope, thread="second")
    assert {session_id} == await world.stores.sessions.hidden(scope)
    assert not (await world.stores.sessions.resume(scope, HOUR * 1_000_000, new(SECOND)))[1]


async def test_messages_keep_the_time_and_kind_that_came_with_them(world: World) -> None:
    """One without a time has the server's."""
    given = NewMessage(role=MessageRole.USER, content="x", timestamp=PAST, kind="tool_call", document_id="d1")
    session = await world.session()
    stored = await world.stores.sessions.add_messages(
        world.scope, session.session_id, [given, NewMessage(role=MessageRole.USER, content="y")], idempotency_key="k"
    )
    assert (PAST, "tool_call", "d1") == (stored[0].timestamp, stored[0].kind, stored[0].document_id)
    assert stored[1].timestamp > PAST
    assert stored == (await world.stores.sessions.messages(world.scope, session.session_id, FIRST_PAGE)).items


async def test_the_newest_message_is_the_newest_by_its_own_time(world: World) -> None:
    """A session in which old events came last is no newer than they make it."""
    older, newer = await world.session(), await world.session()
    for session, *days in ((newer, 5, 1), (older, 3, 2)):
        for day in days:
            message = NewMessage(role=MessageRole.USER, content=f"day {day}", timestamp=PAST + timedelta(days=day))
            await world.stores.sessions.add_messages(world.scope, session.session_id, [message])
    recent = await world.stores.sessions.recent_messages(world.scope, 2)
    assert ["day 3", "day 5"] == [message.content for message in recent]


async def test_pages_know_nothing_of_times(world: World) -> None:
    """They are in the order in which the messages came."""
    session = await world.session()
    said = [NewMessage(role=MessageRole.USER, content=str(day), timestamp=PAST - timedelta(days=day)) for day in range(3)]
    await world.stores.sessions.add_messages(world.scope, session.session_id, said)
    page = await world.stores.sessions.messages(world.scope, session.session_id, PageRequest(offset=1, limit=2))
    assert ["1", "2"] == [message.content for message in page.items]
