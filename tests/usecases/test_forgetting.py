"""Forgetting: what goes, what stays, what comes back, and the receipt."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from service.domain.archives import ArchivedMemory, ArchivedSession
from service.domain.deletions import DeletedCounts, DeletionAction, ForgetFilter
from service.domain.errors import IdempotencyKeyReused, InvalidRequest, StorageUnavailable, UserNotFound
from service.domain.ids import UserId
from service.domain.memories import Source
from service.domain.ports.index import DENSE, SPARSE, SPARSE_CONTEXT, IndexQuery, VectorIndex
from service.domain.ports.work import CommitOutcome, IndexedKind
from service.domain.projects import ProjectSettings
from service.domain.sessions import Message, MessageRole, NewMessage, SessionStatus
from service.domain.users import UserUpdate
from service.rpc.mapping.lines import from_line, to_line
from service.storage.redis import open_stores
from service.usecases.turns.places import PlaceWanted
from service.usecases.turns.store import ReplyEnd, Turn
from tests.conftest import Engines, FakeClock
from tests.usecases.conftest import DATABASE
from tests.usecases.plain import TOPICS, PlainExtractor, fact
from tests.usecases.shown import everything_shown
from tests.usecases.speaker import Speaker
from tests.usecases.test_archives import VALIDATOR, give
from tests.usecases.world import EVERYTHING, World

SECRET = fact("cat", "violet")
SAME = 0.999


@pytest.fixture
def speaker(world: World, clock: FakeClock) -> Speaker:
    """Return the user as one who speaks."""
    return Speaker(world=world, clock=clock)


async def points(world: World) -> set[tuple[IndexedKind, str]]:
    """Return every point of the index that has anything to do with a word of the secret."""
    (vector,) = await world.application.embedder.embed([SECRET])
    queries = [IndexQuery(kind=kind, name=SPARSE, text="violet") for kind in IndexedKind]
    queries += [IndexQuery(kind=kind, name=SPARSE_CONTEXT, text="violet") for kind in (IndexedKind.TURN, IndexedKind.SUMMARY)]
    dense = [IndexQuery(kind=kind, name=DENSE, vector=vector) for kind in IndexedKind]
    found = await world.application.index.search(world.scope, [*queries, *dense])
    return {
        (query.kind, hit.record_id)
        for query, hits in zip([*queries, *dense], found, strict=True)
        for hit in hits
        if query.name != DENSE or hit.score > SAME
    }


async def test_nothing_shows_what_was_forgotten(speaker: Speaker) -> None:
    """No recall, context, export or search; the messages are kept, and marked."""
    world = speaker.world
    kept = await speaker.remember(fact("job", "old"), thread="a")
    gone = await speaker.remember(SECRET, fact("cat", "violet"), thread="b")
    await world.sync()
    assert "violet" in await everything_shown(world)
    assert await points(world)
    await speaker.forget(thread="b")
    assert "violet" not in await everything_shown(world)
    assert set() == await points(world)
    assert [[fact("job", "old")]] == await speaker.versions()
    calls, user_id = world.application.sessions, world.user.user_id
    listed = (await calls.list_messages(world.project_id, user_id, gone, EVERYTHING)).items
    assert [SECRET, fact("cat", "violet")] == [message.content for message in listed]
    assert all(message.forgotten_at == speaker.clock.now() for message in listed)
    (other,) = (await calls.list_messages(world.project_id, user_id, kept, EVERYTHING)).items
    assert other.forgotten_at is None


async def test_the_receipt_counts_what_went(speaker: Speaker) -> None:
    """Exactly, and it is in the chain."""
    world = speaker.world
    await speaker.remember(fact("city", "red"), fact("cat", "red"))
    await speaker.remember(fact("city", "old"), fact("song", "far"), thread="b")
    await speaker.say("hello", thread="b")
    receipt = await speaker.forget(thread="b")
    # of the city the older version is left, so its point stands for something else
    expected = DeletedCounts(messages_forgotten=3, summaries=1, memory_versions=2, points=3 + 1 + 2)
    assert expected == receipt.deletion.counts
    deletions = world.application.deletions
    assert receipt == await deletions.get_receipt(world.project_id, receipt.deletion.receipt_id)
    verdict = await deletions.verify_receipts(world.project_id)
    assert (1, receipt.hash, None) == (verdict.length, verdict.head, verdict.broken)


async def test_times_bound_what_is_forgotten(speaker: Speaker) -> None:
    """From the first, and before the last."""
    session_id = await speaker.remember(*(fact(topic, "red") for topic in TOPICS[:4]), at=[3, 0, 1, 2])
    now = speaker.clock.now() - timedelta(hours=1)
    receipt = await speaker.forget(from_time=now + timedelta(days=1), to_time=now + timedelta(days=3))
    assert 2 == receipt.deletion.counts.messages_forgotten
    assert [[fact("cat", "red")], [fact("city", "red")]] == await speaker.versions()
    page = await speaker.world.application.stores.sessions.messages(speaker.world.scope, session_id, EVERYTHING)
    assert [0, 1] == [message.index for message in page.items]


async def test_conditions_are_all_met(speaker: Speaker) -> None:
    """A thread of a group is not the thread of another group."""
    await speaker.remember(fact("cat", "red"), thread="a", group="x")
    await speaker.remember(fact("city", "red"), thread="a", group="y")
    session_id = await speaker.remember(fact("job", "red"), thread="b", group="y")
    assert 0 == (await speaker.forget(thread="a", session_id=session_id)).deletion.counts.messages_forgotten
    assert 1 == (await speaker.forget(thread="a", group="y")).deletion.counts.messages_forgotten
    assert [[fact("cat", "red")], [fact("job", "red")]] == await speaker.versions()


async def test_a_document_is_forgotten_with_what_was_said_of_it(speaker: Speaker) -> None:
    """And nothing else."""
    world = speaker.world
    session_id = await speaker.say(fact("cat", "red"))
    about = NewMessage(role=MessageRole.USER, content=fact("city", "red"), document_id="d1")
    await world.application.stores.sessions.add_messages(world.scope, session_id, [about])
    receipt = await speaker.forget(document_id="d1")
    assert 1 == receipt.deletion.counts.messages_forgotten
    page = await world.application.stores.sessions.messages(world.scope, session_id, EVERYTHING)
    assert [fact("cat", "red")] == [message.content for message in page.items]


async def test_what_others_said_comes_back(speaker: Speaker) -> None:
    """A statement that was borne out by a forgotten message is made of the other one again, at its place in history."""
    first = await speaker.remember(fact("city", "red"))
    await speaker.remember(fact("city", "red"), thread="b")
    await speaker.remember(fact("city", "old"))
    await speaker.forget(thread="b")
    assert [[fact("city", "old")]] == await speaker.versions()
    await speaker.finish()
    assert [[fact("city", "red"), fact("city", "old")]] == await speaker.versions()
    (chain,) = await speaker.world.chains()
    assert (Source(session_id=first, message_index=0),) == chain.versions[0].sources
    session = await speaker.world.application.stores.sessions.get(speaker.world.scope, first)
    assert (SessionStatus.PROCESSED, None) == (session.status, session.missing)


async def test_the_rest_of_a_session_is_summarised_anew(speaker: Speaker) -> None:
    """Without the forgotten part, and nothing is remembered twice."""
    world = speaker.world
    session_id = await speaker.remember(fact("job", "red"), SECRET, fact("city", "red"), at=[0, 1, 2])
    before = await world.chains()
    now = speaker.clock.now() - timedelta(hours=1)
    await speaker.forget(from_time=now + timedelta(days=1), to_time=now + timedelta(days=2))
    stores = world.application.stores
    assert [None] == await stores.sessions.summaries(world.scope, [session_id])
    await speaker.finish()
    (summary,) = await stores.sessions.summaries(world.scope, [session_id])
    assert summary is not None
    assert f"{fact('job', 'red')} {fact('city', 'red')}" == summary.content
    assert {chain for chain in before if chain.current.content != SECRET} == set(await world.chains())


async def test_processing_in_flight_cannot_bring_it_back(speaker: Speaker) -> None:
    """Its commit is refused, its kept steps are gone, and what it keeps later is not kept."""
    world = speaker.world
    jobs = world.application.stores.jobs
    session_id = await speaker.say(SECRET, fact("city", "red"), at=[0, 1])
    job = await world.start(session_id)
    await jobs.save_step(job, "extraction", b"secret")
    await speaker.forget(to_time=speaker.clock.now() + timedelta(days=1))
    assert None is await jobs.load_step(job, "extraction")
    await jobs.save_step(job, "extraction", b"secret")
    assert None is await jobs.load_step(job, "extraction")
    assert CommitOutcome.STALE_JOB == await world.processor(speaker.extractor, speaker.clock)(job)
    await speaker.finish()
    assert [[fact("city", "red")]] == await speaker.versions()


async def test_a_pending_session_goes_on(speaker: Speaker) -> None:
    """What comes after is remembered."""
    world = speaker.world
    session_id = await speaker.say(SECRET)
    await speaker.forget()
    more = [NewMessage(role=MessageRole.USER, content=fact("city", "red"))]
    await world.application.stores.sessions.add_messages(world.scope, session_id, more)
    assert CommitOutcome.COMMITTED == await world.processor(speaker.extractor, speaker.clock)(await world.start(session_id))
    assert [[fact("city", "red")]] == await speaker.versions()


async def test_a_session_of_which_nothing_is_left_ends_as_any_other(speaker: Speaker) -> None:
    """Processed, without memories or summary."""
    session_id = await speaker.say(SECRET)
    await speaker.world.start(session_id)
    await speaker.forget()
    await speaker.finish()
    session = await speaker.world.application.stores.sessions.get(speaker.world.scope, session_id)
    assert (SessionStatus.PROCESSED, 1, 0) == (session.status, session.message_count, session.remembered_count)
    assert [] == await speaker.versions()


async def test_forgetting_again_finds_nothing(speaker: Speaker) -> None:
    """Its receipt has zeros; so has that of a user who is not there."""
    await speaker.remember(SECRET)
    first, again = await speaker.forget(), await speaker.forget()
    assert DeletedCounts() != first.deletion.counts
    nobody = await speaker.world.application.deletions.forget(speaker.world.project_id, UserId("nobody"), ForgetFilter())
    assert [DeletedCounts()] * 2 == [again.deletion.counts, nobody.deletion.counts]
    assert [1, 2, 3] == [first.number, again.number, nobody.number]
    assert [first.hash, again.hash] == [again.previous_hash, nobody.previous_hash]


async def test_a_repeated_request_gets_the_first_receipt(speaker: Speaker) -> None:
    """And forgets nothing that came since; with another body the key is refused."""
    world = speaker.world
    forget, about = world.application.deletions.forget, (world.project_id, world.user.user_id)
    await speaker.remember(SECRET)
    first = await forget(*about, ForgetFilter(), idempotency_key="k")
    await speaker.remember(fact("city", "red"))
    assert first == await forget(*about, ForgetFilter(), idempotency_key="k")
    assert [[fact("city", "red")]] == await speaker.versions()
    with pytest.raises(IdempotencyKeyReused):
        await forget(*about, ForgetFilter(thread="a"), idempotency_key="k")


async def test_times_in_the_wrong_order_are_refused(speaker: Speaker) -> None:
    """Nothing is changed."""
    now = speaker.clock.now()
    with pytest.raises(InvalidRequest):
        await speaker.forget(from_time=now, to_time=now - timedelta(seconds=1))


async def test_a_sent_turn_is_not_stored_again(speaker: Speaker) -> None:
    """A client that sends a forgotten turn once more gets what it got before."""
    world = speaker.world
    store = world.application.turns.store
    wanted = PlaceWanted(
        project_id=world.project_id,
        user_id=world.user.user_id,
        session_id="",
        inactivity=timedelta(hours=1),
        allow_new_user=False,
    )
    turn = Turn(user_messages=[SECRET], user_key="u1", reply="Noted.", reply_key="r1", reply_end=ReplyEnd.COMPLETE)
    await store(wanted, turn)
    await speaker.forget()
    await store(wanted, turn)
    assert "violet" not in await everything_shown(world)


async def test_what_is_missing_is_made_again_where_it_is_imported(speaker: Speaker) -> None:
    """An archive that is written while sessions are processed again comes to the same memories, at the same places in history."""
    world = speaker.world
    await speaker.remember(fact("song", "far"), fact("cat", "red"), at=[0, 2])
    await speaker.remember(fact("cat", "red"), thread="b")
    await speaker.remember(fact("cat", "blue"))
    await speaker.forget(thread="b")
    await speaker.forget(to_time=speaker.clock.now() - timedelta(hours=2))
    archives = world.application.archives
    records = [record async for record in archives.export(world.project_id, world.user.user_id)]
    assert [(SessionStatus.PROCESSING, True)] == [
        (one.status, bool(one.missing)) for one in records if isinstance(one, ArchivedSession) and one.missing is not None
    ]
    assert records == [from_line(to_line(record), VALIDATOR) for record in records]
    other = (await world.application.projects.create(None, name="other", settings=ProjectSettings())).project_id
    await archives.restore(other, give(records))
    assert records == [record async for record in archives.export(other, world.user.user_id)]
    await speaker.finish()
    user = await world.application.users.get(other, world.user.user_id)
    there = replace(speaker, world=replace(world, project_id=other, user=user))
    assert [[fact("cat", "red"), fact("cat", "blue")]] == await speaker.versions() == await there.versions()


async def test_an_archive_goes_on_without_the_forgotten(speaker: Speaker) -> None:
    """Sources still point at the right messages, and what is imported is exported the same."""
    world = speaker.world
    await speaker.remember(SECRET, fact("city", "red"), fact("job", "old"), at=[0, 1, 2])
    await speaker.forget(to_time=speaker.clock.now())
    await speaker.finish()
    export, project = world.application.archives.export, ProjectSettings()
    records = [record async for record in export(world.project_id, world.user.user_id)]
    texts = {(one.session_id, one.index): one.content for one in records if isinstance(one, Message)}
    memories = [one.versions[-1] for one in records if isinstance(one, ArchivedMemory)]
    assert {fact("city", "red"), fact("job", "old")} == {version.content for version in memories}
    assert all(
        version.content == texts[source.session_id, source.message_index] for version in memories for source in version.sources
    )
    other = (await world.application.projects.create(None, name="other", settings=project)).project_id
    await world.application.archives.restore(other, give(records))
    assert records == [record async for record in export(other, world.user.user_id)]


async def test_a_conflict_about_it_goes(speaker: Speaker) -> None:
    """With the statement, or with the memory: then the statement of the other message stays."""
    world = speaker.world
    update = UserUpdate(set_merge_conflict_enabled=True, merge_conflict_enabled=True)
    await world.application.users.update(world.project_id, world.user.user_id, update)
    contradicting = replace(speaker, extractor=PlainExtractor(contradicting=TOPICS))
    for topic in ("cat", "city"):
        await contradicting.remember(fact(topic, "red"), thread=f"{topic} known")
        await contradicting.remember(fact(topic, "old"), thread=f"{topic} said")
    conflicts = world.application.stores.conflicts
    assert 2 == len(await conflicts.open(world.scope))
    assert 1 == (await speaker.forget(thread="cat said")).deletion.counts.conflicts
    assert 1 == (await speaker.forget(thread="city known")).deletion.counts.conflicts
    assert [] == await conflicts.every(world.scope)
    await speaker.finish()
    assert [[fact("cat", "red")], [fact("city", "old")]] == await speaker.versions()


async def test_while_the_index_is_away_nothing_is_promised(speaker: Speaker) -> None:
    """The call fails, the truth has forgotten, and when the index is back a repeat gets the one receipt."""
    world = speaker.world
    application, about = world.application, (world.project_id, world.user.user_id, ForgetFilter())
    await speaker.remember(SECRET)
    await world.sync()
    forget = world.forgetting(speaker.clock, index=cast(VectorIndex, Away()))
    with pytest.raises(StorageUnavailable):
        await forget(*about, idempotency_key="k")
    assert "violet" not in await everything_shown(world)
    assert 0 == (await application.deletions.list_receipts(world.project_id, EVERYTHING)).total
    receipt = await application.deletions.forget(*about, idempotency_key="k")
    assert 1 == receipt.deletion.counts.memory_versions
    assert set() == await points(world)
    assert [receipt] == (await application.deletions.list_receipts(world.project_id, EVERYTHING)).items


async def test_workers_complete_what_was_cut_off(speaker: Speaker, engines: Engines) -> None:
    """The receipt waits for the index, and comes once."""
    world = speaker.world
    await speaker.remember(SECRET)
    with pytest.raises(StorageUnavailable):
        await world.forgetting(speaker.clock, index=cast(VectorIndex, Away()))(
            world.project_id, world.user.user_id, ForgetFilter()
        )
    receipts = world.application.deletions.list_receipts
    async with open_stores(engines.settings(database=DATABASE).redis_url or "", buckets=2, grace=timedelta(0)) as impatient:
        await impatient.jobs.fire_due_timers()
        assert 0 == (await receipts(world.project_id, EVERYTHING)).total
        await world.sync()
        for _ in range(2):
            await impatient.jobs.fire_due_timers()
            (receipt,) = (await receipts(world.project_id, EVERYTHING)).items
            assert 1 == receipt.deletion.counts.memory_versions


async def test_a_worker_that_is_late_is_waited_for(speaker: Speaker) -> None:
    """It read what is forgotten now and has not written it yet: the answer comes after it has looked again."""
    world = speaker.world
    await speaker.remember(SECRET)
    entries = await world.application.stores.outbox.claim("late", 100)
    forgetting_now = asyncio.create_task(speaker.forget())
    done, _ = await asyncio.wait([forgetting_now], timeout=0.3)
    assert set() == done
    await world.application.stores.outbox.retire(entries)
    assert 1 == (await forgetting_now).deletion.counts.memory_versions


async def test_a_deleted_user_leaves_a_receipt(speaker: Speaker) -> None:
    """With the counts of all that went."""
    world = speaker.world
    await speaker.remember(fact("city", "red"), fact("cat", "red"))
    await speaker.remember(fact("city", "old"), SECRET, thread="b")
    await speaker.forget(thread="b")
    await world.sync()
    application, user_id = world.application, world.user.user_id
    await application.users.delete(world.project_id, user_id)
    receipt, _ = (await application.deletions.list_receipts(world.project_id, EVERYTHING, user_id=user_id)).items
    expected = DeletedCounts(messages_deleted=4, memory_versions=2, summaries=1, points=2 + 2 + 1)
    assert (DeletionAction.DELETE_USER, expected) == (receipt.deletion.action, receipt.deletion.counts)
    assert [] == await application.stores.users.database.get("KEYS", f"*{world.scope.user_key}*")
    with pytest.raises(UserNotFound):
        await application.users.delete(world.project_id, user_id)


async def test_forgettings_at_once_make_one_chain(speaker: Speaker) -> None:
    """No receipt is lost, and what one forgot the others do not count."""
    threads = [f"t{number}" for number in range(4)]
    for thread, topic in zip(threads, TOPICS, strict=False):
        await speaker.remember(fact(topic, "red"), thread=thread)
    receipts = await asyncio.gather(*(speaker.forget(thread=thread) for thread in (*threads, *threads)))
    assert 4 == sum(receipt.deletion.counts.memory_versions for receipt in receipts)
    verdict = await speaker.world.application.deletions.verify_receipts(speaker.world.project_id)
    assert (8, None) == (verdict.length, verdict.broken)


class Away:
    """An index that cannot be reached."""

    def __getattr__(self, _name: str) -> Any:
        """Return a call that fails."""

        async def call(*_args: object, **_kwargs: object) -> None:
            raise StorageUnavailable(store="index")

        return call
