"""Deleting memories and sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from service.domain.errors import ConcurrentChange, MemoryNotFound, SessionNotFound
from service.domain.ids import MemoryId, Scope, SessionId
from service.domain.memories import MemoryChain, MemoryChange, Source
from service.domain.ports.stores import MemoryStore
from service.domain.ports.work import IndexedKind
from service.usecases.deletions.holds import Holds
from service.usecases.memory.delete import DeleteMemory
from tests.conftest import FakeClock
from tests.usecases.world import World

CITIES = ("I live in Lisbon.", "I moved, I live in Porto now.", "I moved, I live in Oslo now.")


async def remember_moves(world: World, clock: FakeClock) -> tuple[MemoryChain, Sequence[SessionId]]:
    """Return one memory of three versions and the sessions that made them."""
    sessions = []
    for city in CITIES:
        sessions.append(await world.remember(city))
        clock.advance(timedelta(days=1))
    (chain,) = await world.chains()
    assert 3 == len(chain.versions)
    return chain, sessions


async def delete(world: World, memory_id: MemoryId, *, with_older: bool = False) -> None:
    """Delete one version."""
    await world.application.memory.delete(world.project_id, world.user.user_id, memory_id, with_older=with_older)


async def left(world: World) -> list[MemoryId]:
    """Return the versions that are left of the one memory, oldest first."""
    return [version.memory_id for chain in await world.chains() for version in chain.versions]


async def test_the_one_before_the_newest_is_current_again(world: World, clock: FakeClock) -> None:
    """With its expiry cleared."""
    chain, _ = await remember_moves(world, clock)
    first, second, third = (version.memory_id for version in chain.versions)
    await delete(world, third)
    (now,) = await world.chains()
    assert [first, second] == await left(world)
    assert (second, None) == (now.current.memory_id, now.current.expired_at)


async def test_a_version_in_the_middle_closes_the_gap(world: World, clock: FakeClock) -> None:
    """Its neighbours follow each other."""
    chain, _ = await remember_moves(world, clock)
    first, second, third = (version.memory_id for version in chain.versions)
    await delete(world, second)
    assert [first, third] == await left(world)
    (now,) = await world.chains()
    assert now.current.created_at == now.versions[0].expired_at


async def test_older_versions_can_go_too(world: World, clock: FakeClock) -> None:
    """From the middle on down, and from the newest the whole memory."""
    chain, _ = await remember_moves(world, clock)
    _, second, third = (version.memory_id for version in chain.versions)
    await delete(world, second, with_older=True)
    assert [third] == await left(world)
    await delete(world, third, with_older=True)
    assert [] == await left(world)


async def test_a_deleted_version_is_not_found(world: World) -> None:
    """Nor can it be deleted again."""
    await world.remember(CITIES[0])
    (chain,) = await world.chains()
    await delete(world, chain.current.memory_id)
    with pytest.raises(MemoryNotFound):
        await delete(world, chain.current.memory_id)
    with pytest.raises(MemoryNotFound):
        await world.application.memory.get(world.project_id, world.user.user_id, chain.current.memory_id)


async def test_nothing_stays_connected_to_what_is_gone(world: World) -> None:
    """The neighbours forget a memory when its last version goes."""
    await world.remember("My brother Tom plays the cello in an orchestra.")
    await world.remember("I visited Tom in Sintra last weekend.")
    first, second = await world.chains()
    assert (second.chain_id,) == first.connections
    await delete(world, second.current.memory_id)
    (only,) = await world.chains()
    assert () == only.connections


async def test_a_deleted_session_takes_its_versions(world: World, clock: FakeClock) -> None:
    """And no others: the memory is as it was without the session."""
    chain, sessions = await remember_moves(world, clock)
    first, _, third = (version.memory_id for version in chain.versions)
    await world.forget_session(sessions[1])
    assert [first, third] == await left(world)
    await world.forget_session(sessions[2])
    assert [first] == await left(world)
    assert (await world.chains())[0].current.expired_at is None
    with pytest.raises(SessionNotFound):
        await world.forget_session(sessions[2])


async def test_a_deleted_session_is_no_source_any_more(world: World) -> None:
    """What another session said too stays, borne out by that one alone."""
    first = await world.remember("I adopted a dog named Rex.")
    second = await world.remember("I adopted a dog named Rex.")
    await world.forget_session(second)
    (chain,) = await world.chains()
    assert [first] == [source.session_id for source in chain.current.sources]


async def test_a_version_without_sources_goes(world: World) -> None:
    """Nothing would bear it out."""
    await world.remember("I adopted a dog named Rex.")
    other = await world.say("something")
    memories = world.application.stores.memories
    (chain,) = await world.chains()
    moved = replace(chain.current, sources=(Source(session_id=other, message_index=0),))
    revision = await memories.revision(world.scope)
    await memories.apply(world.scope, MemoryChange(revision=revision, put=(replace(chain, versions=(moved,)),)))
    await world.forget_session(other)
    assert [] == await left(world)


async def test_a_deletion_holds_against_other_writers(world: World) -> None:
    """It is worked out again when the memories moved on, and gives up after a while."""
    await world.remember("I adopted a dog named Rex.", "My brother Tom plays the cello in an orchestra.")
    store = world.application.stores.memories
    victim, other = await world.chains()
    losses = 3
    attempts = 0

    class Contended:
        """The store, with another writer who is faster for a while."""

        def __getattr__(self, name: str) -> object:
            return getattr(store, name)

        async def chain_of(self, _scope: Scope, memory_id: MemoryId) -> MemoryChain:
            nonlocal attempts
            chain = await store.chain_of(world.scope, memory_id)
            attempts += 1
            if attempts <= losses:
                revision = await store.revision(world.scope)
                await store.apply(world.scope, MemoryChange(revision=revision, put=(other,)))
            return chain

    stores = world.application.stores
    contended = DeleteMemory(stores.users, cast(MemoryStore, Contended()), stores.conflicts, Holds(stores.sessions))
    await contended(world.project_id, world.user.user_id, victim.current.memory_id, with_older=False)
    assert (losses + 1, [other.chain_id]) == (attempts, [chain.chain_id for chain in await world.chains()])
    losses = 1000
    with pytest.raises(ConcurrentChange):
        await contended(world.project_id, world.user.user_id, other.current.memory_id, with_older=False)


async def test_a_deleted_user_leaves_nothing_to_find(world: World) -> None:
    """Neither records nor points."""
    await world.remember("I adopted a dog named Rex.")
    await world.sync()
    await world.application.users.delete(world.project_id, world.user.user_id)
    await world.sync()
    for kind in IndexedKind:
        assert frozenset() == await world.application.index.record_ids(kind, world.scope)
