"""Contradictions: asked about once, settled once, and gone with what they are about."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import pytest_asyncio

from service.domain.conflicts import Answer, Choice, Conflict, ConflictStatus
from service.domain.errors import ConflictAlreadyResolved, ConflictNotFound
from service.domain.ids import UserId
from service.domain.memories import MemoryChain, VersionReason
from service.domain.ports.stores import ConflictStore, MemoryStore
from service.domain.ports.work import CommitOutcome, JobQueue
from service.domain.projects import ProjectSettings
from service.domain.users import NewUser, UserUpdate
from service.extraction.embedded import EmbeddedExtractor
from service.usecases.conflicts.settle import SettleConflict
from service.usecases.conflicts.wording import Wording
from tests.conftest import FakeClock
from tests.usecases.world import World

MAY, JUNE, JULY = "User's birthday is on 4 May.", "User's birthday is on 9 June.", "User's birthday is on 2 July."
SAY_MAY, SAY_JUNE, SAY_JULY = "My birthday is on 4 May.", "My birthday is on 9 June.", "My birthday is on 2 July."


@pytest_asyncio.fixture(loop_scope="session")
async def asked(world: World) -> World:
    """Return the user, who wants to be asked."""
    update = UserUpdate(set_merge_conflict_enabled=True, merge_conflict_enabled=True)
    user = await world.application.users.update(world.project_id, world.user.user_id, update)
    return replace(world, user=user)


async def disputed(world: World) -> Conflict:
    """Let the user contradict itself and return the conflict."""
    await world.remember(SAY_MAY)
    await world.remember(SAY_JUNE)
    (conflict,) = await conflicts(world)
    return conflict


async def conflicts(world: World) -> list[Conflict]:
    """Return every conflict of the user."""
    return list(await world.application.stores.conflicts.every(world.scope))


async def answer(world: World, conflict: Conflict, choice: Choice, message: str | None = None) -> Conflict:
    """Answer every question alike."""
    place = list(Choice).index(choice)
    answers = [Answer(question=each.question, answer=each.options[place], message=message) for each in conflict.questions]
    return await world.application.conflicts.resolve(world.project_id, world.user.user_id, conflict.conflict_id, answers)


async def settle(world: World, conflict: Conflict, choice: Choice, message: str | None = None) -> Conflict:
    """Answer a conflict, do the worker's part and return the conflict as it is then."""
    await answer(world, conflict, choice, message)
    assert CommitOutcome.COMMITTED == await world.application.settle_conflict(await world.claim())
    return await world.application.stores.conflicts.get(world.scope, conflict.conflict_id)


async def no_dangling_ids(world: World) -> bool:
    """Return whether conflicts name only memories and sessions that are there, and memories only conflicts that are."""
    found, chains = await conflicts(world), await world.chains()
    ids = {version.memory_id for chain in chains for version in chain.versions}
    named = {version.merge_conflict_id for chain in chains for version in chain.versions} - {None}
    for conflict in found:
        await world.application.stores.sessions.get(world.scope, conflict.session_id)
    return all(conflict.memory_ids <= ids for conflict in found) and named <= {conflict.conflict_id for conflict in found}


async def test_a_contradiction_changes_nothing_until_it_is_settled(asked: World) -> None:
    """The statement waits in the conflict, with its session and its source."""
    conflict = await disputed(asked)
    assert [MAY] == await asked.contents()
    assert (ConflictStatus.PENDING, JUNE, 1) == (conflict.status, conflict.proposed, len(conflict.questions))
    assert {conflict.session_id} == {source.session_id for source in conflict.candidate.sources}


async def test_the_same_is_not_asked_twice(asked: World) -> None:
    """Said again, also in other words, it is one more source of the conflict."""
    conflict = await disputed(asked)
    for text in (SAY_JUNE, "My birthday is on the 9th of June."):
        await asked.remember(text)
    (same,) = await conflicts(asked)
    assert conflict.conflict_id == same.conflict_id
    assert 3 == len({source.session_id for source in same.candidate.sources})


async def test_another_contradiction_is_another_question(asked: World) -> None:
    """Of the same memory."""
    await disputed(asked)
    await asked.remember("My birthday is on 30 August.")
    assert 2 == len(await conflicts(asked))


async def test_a_change_is_no_contradiction(asked: World) -> None:
    """Nobody is asked about it."""
    await asked.remember("I live in Lisbon.")
    await asked.remember("I moved, I live in Porto now.")
    assert [] == await conflicts(asked)


