"""The queue of sessions to process: leases, commits, failures, steps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from service.domain.ids import SessionId
from service.domain.ports.work import CommitOutcome, Job, QueueDepth
from service.domain.sessions import SessionFilter, SessionStatus
from service.storage.redis import RedisStores
from tests.conftest import Waiter
from tests.contract.stores.conftest import Opener
from tests.contract.stores.makers import ACME, FIRST_PAGE, World, chain, commit, new_user, put, summary, version

AT_ONCE = timedelta(0)
SHORT = timedelta(milliseconds=30)


@pytest.fixture
async def hasty(opener: Opener) -> AsyncIterator[RedisStores]:
    """Give stores on the same server whose leases run out soon."""
    async with opener(lease=SHORT) as stores:
        yield stores


async def reclaimed(stores: RedisStores, consumer: str, wait_until: Waiter[object]) -> Job:
    """Return the one job, once its lease ran out."""
    jobs: list[Job] = []

    async def claimed() -> bool:
        jobs.extend(await stores.jobs.claim(consumer, 10))
        return bool(jobs)

    await wait_until(claimed, "the lease ran out")
    (job,) = jobs
    return job


async def status(world: World, session_id: SessionId) -> SessionStatus:
    """Return where a session stands."""
    return (await world.stores.sessions.get(world.scope, session_id)).status


async def test_a_leased_job_is_claimed_by_nobody_else(world: World) -> None:
    """Nor again by the one who has it."""
    await world.job(consumer="w1")
    assert ([], []) == (await world.stores.jobs.claim("w2", 10), await world.stores.jobs.claim("w1", 10))


async def test_a_claim_takes_no_more_than_its_limit(world: World) -> None:
    """The rest waits for the next claim."""
    others = [World(world.stores, await world.stores.users.create(ACME, new_user(f"u{number}"))) for number in range(7)]
    for other in others:
        session = await other.session("x")
        await world.stores.sessions.start_processing(other.scope, session.session_id)
    sizes = [len(await world.stores.jobs.claim("w1", 3)) for _ in range(4)]
    assert [3, 3, 1, 0] == sizes


async def test_a_job_whose_lease_ran_out_is_claimed_again(world: World, hasty: RedisStores, wait_until: Waiter[object]) -> None:
    """As the next attempt; the commit of either is good, and the second is stale."""
    first = await world.job(consumer="dead")
    second = await reclaimed(hasty, "alive", wait_until)
    assert (first.session_id, first.generation, 2) == (second.session_id, second.generation, second.attempt)
    assert CommitOutcome.COMMITTED == await world.stores.jobs.commit(second, commit(chain()))
    assert CommitOutcome.STALE_JOB == await world.stores.jobs.commit(first, commit(chain(), revision=1))
    assert 1 == await world.stores.memories.revision(world.scope)


async def test_a_renewed_lease_lasts(world: World, hasty: RedisStores, wait_until: Waiter[object]) -> None:
    """Renewing starts the lease anew and is no attempt; who lost it is told so."""
    job = await world.job(consumer="w1")
    assert await hasty.jobs.renew("w1", job)
    assert not await hasty.jobs.renew("w2", job)
    again = await reclaimed(hasty, "w2", wait_until)
    assert 2 == again.attempt
    assert (False, True) == (await hasty.jobs.renew("w1", job), await hasty.jobs.renew("w2", again))


async def test_the_lease_of_an_ended_job_cannot_be_renewed(world: World) -> None:
    """There is nothing left to hold."""
    job = await world.job()
    await world.stores.jobs.commit(job, commit())
    assert not await world.stores.jobs.renew("w1", job)


async def test_a_commit_stores_everything_and_ends_the_job(world: World) -> None:
    """Memories, summary, status and time, index entries; the queue is empty."""
    job = await world.job("I like tea")
    before = await world.stores.sessions.get(world.scope, job.session_id)
    await world.drained_outbox()
    stored, told = chain(version(session_id=job.session_id)), summary(before)
    assert CommitOutcome.COMMITTED == await world.stores.jobs.commit(job, commit(stored, summary=told))
    after = await world.stores.sessions.get(world.scope, job.session_id)
    assert (SessionStatus.PROCESSED, before.generation) == (after.status, after.generation)
    assert after.processed_at is not None
    assert after.processed_at > before.last_active_at
    assert [stored] == (await world.stores.memories.chains(world.scope, [stored.chain_id]))
    assert [told] == await world.stores.sessions.summaries(world.scope, [job.session_id])
    assert {("memories", stored.chain_id), ("summaries", job.session_id)} == await world.drained_outbox()
    assert QueueDepth(jobs=0, outbox=0, dead=0) == await world.stores.jobs.depth()


async def test_a_session_can_bring_about_nothing(world: World) -> None:
    """Without memories and summary it is processed all the same."""
    job = await world.job()
    assert CommitOutcome.COMMITTED == await world.stores.jobs.commit(job, commit())
    assert (SessionStatus.PROCESSED, 0) == (
        await status(world, job.session_id),
        await world.stores.memories.revision(world.scope),
    )


async def test_the_commit_of_a_deleted_session_is_stale(world: World) -> None:
    """Nothing is written, and the job is gone."""
    job = await world.job()
    await world.stores.sessions.delete(world.scope, job.session_id, put())
    assert CommitOutcome.STALE_JOB == await world.stores.jobs.commit(job, commit(chain()))
    assert (0, 0) == (await world.stores.memories.revision(world.scope), (await world.stores.jobs.depth()).jobs)


async def test_the_commit_of_an_older_generation_is_stale(world: World) -> None:
    """A session that failed and was started anew is committed by its newest job alone."""
    old = await world.job()
    await world.stores.jobs.fail(old, "no", max_attempts=1, retry_after=AT_ONCE)
    await world.stores.sessions.start_processing(world.scope, old.session_id)
    assert CommitOutcome.STALE_JOB == await world.stores.jobs.commit(old, commit(chain()))
    (new,) = await world.stores.jobs.claim("w1", 10)
    assert old.generation + 1 == new.generation
    assert CommitOutcome.COMMITTED == await world.stores.jobs.commit(new, commit(chain()))


async def test_a_commit_from_older_memories_is_refused_and_can_be_repeated(world: World) -> None:
    """The job stays leased; decided again, the commit is good."""
    job = await world.job()
    await world.stores.memories.apply(world.scope, put(chain()))
    assert CommitOutcome.STALE_MEMORIES == await world.stores.jobs.commit(job, commit(chain(), revision=0))
    assert (SessionStatus.PROCESSING, 1) == (await status(world, job.session_id), (await world.stores.jobs.depth()).jobs)
    assert CommitOutcome.COMMITTED == await world.stores.jobs.commit(job, commit(chain(), revision=1))
    assert 2 == await world.stores.memories.revision(world.scope)


async def test_a_failed_job_is_tried_again_after_its_delay(world: World) -> None:
    """As the next attempt of the same generation; until then it waits."""
    job = await world.job()
    assert await world.stores.jobs.fail(job, "no", max_attempts=3, retry_after=AT_ONCE)
    assert ([], 1) == (await world.stores.jobs.claim("w1", 10), (await world.stores.jobs.depth()).jobs)
    assert 0 == await world.stores.jobs.fire_due_timers()
    (again,) = await world.stores.jobs.claim("w1", 10)
    assert (job.generation, 2, SessionStatus.PROCESSING) == (again.generation, again.attempt, await status(world, job.session_id))
    await world.stores.jobs.fail(again, "no", max_attempts=3, retry_after=timedelta(hours=1))
    await world.stores.jobs.fire_due_timers()
    assert [] == await world.stores.jobs.claim("w1", 10)


async def test_the_last_failure_makes_a_dead_letter(world: World) -> None:
    """With its error; the session is failed and can be processed again."""
    job = await world.job()
    for attempt in (1, 2):
        assert attempt == job.attempt
        left = await world.stores.jobs.fail(job, "the model said no", max_attempts=2, retry_after=AT_ONCE)
        assert (attempt < 2) == left
        await world.stores.jobs.fire_due_timers()
        if left:
            (job,) = await world.stores.jobs.claim("w1", 10)
    assert QueueDepth(jobs=0, outbox=1, dead=1) == await world.stores.jobs.depth()
    assert SessionStatus.FAILED == await status(world, job.session_id)
    dead = await world.stores.jobs.database.get("XRANGE", world.stores.jobs.keyspace.user(world.scope).bucket.dead, "-", "+")
    assert "the model said no" in str(dead)
    again = await world.stores.sessions.start_processing(world.scope, job.session_id)
    assert job.generation + 1 == again.generation


async def test_attempts_that_died_count_as_attempts(world: World, hasty: RedisStores, wait_until: Waiter[object]) -> None:
    """A job that kills its worker each time ends among the dead letters."""
    await world.job(consumer="dies")
    second = await reclaimed(hasty, "dies too", wait_until)
    assert not await hasty.jobs.fail(second, "no", max_attempts=2, retry_after=AT_ONCE)


async def test_a_failure_of_a_lost_lease_changes_nothing(world: World, hasty: RedisStores, wait_until: Waiter[object]) -> None:
    """The job is the new holder's, who can still commit it."""
    first = await world.job(consumer="slow")
    second = await reclaimed(hasty, "fast", wait_until)
    assert await world.stores.jobs.fail(first, "late", max_attempts=1, retry_after=AT_ONCE)
    assert SessionStatus.PROCESSING == await status(world, first.session_id)
    assert CommitOutcome.COMMITTED == await world.stores.jobs.commit(second, commit())


