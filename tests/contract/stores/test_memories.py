"""Memories: chains, versions, lists, changes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest

from service.domain.errors import ConcurrentChange, MemoryNotFound
from service.domain.ids import ChainId, MemoryId, SessionId
from service.domain.memories import MemoryChain, MemoryChange, MemoryFilter, Source, VersionReason
from service.domain.values import Page, PageRequest
from tests.contract.stores.makers import ACME, DAY, FIRST_PAGE, GLOBEX, PAST, World, chain, put, version


async def listed(world: World, page: PageRequest = FIRST_PAGE, **about: object) -> Page[MemoryChain]:
    """Return a page of the memories that match."""
    return await world.stores.memories.list(world.scope, page, MemoryFilter(**about))  # type: ignore[arg-type] # passed on as given


async def test_a_chain_comes_back_as_it_was_stored(world: World) -> None:
    """With all versions, times to the microsecond, sources and connections in their order."""
    others = [chain(), chain()]
    full = replace(
        version("Grüße 日本"),
        reason=VersionReason.MERGE_CONFLICT,
        expired_at=PAST + DAY,
        merge_conflict_id="c1",
        sources=tuple(Source(session_id=SessionId(str(uuid4())), message_index=index) for index in (3, 1)),
    )
    stored = chain(full, version(created_at=PAST + DAY), connections=[others[1].chain_id, others[0].chain_id])
    await world.stores.memories.apply(world.scope, put(*others, stored))
    assert [stored] == await world.stores.memories.chains(world.scope, [stored.chain_id])


async def test_chains_come_in_the_order_asked_for(world: World) -> None:
    """With None where there is none."""
    one, two = chain(), chain()
    await world.stores.memories.apply(world.scope, put(one, two))
    wanted = [two.chain_id, ChainId("?"), one.chain_id]
    assert [two, None, one] == await world.stores.memories.chains(world.scope, wanted)
    assert [] == list(await world.stores.memories.chains(world.scope, []))


async def test_a_chain_is_found_by_each_of_its_versions(world: World) -> None:
    """And no longer by one that was removed."""
    stored = chain(version(), version(created_at=PAST + DAY))
    await world.stores.memories.apply(world.scope, put(stored))
    first, second = (each.memory_id for each in stored.versions)
    assert [stored, stored] == [await world.stores.memories.chain_of(world.scope, id_) for id_ in (first, second)]
    left = stored.without(frozenset({first}))
    assert left is not None
    await world.stores.memories.apply(world.scope, put(left, revision=1))
    assert left == await world.stores.memories.chain_of(world.scope, second)
    with pytest.raises(MemoryNotFound):
        await world.stores.memories.chain_of(world.scope, first)


async def test_an_unknown_memory_is_not_found(world: World) -> None:
    """Whatever its id looks like."""
    with pytest.raises(MemoryNotFound):
        await world.stores.memories.chain_of(world.scope, MemoryId("?"))


async def test_each_change_raises_the_revision_by_one(world: World) -> None:
    """From 0; a change of nothing is none."""
    assert 0 == await world.stores.memories.revision(world.scope)
    await world.stores.memories.apply(world.scope, put(chain(), chain()))
    await world.stores.memories.apply(world.scope, put(revision=1))
    assert 1 == await world.stores.memories.revision(world.scope)


async def test_a_change_from_an_old_revision_is_refused(world: World) -> None:
    """Nothing of it is made, and the index is told of nothing."""
    one, two = chain(), chain()
    await world.stores.memories.apply(world.scope, put(one))
    await world.drained_outbox()
    with pytest.raises(ConcurrentChange):
        await world.stores.memories.apply(world.scope, MemoryChange(revision=0, put=(two,), drop=(one.chain_id,)))
    assert [one, None] == await world.stores.memories.chains(world.scope, [one.chain_id, two.chain_id])
    assert set() == await world.drained_outbox()


async def test_of_racing_changes_exactly_one_is_made(world: World) -> None:
    """The others are refused."""
    changes = (world.stores.memories.apply(world.scope, put(chain())) for _ in range(10))
    results = await asyncio.gather(*changes, return_exceptions=True)
    assert (1, 9) == (results.count(None), sum(isinstance(result, ConcurrentChange) for result in results))
    assert 1 == (await listed(world)).total


async def test_the_index_is_told_of_every_changed_chain(world: World) -> None:
    """Put or dropped."""
    one, two = chain(), chain()
    await world.stores.memories.apply(world.scope, put(one))
    await world.drained_outbox()
    await world.stores.memories.apply(world.scope, MemoryChange(revision=1, put=(two,), drop=(one.chain_id,)))
    assert {("memories", one.chain_id), ("memories", two.chain_id)} == await world.drained_outbox()


async def test_the_index_is_not_told_of_connections(world: World) -> None:
    """It knows none; and of a session's changes nearly all are of connections."""
    first, second = chain(), chain()
    await world.stores.memories.apply(world.scope, put(first, second))
    await world.drained_outbox()
    connected = replace(first, connections=(second.chain_id,))
    await world.stores.memories.apply(world.scope, put(connected, revision=1))
    assert ([connected], set()) == (
        await world.stores.memories.chains(world.scope, [first.chain_id]),
        await world.drained_outbox(),
    )


