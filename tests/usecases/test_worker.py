"""The worker's loops."""

from __future__ import annotations

from datetime import timedelta

import structlog
from prometheus_client import CollectorRegistry

from service.domain.sessions import SessionStatus
from service.usecases.processing.process_session import ProcessSession
from service.worker import Worker, WorkerMetrics, WorkerOptions, working
from tests.conftest import FakeClock, Waiter
from tests.usecases.world import Watched, World


def worker_of(world: World, process_session: ProcessSession, registry: CollectorRegistry) -> Worker:
    """Return a worker that tries everything once."""
    return Worker(
        jobs=world.application.stores.jobs,
        process_session=process_session,
        settle_conflict=world.application.settle_conflict,
        sync_index=world.application.sync_index,
        sync_bulk=world.application.sync_bulk,
        apply_retention=world.application.apply_retention,
        deliveries=world.application.stores.deliveries,
        deliver_event=world.application.deliver_event,
        expire_deliveries=world.application.expire_deliveries,
        clock=world.application.clock,
        log=structlog.get_logger("test"),
        metrics=WorkerMetrics(registry),
        options=WorkerOptions(concurrency=2, max_attempts=1),
    )


async def test_a_session_that_cannot_be_processed_has_failed(world: World, clock: FakeClock, wait_until: Waiter[object]) -> None:
    """After the last attempt, and can be processed again; others are processed meanwhile."""

    class Choking(Watched):
        async def step_in(self) -> None:
            raise RuntimeError("no such model")

    bad, empty = await world.say("I adopted a dog named Rex."), await world.say()
    for session_id in (bad, empty):
        await world.application.sessions.process(world.project_id, world.user.user_id, session_id)
    sessions, registry = world.application.stores.sessions, CollectorRegistry()

    async def statuses() -> bool:
        found = [(await sessions.get(world.scope, session_id)).status for session_id in (bad, empty)]
        return found == [SessionStatus.FAILED, SessionStatus.PROCESSED]

    async with working(worker_of(world, world.processor(Choking(world), clock), registry), grace=timedelta(seconds=5)):
        await wait_until(statuses, "one session failed and the other is processed")
    assert 1 == (await world.application.stores.jobs.depth()).dead
    assert 1 == registry.get_sample_value("mneme_job_seconds_count", {"outcome": "failed"})
    await world.process(bad)
    assert SessionStatus.PROCESSED == (await sessions.get(world.scope, bad)).status


async def test_a_worker_that_stops_finishes_what_it_began(world: World, clock: FakeClock) -> None:
    """The session that is being worked on is committed before the worker is gone."""
    worker: Worker

    class Stopping(Watched):
        async def step_in(self) -> None:
            worker.stop()

    session_id = await world.say("I adopted a dog named Rex.")
    await world.application.sessions.process(world.project_id, world.user.user_id, session_id)
    worker = worker_of(world, world.processor(Stopping(world), clock), CollectorRegistry())
    await worker.run()
    assert SessionStatus.PROCESSED == (await world.application.stores.sessions.get(world.scope, session_id)).status


async def test_the_worker_keeps_the_index_up_to_date(world: World, wait_until: Waiter[object]) -> None:
    """Nobody has to ask for it."""
    await world.say("I adopted a dog named Rex.")
    worker = worker_of(world, world.application.process_session, CollectorRegistry())

    async def done() -> bool:
        return (await world.application.stores.jobs.depth()).outbox == 0

    async with working(worker, grace=timedelta(seconds=5)):
        await wait_until(done, "the outbox is empty")