@pytest.mark.parametrize(("project", "user", "raised"), [(True, None, 1), (False, None, 0), (True, False, 0), (False, True, 1)])
async def test_the_user_decides_before_the_project(world: World, *, project: bool, user: bool | None, raised: int) -> None:
    """Null is as the project says; who is not asked gets the newest statement."""
    settings = ProjectSettings(merge_conflict_enabled=project)
    await world.application.projects.update(world.project_id, name=None, settings=settings)
    update = UserUpdate(set_merge_conflict_enabled=True, merge_conflict_enabled=user)
    await world.application.users.update(world.project_id, world.user.user_id, update)
    await world.remember(SAY_MAY)
    await world.remember(SAY_JUNE)
    assert (raised, [MAY] if raised else [JUNE]) == (len(await conflicts(world)), await world.contents())


async def test_the_new_statement_can_win(asked: World, clock: FakeClock) -> None:
    """The known one expires because of the conflict."""
    conflict = await disputed(asked)
    clock.advance(timedelta(days=1))
    ended = await settle(asked, conflict, Choice.PROPOSED)
    (chain,) = await asked.chains()
    old, new = chain.versions
    assert (MAY, JUNE, VersionReason.MERGE_CONFLICT) == (old.content, new.content, new.reason)
    assert (clock.now(), conflict.conflict_id, None) == (old.expired_at, old.merge_conflict_id, new.merge_conflict_id)
    assert (ConflictStatus.RESOLVED, clock.now()) == (ended.status, ended.resolved_at)
    assert [new.memory_id] == [memory.memory_id for memory in ended.new_memories or ()]
    assert conflict.candidate.sources == new.sources
    assert await no_dangling_ids(asked)


async def test_the_known_statement_can_win(asked: World) -> None:
    """Nothing changes, and no memory is made."""
    conflict = await disputed(asked)
    before = await asked.chains()
    ended = await settle(asked, conflict, Choice.KNOWN)
    assert (before, ()) == (await asked.chains(), ended.new_memories)


async def test_both_can_be_true(asked: World) -> None:
    """The later one is current, whichever was said first."""
    at = datetime(2024, 3, 1, tzinfo=UTC)
    await asked.remember("I like spicy food.", at=at)
    await asked.remember("I hate spicy food.", at=at - timedelta(days=900))
    (conflict,) = await conflicts(asked)
    await settle(asked, conflict, Choice.BOTH)
    (chain,) = await asked.chains()
    assert ["User hates spicy food.", "User likes spicy food."] == [version.content for version in chain.versions]
    assert conflict.conflict_id == chain.versions[0].merge_conflict_id
    assert None is chain.current.expired_at
    assert await no_dangling_ids(asked)


async def test_neither_may_be_true(asked: World) -> None:
    """Then the memory goes, and nothing names it."""
    ended = await settle(asked, await disputed(asked), Choice.NEITHER)
    assert ([], ()) == (await asked.contents(), ended.conflicting)
    assert await no_dangling_ids(asked)


@pytest.mark.parametrize("choice", list(Choice))
async def test_a_message_that_says_it_is_the_wording(asked: World, choice: Choice) -> None:
    """Of whatever survives."""
    ended = await settle(asked, await disputed(asked), choice, "Actually my birthday is on 9 June 1990.")
    assert ["User's birthday is on 9 June 1990."] == await asked.contents()
    assert 1 == len(ended.new_memories or ())
    assert await no_dangling_ids(asked)


@pytest.mark.parametrize("remark", ["User prefers this option based on recent conversation", "I asked my mother.", "ok", " "])
async def test_a_mere_remark_changes_no_wording(asked: World, remark: str) -> None:
    """It is kept with the answer."""
    ended = await settle(asked, await disputed(asked), Choice.PROPOSED, remark)
    assert [JUNE] == await asked.contents()
    assert [remark] == [each.message for each in ended.answers or ()]


async def test_two_answers_at_once(asked: World) -> None:
    """One is taken, the others hear that it is resolved already."""
    conflict = await disputed(asked)
    calls = [answer(asked, conflict, choice) for choice in list(Choice) * 2]
    results = await asyncio.gather(*calls, return_exceptions=True)
    taken = [result for result in results if isinstance(result, Conflict)]
    assert 1 == len(taken)
    assert 7 == sum(isinstance(result, ConflictAlreadyResolved) for result in results)
    assert CommitOutcome.COMMITTED == await asked.application.settle_conflict(await asked.claim())
    ended = await asked.application.stores.conflicts.get(asked.scope, conflict.conflict_id)
    assert taken[0].answers == ended.answers


