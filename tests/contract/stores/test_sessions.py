"""Sessions: open, resume, list, update, delete, process."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from service.domain.errors import ConcurrentChange, SessionNotFound, SessionNotProcessable
from service.domain.ids import SessionId
from service.domain.memories import MemoryChange
from service.domain.sessions import SessionFilter, SessionStatus
from service.domain.values import PageRequest
from tests.contract.stores.makers import (
    ACME,
    DAY,
    FIRST_PAGE,
    PAST,
    World,
    chain,
    commit,
    new_session,
    put,
    said,
    summary,
    version,
)

HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)
NO_ID = SessionId("00000000-0000-4000-8000-000000000000")


async def test_a_session_comes_back_as_it_was_opened(world: World) -> None:
    """What create returns is what get returns; the user is marked as active."""
    opened = await world.stores.sessions.create(world.scope, new_session({"a": [1, {"b": None}]}, after=None))
    assert opened == await world.stores.sessions.get(world.scope, opened.session_id)
    user = await world.stores.users.get(ACME, world.user.user_id)
    assert opened.created_at == opened.last_active_at == user.last_active_at > user.created_at


async def test_a_session_can_have_a_start_of_its_own(world: World) -> None:
    """The custom time is kept to the microsecond; the activity is now."""
    opened = await world.stores.sessions.create(world.scope, new_session(created_at=PAST))
    assert (PAST, True) == (opened.created_at, opened.custom_created_at)
    assert opened.last_active_at > world.user.created_at
    assert opened == await world.stores.sessions.get(world.scope, opened.session_id)


async def test_an_unknown_session_is_not_found(world: World) -> None:
    """Nothing can be done with a session that does not exist."""
    sessions, scope = world.stores.sessions, world.scope
    calls = [
        sessions.get(scope, NO_ID),
        sessions.update(scope, NO_ID, {}),
        sessions.delete(scope, NO_ID, put()),
        sessions.add_messages(scope, NO_ID, said("x")),
        sessions.add_messages(scope, NO_ID, []),
        sessions.messages(scope, NO_ID, FIRST_PAGE),
        sessions.start_processing(scope, NO_ID),
    ]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [SessionNotFound] * len(calls) == [type(result) for result in results]


async def test_sessions_are_listed_newest_first(world: World) -> None:
    """By their own time, so a session with a custom start stands where it belongs."""
    now = await world.stores.sessions.create(world.scope, new_session())
    old = await world.stores.sessions.create(world.scope, new_session(created_at=PAST))
    older = await world.stores.sessions.create(world.scope, new_session(created_at=PAST - DAY))
    page = await world.stores.sessions.list(world.scope, PageRequest(offset=0, limit=2), SessionFilter())
    assert ([now, old], 3) == (page.items, page.total)
    rest = await world.stores.sessions.list(world.scope, PageRequest(offset=2, limit=2), SessionFilter())
    assert [older] == rest.items


async def test_sessions_are_filtered_by_status_and_metadata(world: World) -> None:
    """Both must hold; total counts what matches."""
    red = await world.session("x", metadata={"colour": "red", "n": 1})
    blue = await world.session("x", metadata={"colour": "blue"})
    await world.stores.sessions.start_processing(world.scope, red.session_id)

    async def found(**about: object) -> list[SessionId]:
        page = await world.stores.sessions.list(world.scope, FIRST_PAGE, SessionFilter(**about))  # type: ignore[arg-type] # as given
        assert len(page.items) == page.total
        return [session.session_id for session in page.items]

    assert [blue.session_id] == await found(statuses=frozenset({SessionStatus.PENDING}))
    assert [red.session_id] == await found(metadata={"colour": "red"})
    assert [] == await found(statuses=frozenset({SessionStatus.PENDING}), metadata={"colour": "red"})
    assert 2 == len(await found(statuses=frozenset({SessionStatus.PENDING, SessionStatus.PROCESSING})))


async def test_metadata_can_be_replaced_in_any_status(world: World) -> None:
    """Nothing else of the session changes."""
    job = await world.job()
    before = await world.stores.sessions.get(world.scope, job.session_id)
    after = await world.stores.sessions.update(world.scope, job.session_id, {"new": True})
    assert {"new": True} == after.metadata
    assert (before.status, before.generation, before.last_active_at) == (after.status, after.generation, after.last_active_at)


async def test_resume_returns_the_newest_session_that_was_active_lately(world: World) -> None:
    """Nothing is opened then."""
    await world.session("first")
    second = await world.session("second")
    found, opened = await world.stores.sessions.resume(world.scope, HOUR, new_session())
    assert (second, False) == (found, opened)


async def test_resume_opens_a_session_when_none_was_active(world: World) -> None:
    """A pending session that has been silent for longer than the span does not count."""
    first = await world.session("first")
    found, opened = await world.stores.sessions.resume(world.scope, timedelta(microseconds=1), new_session({"a": 1}))
    assert (True, {"a": 1}) == (opened, found.metadata)
    assert first.session_id != found.session_id
    assert found == await world.stores.sessions.get(world.scope, found.session_id)


async def test_resume_does_not_return_a_session_that_is_no_longer_pending(world: World) -> None:
    """One that is being processed takes no messages."""
    job = await world.job()
    found, opened = await world.stores.sessions.resume(world.scope, HOUR, new_session())
    assert opened
    assert job.session_id != found.session_id


async def test_resume_can_go_by_the_times_of_the_messages(world: World) -> None:
    """From the timeout before a session's start to the timeout after its newest message, whenever they arrived."""
    sessions, scope = world.stores.sessions, world.scope
    first = await sessions.create(scope, new_session(created_at=PAST))
    await sessions.add_messages(scope, first.session_id, [replace(said("x")[0], timestamp=PAST + DAY)])
    spoken = [-HOUR, timedelta(0), DAY / 2, DAY + HOUR]
    found = [await sessions.resume(scope, HOUR, new_session(), at=PAST + span) for span in spoken]
    assert [(first.session_id, False)] * len(spoken) == [(session.session_id, created) for session, created in found]
    for span in (-HOUR * 2, DAY + HOUR * 2):
        assert (await sessions.resume(scope, HOUR, new_session(created_at=PAST + span), at=PAST + span))[1]