async def test_a_dropped_chain_leaves_no_trace(world: World) -> None:
    """In no list, by no version, in no session, in no connection."""
    dropped = chain(version(categories=["food"]))
    kept = chain(connections=[dropped.chain_id])
    await world.stores.memories.apply(world.scope, put(dropped, kept))
    await world.stores.memories.apply(world.scope, MemoryChange(revision=1, drop=(dropped.chain_id,)))
    memories, scope = world.stores.memories, world.scope
    with pytest.raises(MemoryNotFound):
        await memories.chain_of(scope, dropped.current.memory_id)
    assert [] == list(await memories.chains_of_session(scope, dropped.current.session_id))
    unconnected = replace(kept, connections=())
    assert [None, unconnected] == await memories.chains(scope, [dropped.chain_id, kept.chain_id])
    assert ([unconnected], 1) == ((page := await listed(world, categories=frozenset({"food"}))).items, page.total)


async def test_dropping_what_is_not_there_is_no_error(world: World) -> None:
    """It is a change all the same."""
    await world.stores.memories.apply(world.scope, MemoryChange(revision=0, drop=(ChainId("?"),)))
    assert 1 == await world.stores.memories.revision(world.scope)


async def test_chains_of_a_session_are_those_it_created_or_is_a_source_of(world: World) -> None:
    """By any of their versions."""
    session_id = SessionId(str(uuid4()))
    created = chain(version(session_id=session_id), version())
    sourced = chain(version(sources=[Source(session_id=session_id, message_index=3)]))
    await world.stores.memories.apply(world.scope, put(created, sourced, chain()))
    found = await world.stores.memories.chains_of_session(world.scope, session_id)
    assert {created.chain_id, sourced.chain_id} == {each.chain_id for each in found}
    left = created.without(frozenset({created.versions[0].memory_id}))
    assert left is not None
    await world.stores.memories.apply(world.scope, put(left, revision=1))
    assert [sourced] == list(await world.stores.memories.chains_of_session(world.scope, session_id))


async def test_memories_are_listed_newest_current_version_first(world: World) -> None:
    """A new version moves its chain to the front."""
    chains = [chain(version(created_at=PAST + day * DAY)) for day in range(3)]
    await world.stores.memories.apply(world.scope, put(*chains))
    page = await listed(world, PageRequest(offset=1, limit=1))
    assert ([chains[1]], 3) == (page.items, page.total)
    renewed = chains[0].extended(version(created_at=PAST + 9 * DAY))
    await world.stores.memories.apply(world.scope, put(renewed, revision=1))
    assert [renewed, chains[2], chains[1]] == (await listed(world)).items


async def test_memories_are_filtered_by_any_of_some_categories(world: World) -> None:
    """Of their current version, newest first, with the total of what matches; names may hold any character."""
    tea = chain(version(categories=["food", "a:b *"]))
    job = chain(version(categories=["work"], created_at=PAST + DAY))
    moved = chain(version(categories=["food"]), version(categories=["work"], created_at=PAST + 2 * DAY))
    near = chain(version(categories=["foo", "a"]))
    await world.stores.memories.apply(world.scope, put(tea, job, moved, near))
    assert [tea] == (await listed(world, categories=frozenset({"food"}))).items
    assert [tea] == (await listed(world, categories=frozenset({"a:b *"}))).items
    page = await listed(world, PageRequest(offset=1, limit=1), categories=frozenset({"food", "work", "other"}))
    assert ([job], 3) == (page.items, page.total)


async def test_a_chain_that_changes_its_category_changes_its_list(world: World) -> None:
    """The category of an older version no longer counts."""
    first = chain(version(categories=["food"]))
    await world.stores.memories.apply(world.scope, put(first))
    await world.stores.memories.apply(
        world.scope, put(first.extended(version(categories=["work"], created_at=PAST + DAY)), revision=1)
    )
    assert (0, 1) == (
        (await listed(world, categories=frozenset({"food"}))).total,
        (await listed(world, categories=frozenset({"work"}))).total,
    )


async def test_memories_are_filtered_by_session(world: World) -> None:
    """By the session of the current version, and by what the session's metadata contains; all conditions must hold."""
    red = await world.session("x", metadata={"colour": "red"})
    blue = await world.session("x", metadata={"colour": "blue"})
    of_red = chain(version(session_id=red.session_id, categories=["food"]))
    of_blue = chain(version(session_id=blue.session_id))
    was_red = chain(version(session_id=red.session_id), version(session_id=blue.session_id, created_at=PAST + DAY))
    await world.stores.memories.apply(world.scope, put(of_red, of_blue, was_red))
    both = frozenset({red.session_id, blue.session_id})
    assert [of_red] == (await listed(world, session_ids=frozenset({red.session_id}))).items
    assert [of_red] == (await listed(world, session_metadata={"colour": "red"})).items
    assert [was_red, of_blue] == (await listed(world, session_ids=both, session_metadata={"colour": "blue"})).items
    assert [] == (await listed(world, session_ids=both, session_metadata={"colour": "green"})).items
    assert [] == (await listed(world, session_ids=both, categories=frozenset({"work"}))).items
    assert ([was_red], 3) == ((page := await listed(world, PageRequest(offset=0, limit=1), session_ids=both)).items, page.total)


async def test_categories_in_use_are_those_of_the_whole_project(world: World) -> None:
    """Of every version of every user, and also when the memory is gone."""
    stored = chain(version(categories=["food"]), version(categories=["work"], created_at=PAST + DAY))
    await world.stores.memories.apply(world.scope, put(stored))
    await world.stores.memories.apply(world.scope, MemoryChange(revision=1, drop=(stored.chain_id,)))
    assert frozenset({"food", "work"}) == await world.stores.memories.categories_in_use(ACME)
    assert frozenset() == await world.stores.memories.categories_in_use(GLOBEX)


async def test_a_change_may_be_large(world: World) -> None:
    """A thousand chains in one step."""
    await world.stores.memories.apply(world.scope, put(*(chain() for _ in range(1000))))
    assert 1000 == (await listed(world)).total