async def test_a_job_done_twice_counts_once(asked: World) -> None:
    """The second time there is nothing to do."""
    conflict = await disputed(asked)
    await answer(asked, conflict, Choice.PROPOSED)
    job = await asked.claim()
    assert CommitOutcome.COMMITTED == await asked.application.settle_conflict(job)
    chains = await asked.chains()
    assert CommitOutcome.STALE_JOB == await asked.application.settle_conflict(job)
    assert chains == await asked.chains()


class PowerCut(BaseException):
    """The process is gone: nothing may catch this."""


class Crashing:
    """A store of which one call is the last thing that happens, before or after it takes effect."""

    def __init__(self, store: object, calls: list[str], *, last: int, after: bool) -> None:
        """Share *calls* with the other stores of the process; the one at place *last* is cut off."""
        self._store = store
        self._calls = calls
        self._last = last
        self._after = after

    def __getattr__(self, name: str) -> Callable[..., Awaitable[object]]:
        """Return the call of the store, counted."""

        async def call(*arguments: Any, **named: Any) -> object:
            place = len(self._calls)
            self._calls.append(name)
            if place == self._last and not self._after:
                raise PowerCut
            result = await getattr(self._store, name)(*arguments, **named)
            if place == self._last:
                raise PowerCut
            return result

        return call


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("choice", [Choice.PROPOSED, Choice.NEITHER])
async def test_a_crash_anywhere_resolves_once(asked: World, clock: FakeClock, choice: Choice, *, after: bool) -> None:
    """At each call of a store, before and after it: the next worker brings it to its one end."""
    stores, embedder = asked.application.stores, asked.application.embedder
    wording = Wording(EmbeddedExtractor(embedder), embedder, clock)
    last, crashed = 0, True
    while crashed:
        for chain in await asked.chains():
            await asked.application.memory.delete(asked.project_id, asked.user.user_id, chain.current.memory_id, with_older=True)
        known = {conflict.conflict_id for conflict in await conflicts(asked)}
        await asked.remember(SAY_MAY)
        await asked.remember(SAY_JUNE)
        (conflict,) = [each for each in await conflicts(asked) if each.conflict_id not in known]
        await answer(asked, conflict, choice)
        job, calls = await asked.claim(), list[str]()
        dying = SettleConflict(
            conflicts=cast(ConflictStore, Crashing(stores.conflicts, calls, last=last, after=after)),
            memories=cast(MemoryStore, Crashing(stores.memories, calls, last=last, after=after)),
            jobs=cast(JobQueue, Crashing(stores.jobs, calls, last=last, after=after)),
            wording=wording,
            clock=clock,
        )
        try:
            await dying(job)
            crashed = False
        except PowerCut:
            outcome = await asked.application.settle_conflict(job)
            committed = calls[-1] == "commit_resolution" and after
            assert (CommitOutcome.STALE_JOB if committed else CommitOutcome.COMMITTED) == outcome
        ended = await stores.conflicts.get(asked.scope, conflict.conflict_id)
        versions = [version.content for chain in await asked.chains() for version in chain.versions]
        assert (ConflictStatus.RESOLVED, [MAY, JUNE] if choice is Choice.PROPOSED else []) == (ended.status, versions)
        assert 0 == (await stores.jobs.depth()).jobs
        assert await no_dangling_ids(asked)
        last += 1
    # the revision and the conflict twice, marking it, the chains, the other conflicts, the commit
    assert last > 6


async def test_a_deleted_memory_lets_the_statement_in(asked: World) -> None:
    """Nothing is left that it contradicts; the conflict is gone, answered or not."""
    for answered in (False, True):
        conflict = await disputed(asked)
        if answered:
            await answer(asked, conflict, Choice.KNOWN)
        await asked.application.memory.delete(
            asked.project_id, asked.user.user_id, conflict.conflicting[0].memory_id, with_older=False
        )
        (chain,) = await asked.chains()
        assert ([], JUNE) == (await conflicts(asked), chain.current.content)
        assert [] == await asked.application.stores.jobs.claim("test", 10)
        await asked.application.memory.delete(asked.project_id, asked.user.user_id, chain.current.memory_id, with_older=True)


