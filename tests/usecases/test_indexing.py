"""Keeping the index true to the records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from service.domain.ids import Scope, UserId, UserKey
from service.domain.memories import MemoryChain, MemoryChange
from service.domain.ports.index import IndexPoint
from service.domain.ports.work import IndexedKind
from service.domain.users import NewUser
from service.usecases.indexing.points import PointMaker
from service.usecases.indexing.sync import SyncIndex
from service.usecases.indexing.truth import Memory, Record, Truth, TruthReader
from service.wiring import Application
from tests.usecases.world import World

DOG = "I adopted a dog named Rex."


async def indexed(world: World, kind: IndexedKind) -> frozenset[str]:
    """Return the records of a kind that have a point."""
    return await world.application.index.record_ids(kind, world.scope)


def syncing(world: World, points: PointMaker) -> SyncIndex:
    """Return the use case with another maker of points."""
    stores = world.application.stores
    reader = TruthReader(stores.sessions, stores.memories, stores.documents)
    return SyncIndex(outbox=stores.outbox, index=world.application.index, reader=reader, points=points)


async def test_every_record_gets_a_point(world: World) -> None:
    """Turns, memories and summaries, after which nothing waits."""
    session_id = await world.remember(DOG, "Hello!")
    await world.sync()
    assert {f"{session_id}:0", f"{session_id}:1"} == await indexed(world, IndexedKind.TURN)
    assert {session_id} == await indexed(world, IndexedKind.SUMMARY)
    assert {chain.chain_id for chain in await world.chains()} == await indexed(world, IndexedKind.MEMORY)
    assert 0 == (await world.application.stores.jobs.depth()).outbox


async def test_deleted_records_lose_their_points(world: World) -> None:
    """A memory alone, and a session with all that it made."""
    session_id = await world.remember(DOG)
    other = await world.say("Hello!")
    await world.sync()
    (chain,) = await world.chains()
    calls, who = world.application, (world.project_id, world.user.user_id)
    await calls.memory.delete(*who, chain.current.memory_id, with_older=True)
    await world.sync()
    assert frozenset() == await indexed(world, IndexedKind.MEMORY)
    await world.forget_session(session_id)
    await world.sync()
    assert {f"{other}:0"} == await indexed(world, IndexedKind.TURN)
    assert frozenset() == await indexed(world, IndexedKind.SUMMARY)


async def test_a_record_that_goes_while_it_is_written_does_not_come_back(world: World) -> None:
    """The truth is read again after the point was written, and the point removed."""
    session_id = await world.remember(DOG)
    stores, embedder = world.application.stores, world.application.embedder

    class Overtaken(PointMaker):
        """Makes points, and has everything deleted before they are written."""

        def __init__(self) -> None:
            super().__init__(stores.sessions, embedder)
            self.calls = 0

        async def __call__(self, scope: Scope, truth: Mapping[Record, Truth]) -> list[IndexPoint]:
            points = await super().__call__(scope, truth)
            self.calls += 1
            if self.calls == 1:
                await world.forget_session(session_id)
            return points

    sync = syncing(world, Overtaken())
    while await sync("test"):
        pass
    for kind in IndexedKind:
        assert frozenset() == await indexed(world, kind)


async def test_a_record_that_keeps_changing_stays_in_the_outbox(world: World) -> None:
    """It is retired when the index has what the truth says, not before."""
    await world.remember(DOG)
    stores, embedder = world.application.stores, world.application.embedder

    class Restless(PointMaker):
        async def __call__(self, scope: Scope, truth: Mapping[Record, Truth]) -> list[IndexPoint]:
            for one in truth.values():
                if isinstance(one, Memory):
                    await touch(world, one.chain)
            return await super().__call__(scope, truth)

    await syncing(world, Restless(stores.sessions, embedder))("test")
    (chain,) = await world.chains()
    assert [chain.chain_id] == list(await stores.outbox.pending(world.scope, IndexedKind.MEMORY))


async def touch(world: World, chain: MemoryChain) -> None:
    """Change a memory in a way that its point shows."""
    memories = world.application.stores.memories
    current = replace(chain.current, content=chain.current.content + "!")
    revision = await memories.revision(world.scope)
    await memories.apply(world.scope, MemoryChange(revision=revision, put=(replace(chain, versions=(current,)),)))


async def test_one_users_broken_record_does_not_hold_up_others(world: World, application: Application) -> None:
    """The other user's entries are done, the broken one's wait."""
    new = NewUser(user_id=UserId("other"), metadata={}, merge_conflict_enabled=None)
    other = replace(world, user=await application.users.create(world.project_id, new, idempotency_key=None))
    broken, fine = await world.say(DOG), await other.say(DOG)

    class Choking(PointMaker):
        async def __call__(self, scope: Scope, truth: Mapping[Record, Truth]) -> list[IndexPoint]:
            if scope == world.scope:
                raise RuntimeError("cannot be read")
            return await super().__call__(scope, truth)

    sync = syncing(world, Choking(application.stores.sessions, application.embedder))
    with pytest.RaisesGroup(RuntimeError):
        await sync("test")
    assert {f"{fine}:0"} == await indexed(other, IndexedKind.TURN)
    assert [f"{broken}:0"] == list(await application.stores.outbox.pending(world.scope, IndexedKind.TURN))


async def test_pending_records_are_those_of_one_user_and_kind(world: World, application: Application) -> None:
    """Claimed or not; none when all is done."""
    session_id = await world.say("Hello!", "There!")
    outbox = application.stores.outbox
    wanted = {f"{session_id}:0", f"{session_id}:1"}
    assert wanted == set(await outbox.pending(world.scope, IndexedKind.TURN))
    await outbox.claim("somebody", 100)
    assert wanted == set(await outbox.pending(world.scope, IndexedKind.TURN))
    assert [] == list(await outbox.pending(world.scope, IndexedKind.MEMORY))
    nobody = replace(world.scope, user_key=UserKey("00000000-0000-4000-8000-000000000000"))
    assert [] == list(await outbox.pending(nobody, IndexedKind.TURN))


async def test_the_index_can_be_rebuilt(world: World) -> None:
    """From nothing but the records."""
    await world.remember(DOG)
    await world.sync()
    before = {kind: await indexed(world, kind) for kind in IndexedKind}
    queued = await world.application.reindex()
    assert frozenset() == await indexed(world, IndexedKind.TURN)
    assert queued == await world.sync() == sum(len(ids) for ids in before.values())
    assert before == {kind: await indexed(world, kind) for kind in IndexedKind}
