"""Changes that are too long for one script: decided for in one, made in parts, completed by whoever comes when the maker died."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from service.domain.deletions import DeletedCounts, Deletion, DeletionAction, ForgetFilter
from service.domain.errors import ConcurrentChange
from service.domain.ids import ReceiptId, SessionId
from service.domain.memories import MemoryFilter, Source
from service.domain.sessions import Session, SessionFilter, SessionStatus
from service.storage.redis import RedisStores
from service.storage.redis.database import Argument, Database
from service.storage.redis.keys import Keyspace, UserKeys
from service.storage.redis.parts import KEPT_SECONDS, Parts
from service.storage.redis.scripts import ScriptName
from service.storage.redis.stores import GRACE, LEASE, build_stores
from service.storage.redis.writes import Writes
from service.usecases.deletions.plan import ForgetPlanner
from service.usecases.sessions.delete import DeleteSession
from tests.contract.stores.conftest import BUCKETS, Opener
from tests.contract.stores.makers import ACME, FIRST_PAGE, PAST, World, chain, commit, new_user, put, version

MESSAGES = 3


class Died(Exception):
    """The process is gone. Nothing of ours handles it."""


@dataclass(frozen=True, slots=True)
class Dying(Database):
    """A database whose user dies when *left* parts are made."""

    left: list[None]

    async def run(self, name: ScriptName, keys: Sequence[str], args: Sequence[Argument] = ()) -> Any:
        """Run a script, if there is life left."""
        if name == "make_part":
            if not self.left:
                raise Died
            self.left.pop()
        return await Database.run(self, name, keys, args)


@pytest.fixture
async def piecemeal(opener: Opener) -> AsyncIterator[RedisStores]:
    """Give stores that make in parts whatever can be."""
    async with opener(part=1) as stores:
        yield stores


def dying(stores: RedisStores, after: int) -> RedisStores:
    """Return stores on the same server that die after so many parts."""
    database = Dying(stores.users.database.client, stores.users.database.link, [None] * after)
    return build_stores(database, Keyspace(BUCKETS), Parts(database, 1), lease=LEASE, grace=GRACE)


def keys_of(world: World) -> UserKeys:
    """Return the names of the user's keys."""
    return world.stores.users.keyspace.user(world.scope)


async def remembered(world: World) -> Session:
    """Return a processed session with a memory of each of its messages; its index entries are made."""
    job = await world.job(*(f"fact {place}" for place in range(MESSAGES)))
    sources = [Source(session_id=job.session_id, message_index=place) for place in range(MESSAGES)]
    chains = [chain(version(session_id=job.session_id, sources=[source])) for source in sources]
    revision = await world.stores.memories.revision(world.scope)
    await world.stores.jobs.commit(job, commit(*chains, revision=revision))
    await world.drained_outbox()
    return await world.stores.sessions.get(world.scope, job.session_id)


async def forget(stores: RedisStores, world: World, session_id: SessionId | None = None) -> ReceiptId:
    """Forget a session, or everything, and return the id of the receipt that is to follow."""
    deletion = Deletion(
        receipt_id=ReceiptId(str(uuid4())),
        project_id=ACME,
        action=DeletionAction.FORGET,
        user_id=world.user.user_id,
        wanted=ForgetFilter(session_id=session_id),
        requested_at=PAST,
        counts=DeletedCounts(),
    )
    plan = await ForgetPlanner(stores.sessions, stores.memories, stores.conflicts)(world.scope, deletion)
    return await stores.forgets.apply(world.scope, plan)


async def left(world: World) -> tuple[int, int]:
    """Return how many memories the user has and how many of the messages are not forgotten."""
    memories = await world.stores.memories.list(world.scope, FIRST_PAGE, MemoryFilter())
    sessions = await world.stores.sessions.list(world.scope, FIRST_PAGE, SessionFilter())
    return len(memories.items), sum(session.remembered_count for session in sessions.items)


async def test_it_does_what_it_does_at_once(stores: RedisStores, piecemeal: RedisStores) -> None:
    """The same memories, sessions, messages, revision and index entries, and nothing is left of the parts."""
    found = []
    for number, chosen in enumerate((stores, piecemeal)):
        world = World(stores, await stores.users.create(ACME, new_user(f"user {number}")))
        session, kept = await remembered(world), await remembered(world)
        await forget(chosen, world, session.session_id)
        entries = await world.drained_outbox()
        messages = await world.stores.sessions.messages(world.scope, session.session_id, FIRST_PAGE)
        after = await world.stores.sessions.get(world.scope, session.session_id)
        found.append(
            (
                await left(world),
                messages.items,
                (after.status, after.generation, after.remembered_count),
                await world.stores.memories.revision(world.scope),
                sorted((kind, record.replace(session.session_id, "session")) for kind, record in entries if kind == "turns"),
                len(entries),
                (await world.stores.sessions.get(world.scope, kept.session_id)) == kept,
            )
        )
        assert [] == await stores.users.database.get("KEYS", f"*{world.scope.user_key}*:parts")
        assert [] == await stores.users.database.get("KEYS", f"*{world.scope.user_key}*:staged:*")
    assert found[0] == found[1]
    assert ((MESSAGES, MESSAGES), []) == found[0][:2]


