"""Deleting a user with everything that belongs to it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from service.domain.errors import ConcurrentChange, SessionNotFound, UserNotFound
from service.domain.ids import ProjectId, UserId
from service.domain.memories import Source
from service.domain.ports.work import CommitOutcome, IndexedKind
from service.domain.sessions import SessionFilter
from service.domain.users import UserUpdate
from service.storage.redis.intents import BATCH
from service.storage.redis.keys import ProjectKeys
from tests.contract.stores.conftest import Client
from tests.contract.stores.makers import (
    ACME,
    FIRST_PAGE,
    World,
    chain,
    commit,
    new_session,
    new_user,
    project,
    put,
    said,
    summary,
)

ANN = UserId("ann")


async def fill(world: World) -> None:
    """Give the user something under every kind of key."""
    stores, scope = world.stores, world.scope
    job = await world.job("hello")
    await stores.jobs.save_step(job, "extract", b"x")
    session = await stores.sessions.get(scope, job.session_id)
    await stores.jobs.commit(job, commit(chain(), summary=summary(session)))
    job = await world.job("again")
    await stores.jobs.fail(job, "no", max_attempts=9, retry_after=timedelta(0))
    await world.session("pending", metadata={"a": 1})
    opened = await stores.sessions.create(scope, new_session(), idempotency_key="k")
    await stores.sessions.add_messages(scope, opened.session_id, said("x"), idempotency_key="k")


async def test_nothing_is_left_of_a_deleted_user(world: World, client: Client) -> None:
    """No key names its uuid, its id is free, and no list, timer or intent knows it."""
    await fill(world)
    named = [key async for key in client.scan_iter(f"*{world.scope.user_key}*")]
    await world.stores.users.delete(ACME, ANN)
    assert len(named) > 20
    assert [] == [key async for key in client.scan_iter(f"*{world.scope.user_key}*")]
    assert [] == [key async for key in client.scan_iter("mneme:claim:*")]
    assert 0 == await client.zcard(ProjectKeys(ACME).users)
    bucket = world.stores.users.keyspace.user(world.scope).bucket
    assert [0, 0] == [await client.zcard(bucket.timers), await client.zcard(bucket.intents)]


async def test_a_user_with_many_sessions_goes_in_batches(world: World, client: Client) -> None:
    """More sessions and kept answers than one script removes are all removed."""
    keys = (f"k{number}" for number in range(BATCH + 50))
    await asyncio.gather(*(world.stores.sessions.create(world.scope, new_session(), idempotency_key=key) for key in keys))
    await world.stores.users.delete(ACME, ANN)
    assert [] == [key async for key in client.scan_iter(f"*{world.scope.user_key}*")]


async def test_the_index_is_told_to_drop_everything(world: World) -> None:
    """One entry for each kind, with an empty record id."""
    await world.drained_outbox()
    await world.stores.users.delete(ACME, ANN)
    entries = await world.stores.outbox.claim("w1", 10)
    assert {(world.scope, kind, "") for kind in IndexedKind} == {(entry.scope, entry.kind, entry.record_id) for entry in entries}


async def test_a_deleted_user_is_not_found(world: World) -> None:
    """Neither by id nor in the list."""
    await world.stores.users.delete(ACME, ANN)
    with pytest.raises(UserNotFound):
        await world.stores.users.get(ACME, ANN)
    with pytest.raises(UserNotFound):
        await world.stores.users.delete(ACME, ANN)
    assert ([], 0) == ((page := await world.stores.users.list(ACME, FIRST_PAGE)).items, page.total)


async def test_a_stale_scope_reaches_nothing(world: World, client: Client) -> None:
    """Reads find nothing, writes are refused and leave nothing behind."""
    session = await world.session("hello")
    sessions, memories, scope = world.stores.sessions, world.stores.memories, world.scope
    await world.stores.users.delete(ACME, ANN)
    with pytest.raises(SessionNotFound):
        await sessions.get(scope, session.session_id)
    with pytest.raises(SessionNotFound):
        await sessions.add_messages(scope, session.session_id, said("late"))
    with pytest.raises(SessionNotFound):
        await sessions.messages(scope, session.session_id, FIRST_PAGE)
    with pytest.raises(ConcurrentChange):
        await sessions.create(scope, new_session())
    with pytest.raises(ConcurrentChange):
        await memories.apply(scope, put(chain()))
    assert [None] == await sessions.messages_at(scope, [Source(session_id=session.session_id, message_index=0)])
    assert [] == (await sessions.list(scope, FIRST_PAGE, SessionFilter())).items
    assert [] == [key async for key in client.scan_iter(f"*{scope.user_key}*")]


async def test_a_job_of_a_deleted_user_is_stale(world: World, client: Client) -> None:
    """Its commit writes nothing, its steps are not kept, and the queue is empty."""
    job = await world.job()
    await world.stores.users.delete(ACME, ANN)
    await world.stores.jobs.save_step(job, "extract", b"x")
    assert CommitOutcome.STALE_JOB == await world.stores.jobs.commit(job, commit(chain()))
    assert 0 == (await world.stores.jobs.depth()).jobs
    assert [] == [key async for key in client.scan_iter(f"*{world.scope.user_key}*")]


async def test_a_queued_job_of_a_deleted_user_is_never_claimed(world: World) -> None:
    """It is removed from the queue instead."""
    session = await world.session("hello")
    await world.stores.sessions.start_processing(world.scope, session.session_id)
    await world.stores.users.delete(ACME, ANN)
    assert [] == await world.stores.jobs.claim("w1", 10)
    assert 0 == (await world.stores.jobs.depth()).jobs


async def test_an_id_can_be_used_again_at_once(world: World) -> None:
    """The new user has a scope of its own and sees nothing of the old one."""
    await fill(world)
    await world.stores.users.delete(ACME, ANN)
    again = await world.stores.users.create(ACME, new_user())
    assert again.scope != world.scope
    assert 0 == (await world.stores.sessions.list(again.scope, FIRST_PAGE, SessionFilter())).total


async def test_a_repeated_create_after_the_deletion_makes_a_new_user(world: World) -> None:
    """The first answer went with the user that it was about."""
    first = await world.stores.users.create(ACME, new_user("ben"), idempotency_key="k")
    await world.stores.users.delete(ACME, UserId("ben"))
    again = await world.stores.users.create(ACME, new_user("ben"), idempotency_key="k")
    assert first.scope != again.scope


async def test_a_renamed_user_can_be_deleted(world: World, client: Client) -> None:
    """Both its ids are free then."""
    await world.stores.users.update(ACME, ANN, UserUpdate(new_user_id=UserId("ben")))
    await world.stores.users.delete(ACME, UserId("ben"))
    assert [] == [key async for key in client.scan_iter("mneme:claim:*")]


async def test_of_racing_deletions_one_finds_the_user(world: World) -> None:
    """The others do not find it."""
    results = await asyncio.gather(*(world.stores.users.delete(ACME, ANN) for _ in range(5)), return_exceptions=True)
    assert (1, 4) == (results.count(None), sum(isinstance(result, UserNotFound) for result in results))


async def test_other_users_keep_everything(world: World) -> None:
    """A deletion touches one user."""
    ben = World(world.stores, await world.stores.users.create(ACME, new_user("ben")))
    await fill(ben)
    before = await world.stores.sessions.list(ben.scope, FIRST_PAGE, SessionFilter())
    await world.stores.users.delete(ACME, ANN)
    assert before == await world.stores.sessions.list(ben.scope, FIRST_PAGE, SessionFilter())
    assert 1 == (await world.stores.memories.revision(ben.scope))


async def test_an_emptied_project_is_reindexed_as_empty(world: World) -> None:
    """There is no record left to queue."""
    await world.stores.projects.create(project(ProjectId(ACME)))
    await fill(world)
    await world.stores.users.delete(ACME, ANN)
    assert 0 == await world.stores.outbox.enqueue_all()