async def test_the_failure_of_a_deleted_session_is_harmless(world: World) -> None:
    """The session does not come back."""
    job = await world.job()
    await world.stores.sessions.delete(world.scope, job.session_id, put())
    await world.stores.jobs.fail(job, "no", max_attempts=1, retry_after=AT_ONCE)
    assert 0 == (await world.stores.sessions.list(world.scope, FIRST_PAGE, SessionFilter())).total
    assert [] == await world.stores.jobs.database.get("KEYS", f"*{job.session_id}*")


async def test_the_result_of_a_step_is_kept_for_its_generation(world: World) -> None:
    """Any bytes; another step or generation has none; it goes with the session."""
    job, jobs = await world.job(), world.stores.jobs
    await jobs.save_step(job, "extract", b"\x00\xff text")
    assert (b"\x00\xff text", None) == (await jobs.load_step(job, "extract"), await jobs.load_step(job, "summary"))
    await jobs.fail(job, "no", max_attempts=1, retry_after=AT_ONCE)
    await world.stores.sessions.start_processing(world.scope, job.session_id)
    (again,) = await jobs.claim("w1", 10)
    assert await jobs.load_step(again, "extract") is None
    await world.stores.sessions.delete(world.scope, job.session_id, put())
    assert await jobs.load_step(job, "extract") is None


