"""Processing a session: exactly once, whatever happens, and nothing twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from service.domain.errors import ConcurrentChange
from service.domain.memories import MemoryChange, VersionReason
from service.domain.ports.work import CommitOutcome, Job
from service.domain.sessions import SessionStatus
from service.usecases.processing.merge import Origin
from tests.conftest import FakeClock
from tests.usecases.world import Watched, World

DOG = "I adopted a dog named Rex."
CELLO = "My brother Tom plays the cello in an orchestra."


async def test_a_session_becomes_memories_and_a_summary(world: World, clock: FakeClock) -> None:
    """Each memory knows its message, and was created when it was written down."""
    session_id = await world.remember(DOG, CELLO)
    chains = await world.chains()
    assert {0, 1} == {source.message_index for chain in chains for source in chain.current.sources}
    assert {session_id} == {source.session_id for chain in chains for source in chain.current.sources}
    assert {clock.now()} == {chain.current.created_at for chain in chains}
    (summary,) = await world.application.stores.sessions.summaries(world.scope, [session_id])
    assert summary is not None
    assert 2 == summary.message_count
    session = await world.application.stores.sessions.get(world.scope, session_id)
    assert SessionStatus.PROCESSED == session.status


async def test_a_job_done_twice_counts_once(world: World) -> None:
    """The second time it is stale, and nothing changes."""
    job = await world.start(await world.say(DOG))
    assert CommitOutcome.COMMITTED == await world.application.process_session(job)
    chains, revision = await world.chains(), await world.application.stores.memories.revision(world.scope)
    assert CommitOutcome.STALE_JOB == await world.application.process_session(job)
    assert (chains, revision) == (await world.chains(), await world.application.stores.memories.revision(world.scope))


async def test_the_job_of_a_deleted_session_is_dropped(world: World) -> None:
    """It leaves neither memories nor a job behind."""
    session_id = await world.say(DOG)
    job = await world.start(session_id)
    await world.forget_session(session_id)
    assert CommitOutcome.STALE_JOB == await world.application.process_session(job)
    assert [] == list(await world.chains())
    assert 0 == (await world.application.stores.jobs.depth()).jobs


async def test_a_session_deleted_while_it_is_read_leaves_nothing(world: World, clock: FakeClock) -> None:
    """The commit is refused."""
    session_id = await world.say(DOG)

    class Deleting(Watched):
        async def step_in(self) -> None:
            await world.forget_session(session_id)

    outcome = await world.processor(Deleting(world), clock)(await world.start(session_id))
    assert CommitOutcome.STALE_JOB == outcome
    assert [] == list(await world.chains())


async def test_a_job_of_an_older_generation_is_dropped(world: World) -> None:
    """A session that failed and was started again is for the new job alone."""
    session_id = await world.say(DOG)
    old = await world.start(session_id)
    await world.application.stores.jobs.fail(old, "test", max_attempts=1, retry_after=timedelta())
    new = await world.start(session_id)
    assert CommitOutcome.STALE_JOB == await world.application.process_session(old)
    assert CommitOutcome.COMMITTED == await world.application.process_session(new)


async def test_a_crash_between_the_steps_does_not_repeat_the_reading(world: World, clock: FakeClock) -> None:
    """The extraction is kept, so the next attempt decides alone, and gives its memories the same ids."""

    class Crashing(Watched):
        async def step_in(self) -> None:
            raise RuntimeError("the power is gone")

    session_id = await world.say(DOG, CELLO)
    job = await world.start(session_id)
    crashing, working = Crashing(world), Watched(world)
    with pytest.raises(RuntimeError):
        await world.processor(crashing, clock)(job)
    assert CommitOutcome.COMMITTED == await world.processor(working, clock)(job)
    assert (1, 0) == (crashing.extractions, working.extractions)
    assert working.decisions > 0


async def test_ids_depend_on_the_job_alone(world: World, clock: FakeClock) -> None:
    """Two attempts that both reach the commit would commit the same memories."""
    session_id = await world.say(DOG, CELLO)
    job = await world.start(session_id)
    changes: list[MemoryChange] = []

    class Keeping(Watched):
        async def step_in(self) -> None:
            clock.advance(timedelta(minutes=1))

    for _ in range(2):
        processor = world.processor(Keeping(world), clock)
        extraction = await processor._extraction(job, await world.application.stores.sessions.get(world.scope, session_id))
        changes.append(await processor._planner(job.scope, _origin(job, clock), extraction.candidates, company=lambda _: True))
    first, second = ([(chain.chain_id, chain.current.memory_id) for chain in change.put] for change in changes)
    assert first == second


async def test_a_decision_about_older_memories_is_made_anew(world: World, clock: FakeClock) -> None:
    """A memory that goes while a session is compared with it does not come back."""
    await world.remember(DOG)
    (old,) = await world.chains()
    session_id = await world.say(DOG)

    class Racing(Watched):
        async def step_in(self) -> None:
            if self.decisions == 1:
                memories = world.application.memory
                await memories.delete(world.project_id, world.user.user_id, old.current.memory_id, with_older=True)

    racing = Racing(world)
    assert CommitOutcome.COMMITTED == await world.processor(racing, clock)(await world.start(session_id))
    (new,) = await world.chains()
    assert (1, 2) == (racing.extractions, racing.decisions)
    assert old.chain_id != new.chain_id
    assert {session_id} == {source.session_id for source in new.current.sources}


async def test_deciding_anew_has_an_end(world: World, clock: FakeClock) -> None:
    """When others change the memories every time, the attempt fails and the job stays."""
    await world.remember(CELLO)
    session_id = await world.say(DOG)

    class Unlucky(Watched):
        async def step_in(self) -> None:
            memories = world.application.stores.memories
            revision = await memories.revision(world.scope)
            await memories.apply(world.scope, MemoryChange(revision=revision, put=tuple(await world.chains())))

    with pytest.raises(ConcurrentChange):
        await world.processor(Unlucky(world), clock)(await world.start(session_id))
    assert 1 == (await world.application.stores.jobs.depth()).jobs


@pytest.mark.parametrize("indexed", [True, False], ids=["indexed", "not indexed yet"])
async def test_what_is_said_in_ten_sessions_is_one_memory(world: World, *, indexed: bool) -> None:
    """With ten sources, also when the index has not caught up with any of them."""
    sessions = []
    for _ in range(10):
        sessions.append(await world.remember(DOG))
        if indexed:
            await world.sync()
    (chain,) = await world.chains()
    assert 1 == len(chain.versions)
    assert set(sessions) == {source.session_id for source in chain.current.sources}


async def test_what_is_said_twice_in_a_session_is_one_memory(world: World) -> None:
    """With both messages as sources."""
    await world.remember(DOG, CELLO, DOG)
    chain = next(chain for chain in await world.chains() if "Rex" in chain.current.content)
    assert [0, 2] == sorted(source.message_index for source in chain.current.sources)
    assert 2 == len(await world.chains())


async def test_a_change_over_time_keeps_what_was(world: World, clock: FakeClock) -> None:
    """The new statement is current, the old one expired when it came."""
    await world.remember("I live in Lisbon.")
    clock.advance(timedelta(days=30))
    await world.remember("I moved, I live in Porto now.")
    (chain,) = await world.chains()
    old, new = chain.versions
    assert ("Lisbon" in old.content, "Porto" in new.content) == (True, True)
    assert (clock.now(), clock.now(), None) == (old.expired_at, new.created_at, new.expired_at)
    assert VersionReason.TEMPORAL_CONFLICT == new.reason


async def test_imported_history_is_put_in_its_order(world: World) -> None:
    """A session of an earlier time that is processed later does not overrule what is known of the time after it."""
    early, late = datetime(2021, 1, 1, tzinfo=UTC), datetime(2023, 1, 1, tzinfo=UTC)
    await world.remember("I moved, I live in Porto now.", at=late)
    await world.remember("I live in Lisbon.", at=early)
    (chain,) = await world.chains()
    assert ["Lisbon" in version.content for version in chain.versions] == [True, False]
    assert [early, late] == [version.created_at for version in chain.versions]
    assert [late, None] == [version.expired_at for version in chain.versions]
    assert VersionReason.INITIAL_MEMORY == chain.versions[0].reason


async def test_memories_that_name_the_same_are_connected(world: World) -> None:
    """Both ways."""
    await world.remember("My brother Tom plays the cello in an orchestra.")
    await world.remember("I visited Tom in Sintra last weekend.")
    chains = {chain.chain_id: chain for chain in await world.chains()}
    assert 2 == len(chains)
    for chain_id, chain in chains.items():
        assert set(chains) - {chain_id} == set(chain.connections)


def _origin(job: Job, clock: FakeClock) -> Origin:
    return Origin(session_id=job.session_id, generation=job.generation, now=clock.now())