async def test_resume_by_time_finds_a_session_without_messages(world: World) -> None:
    """So that two first messages at once open one session."""
    results = await asyncio.gather(
        *(world.stores.sessions.resume(world.scope, HOUR, new_session(created_at=PAST), at=PAST) for _ in range(10))
    )
    assert (1, 1) == (len({session.session_id for session, _ in results}), sum(opened for _, opened in results))


async def test_racing_resumes_share_one_session(world: World) -> None:
    """Exactly one of them opens it."""
    results = await asyncio.gather(*(world.stores.sessions.resume(world.scope, HOUR, new_session()) for _ in range(10)))
    assert (1, 1) == (len({session.session_id for session, _ in results}), sum(opened for _, opened in results))


async def test_processing_raises_the_generation_and_queues_a_job(world: World) -> None:
    """The job carries the generation of the session."""
    session = await world.session("x")
    started = await world.stores.sessions.start_processing(world.scope, session.session_id)
    assert (SessionStatus.PROCESSING, session.generation + 1) == (started.status, started.generation)
    (job,) = await world.stores.jobs.claim("w1", 10)
    assert (started.session_id, started.generation, world.scope, 1) == (job.session_id, job.generation, job.scope, job.attempt)


async def test_a_session_is_processed_once(world: World) -> None:
    """Neither while it is being processed nor afterwards."""
    job = await world.job()
    with pytest.raises(SessionNotProcessable) as processing:
        await world.stores.sessions.start_processing(world.scope, job.session_id)
    await world.stores.jobs.commit(job, commit())
    with pytest.raises(SessionNotProcessable) as processed:
        await world.stores.sessions.start_processing(world.scope, job.session_id)
    assert ["processing", "processed"] == [error.value.metadata["status"] for error in (processing, processed)]


