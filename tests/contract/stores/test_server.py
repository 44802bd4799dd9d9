"""The connection: addresses, failures, durability, and what the scripts promise."""

from __future__ import annotations

import asyncio
from importlib.resources import files
from typing import get_args

import pytest

from service.domain.errors import StorageUnavailable
from service.domain.sessions import Message
from service.domain.values import PageRequest
from service.storage.redis import BucketsMismatch, RedisStores, open_stores, scripts
from service.storage.redis.keys import Keyspace
from service.storage.redis.scripts import ScriptName
from service.storage.redis.streams import GROUP
from tests.contract.servers import Server
from tests.contract.stores.conftest import BUCKETS, Client, Opener
from tests.contract.stores.makers import ACME, FIRST_PAGE, World, new_session, new_user, said

EVERYTHING = PageRequest(offset=0, limit=1_000_000)


@pytest.mark.parametrize("name", get_args(ScriptName))
def test_a_script_says_what_it_is_for(name: ScriptName) -> None:
    """It begins with the line that makes a cluster check its keys, and with a comment that names them."""
    text = (files(scripts) / f"{name}.lua").read_text()
    assert text.startswith("#!lua\n-- ")
    assert "-- KEYS: " in text
    assert scripts.script(name).text.startswith("#!lua\n")


def test_every_script_has_a_name() -> None:
    """A file that no name stands for would be dead."""
    assert set(get_args(ScriptName)) == {file.name[:-4] for file in files(scripts).iterdir() if file.name.endswith(".lua")}


async def test_the_number_of_buckets_is_settled_once(opener: Opener, stores: RedisStores) -> None:
    """Opening with another number names both and changes nothing."""
    with pytest.raises(BucketsMismatch) as error:
        async with opener(buckets=BUCKETS + 1):
            pass
    assert (BUCKETS, BUCKETS + 1) == (error.value.stored, error.value.configured)
    async with opener():
        assert 0 == (await stores.jobs.depth()).jobs


async def test_opening_twice_keeps_what_is_there(world: World, opener: Opener) -> None:
    """Groups that exist are left alone, and entries from before are seen."""
    await world.session("x")
    async with opener() as again:
        assert world.scope == (await again.users.get(ACME, world.user.user_id)).scope
        assert 1 == len(await again.outbox.claim("w1", 10))


async def test_entries_from_before_the_group_are_claimed(client: Client, opener: Opener) -> None:
    """A group is made at the beginning of its stream, not at its end."""
    name = Keyspace(BUCKETS).all_buckets()[0].outbox
    await client.xadd(name, {"project": "p", "user": "u", "kind": "turns", "record": "r"})
    async with opener() as stores:
        assert ["r"] == [entry.record_id for entry in await stores.outbox.claim("w1", 10)]


async def test_workers_that_went_are_forgotten_unless_they_hold_something(world: World, client: Client) -> None:
    """A lease outlives its worker; nothing else of it does."""
    streams = world.stores.outbox.streams
    await world.session("x")
    (entry,) = await world.stores.outbox.claim("dead", 1)
    await world.session("y")
    await world.stores.outbox.retire(await world.stores.outbox.claim("gone", 1))
    name = streams.names[entry.bucket]
    await streams.database.run("prepare_stream", [name], [GROUP, 0])
    assert ["dead"] == [consumer["name"] for consumer in await client.xinfo_consumers(name, GROUP)]


async def test_no_server_is_a_clear_error() -> None:
    """It names the store and no address."""
    with pytest.raises(StorageUnavailable) as error:
        async with open_stores("unix:///tmp/there-is-no-such-socket", buckets=BUCKETS):  # nothing listens there
            pass
    assert {"store": "redis"} == error.value.metadata
    assert "tmp" not in str(error.value)


async def test_every_call_to_a_dead_server_is_a_clear_error(lone_server: Server) -> None:
    """And the same stores work again when the server is back, with what was written before."""
    async with open_stores(lone_server.url, buckets=BUCKETS) as stores:
        user = await stores.users.create(ACME, new_user())
        lone_server.kill()
        for call in (
            stores.users.get(ACME, user.user_id),
            stores.sessions.create(user.scope, new_session()),
            stores.users.list(ACME, FIRST_PAGE),
            stores.jobs.claim("w1", 1),
            stores.jobs.fire_due_timers(),
        ):
            with pytest.raises(StorageUnavailable):
                await call
        lone_server.start()
        assert user == await stores.users.get(ACME, user.user_id)
        await stores.sessions.create(user.scope, new_session())


async def test_a_server_that_cannot_write_is_a_clear_error(stores: RedisStores, client: Client) -> None:
    """Out of memory, for example: the write is refused, and it works when there is room again."""
    await client.config_set("maxmemory", "1")
    try:
        with pytest.raises(StorageUnavailable):
            await stores.users.create(ACME, new_user())
    finally:
        await client.config_set("maxmemory", "0")
    assert 0 == (await stores.users.list(ACME, FIRST_PAGE)).total


async def test_a_server_that_forgot_the_scripts_is_taught_them_again(world: World, client: Client) -> None:
    """Nothing fails and nothing is written twice."""
    session = await world.session("x")
    await client.script_flush()
    await world.stores.sessions.add_messages(world.scope, session.session_id, said("y"))
    assert 2 == (await world.stores.sessions.get(world.scope, session.session_id)).message_count


async def test_no_acknowledged_message_is_lost_when_the_server_is_killed(lone_server: Server) -> None:
    """Many writers are at work when it dies; every message that was answered is there afterwards, where the answer said."""
    acknowledged: list[Message] = []

    async def write(stores: RedisStores, world: World) -> None:
        session = await world.session("first")
        while True:
            acknowledged.extend(await stores.sessions.add_messages(world.scope, session.session_id, said("a", "b")))

    async with open_stores(lone_server.url, buckets=BUCKETS) as stores:
        world = World(stores, await stores.users.create(ACME, new_user()))
        writers = [asyncio.create_task(write(stores, world)) for _ in range(8)]
        while len(acknowledged) < 400:
            await asyncio.sleep(0)
        lone_server.kill()
        ended = await asyncio.gather(*writers, return_exceptions=True)
        assert [StorageUnavailable] * 8 == [type(error) for error in ended]
        lone_server.start()
        for session_id in {message.session_id for message in acknowledged}:
            expected = [message for message in acknowledged if message.session_id == session_id]
            stored = (await stores.sessions.messages(world.scope, session_id, EVERYTHING)).items
            assert expected == [stored[message.index] for message in expected]