async def test_a_kept_step_expires_within_a_day(world: World) -> None:
    """It is no truth, only saved work."""
    job = await world.job()
    await world.stores.jobs.save_step(job, "extract", b"x")
    keys = world.stores.jobs.keyspace.user(world.scope)
    left = await world.stores.jobs.database.get("TTL", keys.steps(job.session_id))
    assert 86390 < left <= 86400


async def test_two_workers_share_the_queue(world: World) -> None:
    """Each job goes to exactly one of them."""
    for number in range(12):
        other = World(world.stores, await world.stores.users.create(ACME, new_user(f"u{number}")))
        session = await other.session("x")
        await world.stores.sessions.start_processing(other.scope, session.session_id)
    claimed = []
    for consumer in ("w1", "w2") * 4:
        claimed += [job.session_id for job in await world.stores.jobs.claim(consumer, 2)]
    assert (12, 12) == (len(claimed), len(set(claimed)))


async def test_a_deleted_user_leaves_the_jobs_of_others(world: World) -> None:
    """Its own job is stale, theirs are claimed as ever."""
    job = await world.job()
    other = World(world.stores, await world.stores.users.create(ACME, new_user("ben")))
    kept = await other.session("x")
    await world.stores.sessions.start_processing(other.scope, kept.session_id)
    await world.stores.users.delete(ACME, world.user.user_id)
    assert CommitOutcome.STALE_JOB == await world.stores.jobs.commit(job, commit())
    assert [kept.session_id] == [found.session_id for found in await world.stores.jobs.claim("w1", 10)]