async def test_of_racing_starts_exactly_one_wins(world: World) -> None:
    """One job is queued."""
    session = await world.session("x")
    starts = (world.stores.sessions.start_processing(world.scope, session.session_id) for _ in range(10))
    results = await asyncio.gather(*starts, return_exceptions=True)
    assert 9 == sum(isinstance(result, SessionNotProcessable) for result in results)
    assert 1 == (await world.stores.jobs.depth()).jobs


async def test_a_deleted_session_is_gone_with_all_its_parts(world: World) -> None:
    """Its messages, its summary and its place in every list."""
    job = await world.job("hello")
    session = await world.stores.sessions.get(world.scope, job.session_id)
    await world.stores.jobs.commit(job, commit(summary=summary(session)))
    await world.stores.sessions.delete(world.scope, session.session_id, put())
    sessions, scope = world.stores.sessions, world.scope
    assert 0 == (await sessions.list(scope, FIRST_PAGE, SessionFilter())).total
    assert ([], [], [None]) == (
        await sessions.recent_messages(scope, 10),
        await sessions.recent_summaries(scope, 10),
        await sessions.summaries(scope, [session.session_id]),
    )
    assert [] == await sessions.database.get("KEYS", f"*{session.session_id}*")


async def test_deleting_a_session_changes_its_memories_in_the_same_step(world: World) -> None:
    """Dropped chains are gone, changed ones are changed, and the index is told of all."""
    session = await world.session("hello")
    kept, dropped = chain(version(), version(session_id=session.session_id)), chain(version(session_id=session.session_id))
    await world.stores.memories.apply(world.scope, put(kept, dropped))
    await world.drained_outbox()
    left = kept.without(frozenset({kept.current.memory_id}))
    assert left is not None
    change = MemoryChange(revision=1, put=(left,), drop=(dropped.chain_id,))
    await world.stores.sessions.delete(world.scope, session.session_id, change)
    assert [left, None] == await world.stores.memories.chains(world.scope, [kept.chain_id, dropped.chain_id])
    assert 2 == await world.stores.memories.revision(world.scope)
    told = {("turns", f"{session.session_id}:*"), ("summaries", session.session_id)}
    assert told | {("memories", kept.chain_id), ("memories", dropped.chain_id)} == await world.drained_outbox()


async def test_a_session_is_not_deleted_when_the_memories_moved_on(world: World) -> None:
    """Neither the session nor the memories change."""
    session = await world.session("hello")
    await world.stores.memories.apply(world.scope, put(chain()))
    with pytest.raises(ConcurrentChange):
        await world.stores.sessions.delete(world.scope, session.session_id, put(chain(), revision=0))
    assert session == await world.stores.sessions.get(world.scope, session.session_id)
    assert 1 == await world.stores.memories.revision(world.scope)


async def test_the_timer_of_a_deleted_session_never_fires(world: World) -> None:
    """It goes with the session."""
    session = await world.session("hello", after=timedelta(0))
    await world.stores.sessions.delete(world.scope, session.session_id, put())
    assert 0 == await world.stores.jobs.fire_due_timers()


async def test_activity_keeps_a_session_resumable(world: World) -> None:
    """A message counts as activity, so the session outlives the span."""
    sessions, session = world.stores.sessions, await world.session("hello")
    # as if it had been silent for longer than the span
    await sessions.database.get(
        "ZINCRBY", sessions.keyspace.user(world.scope).pending, -2 * HOUR // MICROSECOND, session.session_id
    )
    other, opened = await sessions.resume(world.scope, HOUR, new_session())
    assert opened
    await sessions.delete(world.scope, other.session_id, put())
    await sessions.add_messages(world.scope, session.session_id, said("I am back"))
    found, opened = await sessions.resume(world.scope, HOUR, new_session())
    assert (session.session_id, False) == (found.session_id, opened)
