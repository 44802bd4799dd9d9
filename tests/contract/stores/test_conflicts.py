"""Merge conflicts: kept with the memories, answered once, resolved by one job."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from service.domain.conflicts import (
    Answer,
    Conflict,
    ConflictFilter,
    ConflictingMemory,
    ConflictStatus,
    ResolvedMemory,
    answered,
    ask,
    resolved,
    taken_up,
)
from service.domain.errors import ConcurrentChange, ConflictNotFound
from service.domain.ids import ConflictId, UserId
from service.domain.memories import Candidate, MemoryChange, Source
from service.domain.ports.work import CommitOutcome, Job
from service.domain.users import NewUser
from service.domain.values import PageRequest
from tests.contract.stores.makers import ACME, DAY, FIRST_PAGE, PAST, World, chain, commit, new_user, put, version

NOW = PAST + DAY


def conflict(created_at: datetime = PAST) -> Conflict:
    """Return a pending conflict about a chain that is not there."""
    known, job = version("Ann hates tea"), str(uuid4())
    source = Source(session_id=known.session_id, message_index=3)
    return Conflict(
        conflict_id=ConflictId(job),
        session_id=known.session_id,
        candidate=Candidate(
            content="Ann likes tea",
            categories=("food",),
            entities=("Ann",),
            event_start=PAST,
            event_end=NOW,
            sources=(source,),
        ),
        proposed="Ann likes tea",
        conflicting=(
            ConflictingMemory(
                chain_id=chain().chain_id,
                memory_id=known.memory_id,
                content=known.content,
                reason="both cannot be",
                event_start=PAST,
                event_end=PAST,
                created_at=PAST,
            ),
        ),
        questions=(ask("Ann likes tea", "Ann hates tea"),),
        status=ConflictStatus.PENDING,
        created_at=created_at,
    )


def answers(conflict: Conflict) -> Sequence[Answer]:
    """Return answers to a conflict."""
    return [Answer(question=conflict.questions[0].question, answer="Ann likes tea", message="she said so")]


def raised(*conflicts: Conflict, revision: int = 0) -> MemoryChange:
    """Return the change that stores conflicts."""
    return MemoryChange(revision=revision, put_conflicts=conflicts)


async def queued(world: World) -> tuple[Conflict, Job]:
    """Store a conflict, answer it and claim its job."""
    pending = conflict()
    await world.stores.memories.apply(world.scope, raised(pending))
    after = answered(pending, answers(pending))
    await world.stores.conflicts.enqueue(pending, after, world.scope)
    (job,) = await world.stores.jobs.claim("w1", 10)
    return after, job


async def test_a_conflict_comes_back_as_it_was_stored(world: World) -> None:
    """In each of its states."""
    pending = conflict()
    made = ResolvedMemory(memory_id=version().memory_id, content="x", event_start=PAST, event_end=NOW, created_at=NOW)
    after = answered(pending, answers(pending))
    for revision, state in enumerate((pending, after, taken_up(after), resolved(after, [made], NOW), resolved(after, [], NOW))):
        await world.stores.memories.apply(world.scope, raised(state, revision=revision))
        assert state == await world.stores.conflicts.get(world.scope, pending.conflict_id)
        assert [state] == await world.stores.conflicts.every(world.scope)
        assert ([state] if state.is_open else []) == await world.stores.conflicts.open(world.scope)


async def test_a_conflict_is_a_change_of_the_memories(world: World) -> None:
    """It raises their revision, and is refused when they moved on."""
    await world.stores.memories.apply(world.scope, raised(conflict()))
    assert 1 == await world.stores.memories.revision(world.scope)
    with pytest.raises(ConcurrentChange):
        await world.stores.memories.apply(world.scope, raised(conflict()))


async def test_a_session_raises_conflicts_with_its_commit(world: World) -> None:
    """Both or neither."""
    job, pending = await world.job(), conflict()
    change = replace(put(chain()), put_conflicts=(pending,))
    assert CommitOutcome.COMMITTED == await world.stores.jobs.commit(job, replace(commit(), memories=change))
    assert [pending] == await world.stores.conflicts.open(world.scope)
    assert CommitOutcome.STALE_JOB == await world.stores.jobs.commit(
        job, replace(commit(), memories=raised(conflict(), revision=1))
    )
    assert [pending] == await world.stores.conflicts.open(world.scope)


async def test_conflicts_are_listed(world: World) -> None:
    """By status, newest first or last, those without the time of resolution at the end."""
    first, second, third = (conflict(PAST + timedelta(hours=hour)) for hour in range(3))
    first, second = resolved(first, [], NOW + DAY), resolved(second, [], NOW)
    await world.stores.memories.apply(world.scope, raised(third, first, second))

    async def listed(page: PageRequest = FIRST_PAGE, **wanted: object) -> list[Conflict]:
        return list((await world.stores.conflicts.list(world.scope, page, ConflictFilter(**wanted))).items)  # type: ignore[arg-type] # passed on

    assert [third, second, first] == await listed()
    assert [first, second, third] == await listed(oldest_first=True)
    assert [first, second, third] == await listed(by_resolution=True)
    assert [second, first, third] == await listed(by_resolution=True, oldest_first=True)
    assert [second, first] == await listed(status=ConflictStatus.RESOLVED)
    assert [second] == await listed(PageRequest(offset=1, limit=1))
    page = await world.stores.conflicts.list(world.scope, PageRequest(offset=0, limit=2), ConflictFilter())
    assert (3, True) == (page.total, page.has_more)


async def test_an_unknown_conflict_is_not_found(world: World) -> None:
    """Nor is that of another user."""
    pending = conflict()
    await world.stores.memories.apply(world.scope, raised(pending))
    other = await world.stores.users.create(ACME, new_user("ben"))
    for scope, id_ in ((world.scope, ConflictId(str(uuid4()))), (other.scope, pending.conflict_id)):
        with pytest.raises(ConflictNotFound):
            await world.stores.conflicts.get(scope, id_)
    assert ([], []) == (await world.stores.conflicts.every(other.scope), await world.stores.conflicts.open(other.scope))


async def test_of_answers_at_once_one_is_taken(world: World) -> None:
    """The others find the conflict changed; there is one job."""
    pending = conflict()
    await world.stores.memories.apply(world.scope, raised(pending))
    given = [answered(pending, [replace(answers(pending)[0], message=str(number))]) for number in range(8)]
    calls = (world.stores.conflicts.enqueue(pending, after, world.scope) for after in given)
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert (1, 7) == (results.count(None), sum(isinstance(result, ConcurrentChange) for result in results))
    assert given[results.index(None)] == await world.stores.conflicts.get(world.scope, pending.conflict_id)
    assert 1 == (await world.stores.jobs.depth()).jobs


async def test_answers_move_the_memories_on(world: World) -> None:
    """So a deletion that was worked out before is worked out again."""
    await queued(world)
    with pytest.raises(ConcurrentChange):
        await world.stores.memories.apply(world.scope, put(chain(), revision=1))


async def test_a_resolution_is_committed_once(world: World) -> None:
    """With its memories and the end of its job; the second commit is refused for the memories that moved on."""
    after, job = await queued(world)
    assert (after.conflict_id, after.session_id, 1) == (job.conflict_id, job.session_id, job.attempt)
    stored = chain()
    change = replace(put(stored, revision=2), put_conflicts=(resolved(after, [], NOW),))
    assert CommitOutcome.COMMITTED == await world.stores.jobs.commit_resolution(job, change)
    assert CommitOutcome.STALE_MEMORIES == await world.stores.jobs.commit_resolution(job, change)
    assert [stored] == await world.stores.memories.chains(world.scope, [stored.chain_id])
    assert (0, []) == ((await world.stores.jobs.depth()).jobs, await world.stores.conflicts.open(world.scope))


async def test_the_resolution_of_a_removed_conflict_is_stale(world: World) -> None:
    """Nothing is written, and the job is gone."""
    after, job = await queued(world)
    await world.stores.memories.apply(world.scope, MemoryChange(revision=2, drop_conflicts=(after.conflict_id,)))
    assert CommitOutcome.STALE_JOB == await world.stores.jobs.commit_resolution(job, put(chain(), revision=3))
    assert (3, 0) == (await world.stores.memories.revision(world.scope), (await world.stores.jobs.depth()).jobs)


async def test_the_job_of_a_resolved_conflict_is_not_claimed(world: World) -> None:
    """It is removed instead."""
    pending = conflict()
    await world.stores.memories.apply(world.scope, raised(pending))
    after = answered(pending, answers(pending))
    await world.stores.conflicts.enqueue(pending, after, world.scope)
    await world.stores.memories.apply(world.scope, raised(resolved(after, [], NOW), revision=2))
    assert [] == await world.stores.jobs.claim("w1", 10)
    assert 0 == (await world.stores.jobs.depth()).jobs


async def test_a_failed_attempt_is_made_again(world: World) -> None:
    """Until the last one, after which the conflict has failed and its job lies among the dead letters."""
    after, job = await queued(world)
    assert await world.stores.jobs.fail(job, "no", max_attempts=2, retry_after=timedelta(0))
    assert after == await world.stores.conflicts.get(world.scope, after.conflict_id)
    await world.stores.jobs.fire_due_timers()
    (again,) = await world.stores.jobs.claim("w1", 10)
    assert (after.conflict_id, 2) == (again.conflict_id, again.attempt)
    assert not await world.stores.jobs.fail(again, "no", max_attempts=2, retry_after=timedelta(0))
    ended = await world.stores.conflicts.get(world.scope, after.conflict_id)
    assert ended.resolved_at is not None
    assert replace(after, status=ConflictStatus.FAILED, resolved_at=ended.resolved_at) == ended
    assert ([], 0, 1) == (
        await world.stores.conflicts.open(world.scope),
        (await world.stores.jobs.depth()).jobs,
        (await world.stores.jobs.depth()).dead,
    )
    assert 3 == await world.stores.memories.revision(world.scope)


async def test_a_deleted_user_leaves_no_conflicts(world: World) -> None:
    """Nor a job that anybody would claim."""
    after, _ = await queued(world)
    await world.stores.users.delete(ACME, world.user.user_id)
    assert ([], []) == (await world.stores.conflicts.every(world.scope), await world.stores.conflicts.open(world.scope))
    with pytest.raises(ConcurrentChange):
        await world.stores.conflicts.enqueue(after, after, world.scope)


async def test_a_user_is_read_by_its_scope(world: World) -> None:
    """As by its id."""
    new = NewUser(user_id=UserId("cara"), metadata={"a": 1}, merge_conflict_enabled=True)
    user = await world.stores.users.create(ACME, new)
    assert await world.stores.users.get(ACME, user.user_id) == await world.stores.users.of(user.scope)
