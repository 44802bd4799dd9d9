"""The outbox: index entries to bring up to date."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from service.domain.ports.work import IndexedKind, OutboxEntry
from service.storage.redis import RedisStores
from tests.conftest import Waiter
from tests.contract.stores.conftest import Opener
from tests.contract.stores.makers import ACME, GLOBEX, World, chain, commit, new_user, project, said, summary


async def claim_all(stores: RedisStores) -> list[OutboxEntry]:
    """Claim until nothing is left."""
    found: list[OutboxEntry] = []
    while entries := await stores.outbox.claim("w1", 100):
        found += entries
    return found


async def test_entries_come_oldest_first(world: World) -> None:
    """And name the scope, the kind and the record."""
    session = await world.session("a", "b", "c")
    entries = await world.stores.outbox.claim("w1", 10)
    assert [(world.scope, IndexedKind.TURN, f"{session.session_id}:{index}") for index in range(3)] == [
        (entry.scope, entry.kind, entry.record_id) for entry in entries
    ]


async def test_a_claim_takes_no_more_than_its_limit(world: World) -> None:
    """What is leased is not claimed again."""
    await world.session("a", "b", "c")
    sizes = [len(await world.stores.outbox.claim(consumer, 2)) for consumer in ("w1", "w2", "w3")]
    assert [2, 1, 0] == sizes


async def test_an_entry_is_there_until_it_is_retired(world: World, opener: Opener, wait_until: Waiter[object]) -> None:
    """A worker that dies leaves it to the next."""
    await world.session("a")
    (first,) = await world.stores.outbox.claim("dead", 10)
    async with opener(lease=timedelta(milliseconds=20)) as hasty:

        async def claimed_again() -> bool:
            return [first] == await hasty.outbox.claim("alive", 10)

        await wait_until(claimed_again, "the lease ran out")
        await hasty.outbox.retire([first])
        assert ([], 0) == (await hasty.outbox.claim("alive", 10), (await hasty.jobs.depth()).outbox)


async def test_retiring_twice_is_no_error(world: World) -> None:
    """Neither is retiring nothing."""
    await world.session("a")
    entries = await world.stores.outbox.claim("w1", 10)
    await world.stores.outbox.retire(entries)
    await world.stores.outbox.retire(entries)
    await world.stores.outbox.retire([])
    assert 0 == (await world.stores.jobs.depth()).outbox


async def test_entries_of_many_buckets_are_retired_together(stores: RedisStores) -> None:
    """Every bucket loses its own."""
    for number in range(10):
        world = World(stores, await stores.users.create(ACME, new_user(f"u{number}")))
        await world.session("a")
    entries = await claim_all(stores)
    assert len({entry.bucket for entry in entries}) > 1
    await stores.outbox.retire(entries)
    assert 0 == (await stores.jobs.depth()).outbox


async def test_every_record_is_queued_for_a_new_index(world: World) -> None:
    """Of every user of every project: each turn, summary and chain, once."""
    stores = world.stores
    await stores.projects.create(project(ACME))
    await stores.projects.create(project(GLOBEX))
    job = await world.job("a", "b")
    session, stored = await stores.sessions.get(world.scope, job.session_id), chain()
    await stores.jobs.commit(job, commit(stored, summary=summary(session)))
    other = World(stores, await stores.users.create(GLOBEX, new_user()))
    elsewhere = await other.session("c")
    await stores.outbox.retire(await claim_all(stores))

    assert 5 == await stores.outbox.enqueue_all()
    assert {
        (world.scope, IndexedKind.TURN, f"{session.session_id}:0"),
        (world.scope, IndexedKind.TURN, f"{session.session_id}:1"),
        (world.scope, IndexedKind.SUMMARY, session.session_id),
        (world.scope, IndexedKind.MEMORY, stored.chain_id),
        (other.scope, IndexedKind.TURN, f"{elsewhere.session_id}:0"),
    } == {(entry.scope, entry.kind, entry.record_id) for entry in await claim_all(stores)}


async def test_the_users_of_a_large_project_are_all_queued(world: World) -> None:
    """More than one round trip reads, each once."""
    await world.stores.projects.create(project(ACME))
    users = await asyncio.gather(*(world.stores.users.create(ACME, new_user(f"u{number}")) for number in range(700)))
    await asyncio.gather(*(World(world.stores, user).session("x") for user in users))
    await world.stores.outbox.retire(await claim_all(world.stores))
    assert 700 == await world.stores.outbox.enqueue_all()
    assert {user.scope for user in users} == {entry.scope for entry in await claim_all(world.stores)}


async def test_a_long_session_is_queued_whole(world: World) -> None:
    """More turns than one script queues."""
    await world.stores.projects.create(project(ACME))
    session = await world.session("first")
    await world.stores.sessions.add_messages(world.scope, session.session_id, said(*map(str, range(1200))))
    await world.stores.outbox.retire(await claim_all(world.stores))
    assert (1201, 1201) == (await world.stores.outbox.enqueue_all(), (await world.stores.jobs.depth()).outbox)
