"""Messages and summaries."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from service.domain.errors import SessionNotProcessable, SessionNotWritable
from service.domain.ids import SessionId
from service.domain.memories import Source
from service.domain.sessions import MessageRole, NewMessage, SessionStatus
from service.domain.values import PageRequest
from tests.contract.stores.makers import ACME, DAY, FIRST_PAGE, PAST, World, commit, new_session, said, summary


async def test_messages_come_back_as_they_were_added(world: World) -> None:
    """In order, from index 0, with role and text of any script, and the text is never trimmed."""
    session = await world.stores.sessions.create(world.scope, new_session())
    added = [
        NewMessage(role=MessageRole.USER, content=" Grüße\n日本 🙂 "),
        NewMessage(role=MessageRole.ASSISTANT, content='{"a": "\\u0000"}\x00'),
    ]
    first = await world.stores.sessions.add_messages(world.scope, session.session_id, added)
    second = await world.stores.sessions.add_messages(world.scope, session.session_id, said("bye"))
    page = await world.stores.sessions.messages(world.scope, session.session_id, FIRST_PAGE)
    assert [*first, *second] == page.items
    assert [(0, added[0].content), (1, added[1].content), (2, "bye")] == [(m.index, m.content) for m in page.items]


async def test_a_page_of_messages_is_oldest_first(world: World) -> None:
    """With the total of all."""
    session = await world.session("a", "b", "c", "d")
    page = await world.stores.sessions.messages(world.scope, session.session_id, PageRequest(offset=1, limit=2))
    assert ([(1, "b"), (2, "c")], 4, True) == ([(m.index, m.content) for m in page.items], page.total, page.has_more)


async def test_a_message_raises_the_generation_and_marks_activity(world: World) -> None:
    """Of the session, and of the user."""
    opened = await world.stores.sessions.create(world.scope, new_session())
    (message,) = await world.stores.sessions.add_messages(world.scope, opened.session_id, said("x"))
    session = await world.stores.sessions.get(world.scope, opened.session_id)
    user = await world.stores.users.get(ACME, world.user.user_id)
    assert (1, opened.generation + 1) == (session.message_count, session.generation)
    assert message.timestamp == session.last_active_at == user.last_active_at > opened.last_active_at


async def test_messages_of_a_custom_start_are_a_second_apart(world: World) -> None:
    """From the custom start on, over several calls."""
    session = await world.stores.sessions.create(world.scope, new_session(created_at=PAST))
    await world.stores.sessions.add_messages(world.scope, session.session_id, said("a", "b"))
    await world.stores.sessions.add_messages(world.scope, session.session_id, said("c"))
    page = await world.stores.sessions.messages(world.scope, session.session_id, FIRST_PAGE)
    assert [PAST + timedelta(seconds=second) for second in range(3)] == [message.timestamp for message in page.items]


async def test_adding_nothing_changes_nothing(world: World) -> None:
    """No generation, no time."""
    session = await world.session("a")
    assert [] == list(await world.stores.sessions.add_messages(world.scope, session.session_id, []))
    assert session == await world.stores.sessions.get(world.scope, session.session_id)


async def test_racing_messages_all_get_a_place_of_their_own(world: World) -> None:
    """None is lost, and every answer says where the message lies."""
    session = await world.session()
    adds = (world.stores.sessions.add_messages(world.scope, session.session_id, said(f"m{n}", f"n{n}")) for n in range(25))
    added = [message for answer in await asyncio.gather(*adds) for message in answer]
    page = await world.stores.sessions.messages(world.scope, session.session_id, FIRST_PAGE)
    assert sorted(added, key=lambda message: message.index) == page.items
    assert list(range(50)) == [message.index for message in page.items]


async def test_only_a_pending_session_takes_messages(world: World) -> None:
    """The error names the status; nothing is added."""
    job = await world.job("a")
    with pytest.raises(SessionNotWritable) as error:
        await world.stores.sessions.add_messages(world.scope, job.session_id, said("b"))
    assert "processing" == error.value.metadata["status"]
    assert 1 == (await world.stores.sessions.get(world.scope, job.session_id)).message_count


async def test_messages_race_with_the_start_of_processing(world: World) -> None:
    """Whatever was accepted is part of what is processed: a later message is refused, never lost between."""
    for _ in range(10):
        session = await world.session("first")
        add = world.stores.sessions.add_messages(world.scope, session.session_id, said("second"))
        start = world.stores.sessions.start_processing(world.scope, session.session_id)
        added, started = await asyncio.gather(add, start, return_exceptions=True)
        assert not isinstance(started, SessionNotProcessable)
        after = await world.stores.sessions.get(world.scope, session.session_id)
        accepted = not isinstance(added, SessionNotWritable)
        assert (SessionStatus.PROCESSING, 1 + accepted) == (after.status, after.message_count)
        (job,) = await world.stores.jobs.claim("w1", 10)
        assert after.generation == job.generation


async def test_new_turns_and_the_two_before_are_queued_for_the_index(world: World) -> None:
    """Their windows changed."""
    session = await world.session("0", "1", "2")
    assert {("turns", f"{session.session_id}:{index}") for index in range(3)} == await world.drained_outbox()
    await world.stores.sessions.add_messages(world.scope, session.session_id, said("3"))
    assert {("turns", f"{session.session_id}:{index}") for index in (1, 2, 3)} == await world.drained_outbox()


async def test_messages_are_found_by_their_sources(world: World) -> None:
    """In the order asked for, with None where there is nothing."""
    one, two = await world.session("a", "b"), await world.session("c")

    def source(session_id: SessionId, index: int) -> Source:
        return Source(session_id=session_id, message_index=index)

    wanted = [source(two.session_id, 0), source(one.session_id, 7), source(one.session_id, 1), source(SessionId("?"), 0)]
    found = await world.stores.sessions.messages_at(world.scope, wanted)
    assert ["c", None, "b", None] == [message and message.content for message in found]
    assert [] == list(await world.stores.sessions.messages_at(world.scope, []))


async def recent(world: World, limit: int, *exclude: SessionId) -> list[tuple[int, str]]:
    """Return index and text of the newest messages."""
    found = await world.stores.sessions.recent_messages(world.scope, limit, exclude=frozenset(exclude))
    assert sorted(message.timestamp for message in found) == [message.timestamp for message in found]
    return [(message.index, message.content) for message in found]


async def test_recent_messages_come_from_all_sessions(world: World) -> None:
    """The newest of all, oldest of them first; what was said in the past is past."""
    one = await world.session("a", "b")
    await world.session("c")
    await world.session("old", created_at=PAST)
    await world.stores.sessions.add_messages(world.scope, one.session_id, said("d"))
    assert [(1, "b"), (0, "c"), (2, "d")] == await recent(world, 3)
    assert [(0, "old"), (0, "a"), (1, "b"), (0, "c"), (2, "d")] == await recent(world, 50)
    assert [] == await recent(world, 0)


async def test_recent_messages_leave_out_sessions(world: World) -> None:
    """The limit counts what is left."""
    one = await world.session("a")
    two = await world.session("b")
    three = await world.session("c")
    assert [(0, "a")] == await recent(world, 1, two.session_id, three.session_id)
    assert [(0, "b"), (0, "c")] == await recent(world, 5, one.session_id)


async def test_summaries_are_found_by_session_and_by_time(world: World) -> None:
    """By session in the order asked for; the newest by the sessions' own times, oldest of them first."""
    stores, ids, expected = world.stores, [], []
    for day in range(3):
        opened = await stores.sessions.create(world.scope, new_session(created_at=PAST - day * DAY))
        await stores.sessions.add_messages(world.scope, opened.session_id, said("x"))
        session = await stores.sessions.start_processing(world.scope, opened.session_id)
        (job,) = await stores.jobs.claim("w1", 10)
        await stores.jobs.commit(job, commit(summary=summary(session, f"day {day}")))
        ids.append(session.session_id)
        expected.append(summary(session, f"day {day}"))
    found = await stores.sessions.summaries(world.scope, [ids[1], SessionId("?"), ids[0]])
    assert [expected[1], None, expected[0]] == found
    assert [expected[1], expected[0]] == await stores.sessions.recent_summaries(world.scope, 2)
    assert [expected[2], expected[1]] == await stores.sessions.recent_summaries(world.scope, 2, exclude=frozenset({ids[0]}))
    assert [] == list(await stores.sessions.recent_summaries(world.scope, 0))
    assert [] == list(await stores.sessions.summaries(world.scope, []))