async def test_what_is_left_of_a_memory_takes_the_statement_in(asked: World) -> None:
    """The statement is its newest version: two memories would contradict each other, and nobody would be asked."""
    await settle(asked, await disputed(asked), Choice.PROPOSED)
    await asked.remember(SAY_JULY)
    (chain,) = await asked.chains()
    await asked.application.memory.delete(asked.project_id, asked.user.user_id, chain.current.memory_id, with_older=False)
    (chain,) = await asked.chains()
    assert [MAY, JULY] == [version.content for version in chain.versions]
    assert [] == await conflicts(asked)
    assert await no_dangling_ids(asked)


async def test_statements_that_contradict_one_deleted_memory_become_one(asked: World, clock: FakeClock) -> None:
    """The one that was made last is current."""
    conflict = await disputed(asked)
    clock.advance(timedelta(days=1))
    await asked.remember(SAY_JULY)
    await asked.application.memory.delete(
        asked.project_id, asked.user.user_id, conflict.conflicting[0].memory_id, with_older=False
    )
    (chain,) = await asked.chains()
    assert ([JUNE, JULY], []) == ([version.content for version in chain.versions], await conflicts(asked))


async def test_a_deleted_session_takes_its_statement(asked: World) -> None:
    """Unless another session said the same: then the conflict is that one's."""
    conflict = await disputed(asked)
    other = await asked.remember(SAY_JUNE)
    await asked.forget_session(conflict.session_id)
    (left,) = await conflicts(asked)
    assert (other, {other}) == (left.session_id, {source.session_id for source in left.candidate.sources})
    await asked.forget_session(other)
    assert ([], [MAY]) == (await conflicts(asked), await asked.contents())
    assert await no_dangling_ids(asked)


@pytest.mark.parametrize("which", ["first", "second"])
async def test_a_settled_conflict_goes_with_its_session(asked: World, which: str) -> None:
    """And no version names it any more."""
    first = await asked.remember(SAY_MAY)
    second = await asked.remember(SAY_JUNE)
    (conflict,) = await conflicts(asked)
    await settle(asked, conflict, Choice.PROPOSED)
    await asked.forget_session(first if which == "first" else second)
    assert [] == await conflicts(asked)
    assert [JUNE if which == "first" else MAY] == await asked.contents()
    assert await no_dangling_ids(asked)


async def test_a_deletion_while_a_conflict_is_settled(asked: World, clock: FakeClock) -> None:
    """The resolution finds the conflict gone, and the deleted memory does not come back."""
    conflict = await disputed(asked)
    await answer(asked, conflict, Choice.KNOWN)
    job, stores = await asked.claim(), asked.application.stores

    class Deleting(Wording):
        async def __call__(self, *_: object) -> None:
            await asked.forget_session(chain.current.session_id)

    (chain,) = await asked.chains()
    embedder = asked.application.embedder
    settling = SettleConflict(
        conflicts=stores.conflicts,
        memories=stores.memories,
        jobs=stores.jobs,
        wording=Deleting(EmbeddedExtractor(embedder), embedder, clock),
        clock=clock,
    )
    assert CommitOutcome.STALE_JOB == await settling(job)
    with pytest.raises(ConflictNotFound):
        await stores.conflicts.get(asked.scope, conflict.conflict_id)
    assert [JUNE] == await asked.contents()


async def test_another_user_is_not_asked(asked: World) -> None:
    """A conflict is of one user."""
    conflict = await disputed(asked)
    new = NewUser(user_id=UserId("stranger"), metadata={}, merge_conflict_enabled=True)
    stranger = await asked.application.users.create(asked.project_id, new, idempotency_key=None)
    with pytest.raises(ConflictNotFound):
        await asked.application.conflicts.get(asked.project_id, stranger.user_id, conflict.conflict_id)


async def test_a_disputed_memory_says_so(asked: World) -> None:
    """Until it is settled."""
    calls, about = asked.application.memory, (asked.project_id, asked.user.user_id)
    conflict = await disputed(asked)
    named = conflict.conflicting[0].memory_id
    assert (await calls.get(*about, named)).disputed
    await settle(asked, conflict, Choice.PROPOSED)
    (chain,) = await asked.chains()
    views = [await calls.get(*about, memory_id) for memory_id in (named, _newest(chain))]
    assert [False, False] == [view.disputed for view in views]


def _newest(chain: MemoryChain) -> str:
    return chain.current.memory_id
