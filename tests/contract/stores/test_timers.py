"""Inactivity timers."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from service.domain.sessions import SessionStatus
from service.storage.redis import RedisStores, open_stores
from tests.conftest import Waiter
from tests.contract.servers import Server
from tests.contract.stores.conftest import BUCKETS, Opener
from tests.contract.stores.makers import ACME, World, new_session, new_user, said

AT_ONCE = timedelta(0)
SOON = timedelta(milliseconds=200)


async def test_a_due_timer_makes_a_job(world: World) -> None:
    """The session is processing, of a new generation, and fires no second time."""
    session = await world.session("x", after=AT_ONCE)
    assert (1, 0) == (await world.stores.jobs.fire_due_timers(), await world.stores.jobs.fire_due_timers())
    (job,) = await world.stores.jobs.claim("w1", 10)
    after = await world.stores.sessions.get(world.scope, session.session_id)
    assert (SessionStatus.PROCESSING, session.generation + 1) == (after.status, after.generation)
    assert (world.scope, session.session_id, after.generation) == (job.scope, job.session_id, job.generation)


async def test_a_timer_that_is_not_due_waits(world: World) -> None:
    """The session stays pending."""
    session = await world.session("x", after=timedelta(minutes=10))
    assert 0 == await world.stores.jobs.fire_due_timers()
    assert session == await world.stores.sessions.get(world.scope, session.session_id)


async def test_an_empty_session_never_fires(world: World) -> None:
    """Its timer is armed by its first message."""
    opened = await world.stores.sessions.create(world.scope, new_session(after=AT_ONCE))
    assert 0 == await world.stores.jobs.fire_due_timers()
    await world.stores.sessions.add_messages(world.scope, opened.session_id, said("x"))
    assert 1 == await world.stores.jobs.fire_due_timers()


async def test_a_session_without_a_timer_never_fires(world: World) -> None:
    """None means that it is processed by request alone."""
    await world.session("x", after=None)
    assert 0 == await world.stores.jobs.fire_due_timers()


async def test_a_session_with_a_start_in_the_past_is_timed_by_the_present(world: World) -> None:
    """Its custom time has nothing to do with silence."""
    opened = new_session(after=timedelta(minutes=10), created_at=world.user.created_at - timedelta(days=900))
    session = await world.stores.sessions.create(world.scope, opened)
    await world.stores.sessions.add_messages(world.scope, session.session_id, said("x"))
    assert 0 == await world.stores.jobs.fire_due_timers()


async def test_each_message_restarts_the_timer(world: World, wait_until: Waiter[object]) -> None:
    """It fires once, the whole span after the last message."""
    session = await world.session("x", after=SOON)
    (message,) = await world.stores.sessions.add_messages(world.scope, session.session_id, said("y"))

    async def fired() -> bool:
        return await world.stores.jobs.fire_due_timers() == 1

    await wait_until(fired, "the timer fired")
    seconds, micros = await world.stores.jobs.database.get("TIME")
    assert int(seconds) + int(micros) / 1e6 >= message.timestamp.timestamp() + SOON.total_seconds()
    assert 0 == await world.stores.jobs.fire_due_timers()


async def test_a_session_that_is_processed_by_request_does_not_fire(world: World) -> None:
    """Its timer goes with the start."""
    session = await world.session("x", after=AT_ONCE)
    await world.stores.sessions.start_processing(world.scope, session.session_id)
    assert 0 == await world.stores.jobs.fire_due_timers()


async def test_timers_of_all_buckets_fire(stores: RedisStores) -> None:
    """More than one batch of one bucket, too."""
    for number in range(3):
        world = World(stores, await stores.users.create(ACME, new_user(f"u{number}")))
        await asyncio.gather(*(world.session("x", after=AT_ONCE) for _ in range(120)))
    assert 360 == await stores.jobs.fire_due_timers()


async def test_racing_workers_fire_each_timer_once(world: World, opener: Opener) -> None:
    """Each session gets one job."""
    await asyncio.gather(*(world.session("x", after=AT_ONCE) for _ in range(30)))
    async with opener() as other:
        fired = await asyncio.gather(*(stores.jobs.fire_due_timers() for stores in (world.stores, other, world.stores, other)))
    assert (30, 30) == (sum(fired), (await world.stores.jobs.depth()).jobs)


async def test_a_timer_that_fell_due_while_everything_was_down_fires_on_start(lone_server: Server) -> None:
    """The server was killed and started again in between."""
    async with open_stores(lone_server.url, buckets=BUCKETS) as stores:
        world = World(stores, await stores.users.create(ACME, new_user()))
        session = await world.session("x", after=AT_ONCE)
    lone_server.kill()
    lone_server.start()
    async with open_stores(lone_server.url, buckets=BUCKETS) as stores:
        assert 1 == await stores.jobs.fire_due_timers()
        (job,) = await stores.jobs.claim("w1", 10)
    assert session.session_id == job.session_id