async def test_a_session_is_deleted_in_parts(piecemeal: RedisStores, world: World) -> None:
    """With all its memories; the others stay."""
    gone, _ = await remembered(world), await remembered(world)
    delete = DeleteSession(piecemeal.users, piecemeal.sessions, piecemeal.memories, piecemeal.conflicts)
    await delete(ACME, world.user.user_id, gone.session_id)
    assert (MESSAGES, MESSAGES) == await left(world)
    assert [] == await piecemeal.users.database.get("KEYS", f"*{gone.session_id}*")


@pytest.mark.parametrize("after", range(4))
async def test_whoever_wants_to_change_memories_completes_it_first(world: World, after: int) -> None:
    """However far its maker came: the revision that is given is that of the memories without what goes."""
    await remembered(world)
    before = await world.stores.memories.revision(world.scope)
    with pytest.raises(Died):
        await forget(dying(world.stores, after), world)
    assert before + 1 == await world.stores.memories.revision(world.scope)
    assert (0, 0) == await left(world)


async def test_nobody_changes_memories_in_between(world: World) -> None:
    """What was worked out before is refused, while the parts are made and when they are."""
    await remembered(world)
    before = await world.stores.memories.revision(world.scope)
    with pytest.raises(Died):
        await forget(dying(world.stores, 1), world)
    for _ in range(2):
        with pytest.raises(ConcurrentChange):
            await world.stores.memories.apply(world.scope, put(chain(), revision=before))
        await world.stores.memories.revision(world.scope)


async def test_a_worker_completes_it_and_then_its_receipt(world: World, impatient: RedisStores) -> None:
    """Not before the index has followed the last part."""
    await remembered(world)
    with pytest.raises(Died):
        await forget(dying(world.stores, 1), world)
    # the entries of the part that was made
    await world.drained_outbox()
    await impatient.jobs.fire_due_timers()
    assert (0, 0) == await left(world)
    assert [] == list((await world.stores.receipts.list(ACME, FIRST_PAGE)).items)
    await world.drained_outbox()
    await impatient.jobs.fire_due_timers()
    assert 1 == (await world.stores.receipts.list(ACME, FIRST_PAGE)).total


async def test_a_session_that_was_started_meanwhile_is_started_anew(world: World) -> None:
    """Its job is from before: without another one it would be processed never."""
    session = await world.session("hello")
    with pytest.raises(Died):
        await forget(dying(world.stores, 0), world)
    await world.stores.sessions.start_processing(world.scope, session.session_id)
    await world.stores.memories.revision(world.scope)
    (job,) = await world.stores.jobs.claim("w1", 10)
    after = await world.stores.sessions.get(world.scope, session.session_id)
    assert (SessionStatus.PROCESSING, job.generation) == (after.status, after.generation)


async def test_a_user_is_deleted_in_the_middle(world: World, impatient: RedisStores) -> None:
    """No key of it is left, and no part comes after it."""
    await remembered(world)
    with pytest.raises(Died):
        await forget(dying(world.stores, 1), world)
    await world.stores.users.delete(ACME, world.user.user_id)
    await impatient.jobs.fire_due_timers()
    assert [] == await world.stores.users.database.get("KEYS", f"*{world.scope.user_key}*")


async def test_parts_that_were_lost_hold_nobody_up(world: World) -> None:
    """A store that lost them is not whole, but the user's memories can be changed."""
    await remembered(world)
    before = await world.stores.memories.revision(world.scope)
    with pytest.raises(Died):
        await forget(dying(world.stores, 1), world)
    await world.stores.users.database.get("DEL", keys_of(world).parts)
    assert before + 1 == await world.stores.memories.revision(world.scope)


async def test_two_who_stage_at_a_time_come_one_after_the_other(piecemeal: RedisStores, world: World) -> None:
    """Neither decides for what the other staged, and nothing stays of what was refused."""
    sessions = [await remembered(world) for _ in range(3)]
    delete = DeleteSession(piecemeal.users, piecemeal.sessions, piecemeal.memories, piecemeal.conflicts)
    await asyncio.gather(*(delete(ACME, world.user.user_id, session.session_id) for session in sessions))
    assert (0, 0) == await left(world)
    assert [] == await piecemeal.users.database.get("KEYS", f"*{world.scope.user_key}*:staged:*")


def test_no_part_is_long() -> None:
    """However much there is to be written: about as many words as were asked for, and all in their order."""
    writes, most = Writes(), 100
    for number in range(1_000):
        writes.add("ZADD", f"key {number % 7}", 0, f"member {number}")
    parts = list(writes.cut(most))
    assert max(sum(map(len, commands)) for _, commands in parts) <= most
    written = [(names[int(place)], *rest) for names, commands in parts for _, place, *rest in commands]
    assert [(f"key {number % 7}", "0", f"member {number}") for number in range(1_000)] == written


async def test_what_was_staged_and_not_decided_for_goes_by_itself(piecemeal: RedisStores, world: World) -> None:
    """Its maker may have died before it could decide."""
    keys, writes = keys_of(world), Writes()
    for number in range(3):
        writes.add("SADD", keys.categories, str(number))
        writes.add("HSET", keys.members, "field", str(number))
    staged = await piecemeal.memories.parts.stage(keys, writes)
    assert 0 < await piecemeal.users.database.get("TTL", staged.key) <= KEPT_SECONDS
