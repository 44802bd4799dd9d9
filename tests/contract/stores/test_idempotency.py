"""Requests that come twice."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from service.domain.errors import IdempotencyKeyReused, SessionNotWritable, UserAlreadyExists
from service.domain.ids import Scope, UserId, UserKey
from service.domain.sessions import SessionFilter
from service.domain.users import UserUpdate
from service.storage.redis import RedisStores
from service.storage.redis.keys import ProjectKeys
from tests.contract.stores.makers import ACME, FIRST_PAGE, GLOBEX, World, connect, new_session, new_user, said

KEY = "k" * 255


async def test_a_repeated_create_of_a_user_gets_the_first_answer(stores: RedisStores) -> None:
    """Also when the user was changed meanwhile."""
    first = await stores.users.create(ACME, new_user(metadata={"a": 1}), idempotency_key=KEY)
    await stores.users.update(ACME, UserId("ann"), UserUpdate(new_user_id=UserId("ben"), new_metadata={}))
    assert first == await stores.users.create(ACME, new_user(metadata={"a": 1}), idempotency_key=KEY)
    assert 1 == (await stores.users.list(ACME, FIRST_PAGE)).total


async def test_another_user_under_the_same_key_is_refused(stores: RedisStores) -> None:
    """Another id, or other metadata; nothing is created."""
    await stores.users.create(ACME, new_user(), idempotency_key=KEY)
    for other in (new_user("ben"), new_user(metadata={"a": 1})):
        with pytest.raises(IdempotencyKeyReused):
            await stores.users.create(ACME, other, idempotency_key=KEY)
    assert 1 == (await stores.users.list(ACME, FIRST_PAGE)).total


async def test_racing_repeats_of_one_create_get_one_user(stores: RedisStores) -> None:
    """All of them the same answer."""
    await connect(stores)
    results = await asyncio.gather(*(stores.users.create(ACME, new_user(), idempotency_key=KEY) for _ in range(10)))
    assert 1 == len({(user.user_key, user.created_at) for user in results})
    assert 1 == (await stores.users.list(ACME, FIRST_PAGE)).total


async def test_a_refused_create_is_refused_again(stores: RedisStores) -> None:
    """The key does not turn a conflict into a success."""
    await stores.users.create(ACME, new_user())
    for _ in range(2):
        with pytest.raises(UserAlreadyExists):
            await stores.users.create(ACME, new_user(), idempotency_key=KEY)


async def test_a_key_belongs_to_its_project(stores: RedisStores) -> None:
    """Another project may use the same."""
    first = await stores.users.create(ACME, new_user(), idempotency_key=KEY)
    other = await stores.users.create(GLOBEX, new_user("ben"), idempotency_key=KEY)
    assert first.user_key != other.user_key


async def test_a_create_that_died_half_way_is_finished_by_its_repeat(stores: RedisStores) -> None:
    """The repeat goes on with the uuid that the first one had."""
    asked = new_user()
    first = Scope(project_id=ACME, user_key=UserKey(str(uuid4())))
    scope = await stores.users._remembered(first, asked, KEY, "")
    await stores.users.claims.take(scope, asked.user_id)
    created = await stores.users.create(ACME, asked, idempotency_key=KEY)
    assert (scope, created) == (created.scope, await stores.users.get(ACME, asked.user_id))


async def test_a_repeated_opening_of_a_session_gets_the_first_answer(world: World) -> None:
    """One session is opened."""
    first = await world.stores.sessions.create(world.scope, new_session({"a": 1}), idempotency_key=KEY)
    await world.stores.sessions.add_messages(world.scope, first.session_id, said("x"))
    assert first == await world.stores.sessions.create(world.scope, new_session({"a": 1}), idempotency_key=KEY)
    with pytest.raises(IdempotencyKeyReused):
        await world.stores.sessions.create(world.scope, new_session(), idempotency_key=KEY)
    assert 1 == (await world.stores.sessions.list(world.scope, FIRST_PAGE, SessionFilter())).total


async def test_repeated_messages_get_the_first_answer(world: World) -> None:
    """They are appended once; the repeat restarts nothing."""
    session = await world.session("x")
    first = await world.stores.sessions.add_messages(world.scope, session.session_id, said("y", "z"), idempotency_key=KEY)
    before = await world.stores.sessions.get(world.scope, session.session_id)
    again = await world.stores.sessions.add_messages(world.scope, session.session_id, said("y", "z"), idempotency_key=KEY)
    assert (first, before) == (again, await world.stores.sessions.get(world.scope, session.session_id))


async def test_other_messages_under_the_same_key_are_refused(world: World) -> None:
    """Another text or another session is another request; nothing is appended."""
    one, two = await world.session("x"), await world.session("x")
    await world.stores.sessions.add_messages(world.scope, one.session_id, said("y"), idempotency_key=KEY)
    for session_id, text in ((one.session_id, "z"), (two.session_id, "y")):
        with pytest.raises(IdempotencyKeyReused):
            await world.stores.sessions.add_messages(world.scope, session_id, said(text), idempotency_key=KEY)
    assert two == await world.stores.sessions.get(world.scope, two.session_id)


async def test_repeated_messages_are_answered_after_the_session_was_closed(world: World) -> None:
    """What was accepted once is not refused later; what was refused is not kept as an answer."""
    session = await world.session("x")
    first = await world.stores.sessions.add_messages(world.scope, session.session_id, said("y"), idempotency_key=KEY)
    await world.stores.sessions.start_processing(world.scope, session.session_id)
    assert first == await world.stores.sessions.add_messages(world.scope, session.session_id, said("y"), idempotency_key=KEY)
    for _ in range(2):
        with pytest.raises(SessionNotWritable):
            await world.stores.sessions.add_messages(world.scope, session.session_id, said("y"), idempotency_key="other")


async def test_racing_repeats_of_messages_append_once(world: World) -> None:
    """All of them the same answer."""
    session = await world.session("x")
    adds = (
        world.stores.sessions.add_messages(world.scope, session.session_id, said("y"), idempotency_key=KEY) for _ in range(10)
    )
    results = await asyncio.gather(*adds)
    assert [results[0]] * 10 == results
    assert 2 == (await world.stores.sessions.get(world.scope, session.session_id)).message_count


async def test_kinds_of_requests_do_not_share_keys(world: World) -> None:
    """A session and a message may come with the same key."""
    session = await world.stores.sessions.create(world.scope, new_session(), idempotency_key=KEY)
    added = await world.stores.sessions.add_messages(world.scope, session.session_id, said("x"), idempotency_key=KEY)
    assert 1 == len(added)


async def test_answers_are_kept_for_a_day(world: World) -> None:
    """Not longer, not shorter; the index of them is trimmed with them."""
    keys = world.stores.users.keyspace.user(world.scope)
    database = world.stores.users.database
    await database.get("ZADD", keys.answers, 1, "expired long ago")
    await world.stores.sessions.create(world.scope, new_session(), idempotency_key=KEY)
    (name,) = await database.get("ZRANGE", keys.answers, 0, -1)
    await world.stores.users.create(ACME, new_user("ben"), idempotency_key=KEY)
    left = await database.send(("TTL", name), ("TTL", ProjectKeys(ACME).answer(KEY)))
    assert all(86390 < seconds <= 86400 for seconds in left)
