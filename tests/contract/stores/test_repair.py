"""Writers that die between two steps: the first step is made with its script alone."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from service.domain.errors import UserAlreadyExists, UserNotFound
from service.domain.ids import Scope, UserId, UserKey
from service.domain.memories import Source
from service.domain.users import User, UserUpdate
from service.storage.redis import RedisStores
from service.storage.redis.intents import Intent
from service.storage.redis.keys import ProjectKeys
from service.storage.redis.users import removal
from service.storage.redis.writes import Writes
from tests.contract.stores.makers import ACME, FIRST_PAGE, World, connect, new_session, new_user, said

ANN, BEN = UserId("ann"), UserId("ben")


def stranger() -> Scope:
    """Return the scope of a user that is not written yet."""
    return Scope(project_id=ACME, user_key=UserKey(str(uuid4())))


async def listed(stores: RedisStores) -> list[str]:
    """Return the ids that the list of users shows."""
    return [user.user_id for user in (await stores.users.list(ACME, FIRST_PAGE)).items]


async def keys_naming(stores: RedisStores, scope: Scope) -> list[str]:
    """Return every key whose name tells of the user."""
    keys: list[str] = await stores.users.database.get("KEYS", f"*{scope.user_key}*")
    return keys


async def half_delete(stores: RedisStores, scope: Scope) -> None:
    """Run the first script of a deletion, as if the deleter had died then."""
    database, keys = stores.users.database, stores.users.keyspace.user(scope)
    intent = Intent(kind="purge", project_id=ACME, user_key=scope.user_key, name=ANN)
    claim = await database.get("HGET", keys.record, "claim")
    names, arguments = removal(keys, ANN, claim, intent.text, Writes())
    await database.run("delete_user", names, arguments)


async def test_a_fresh_claim_without_its_user_keeps_the_id(stores: RedisStores) -> None:
    """Its user may be about to be written: the id is taken, and nobody has it yet."""
    await stores.users.claims.take(stranger(), ANN)
    with pytest.raises(UserAlreadyExists):
        await stores.users.create(ACME, new_user())
    with pytest.raises(UserNotFound):
        await stores.users.get(ACME, ANN)


async def test_an_old_claim_without_its_user_is_given_to_the_next(stores: RedisStores, impatient: RedisStores) -> None:
    """A create that died after its claim does not block the id."""
    await stores.users.claims.take(stranger(), ANN)
    created = await impatient.users.create(ACME, new_user())
    assert created == await stores.users.get(ACME, ANN)


async def test_a_slow_writer_cannot_use_a_claim_that_was_given_away(stores: RedisStores, impatient: RedisStores) -> None:
    """Its script finds the token void and writes nothing."""
    slow = stranger()
    claim = await stores.users.claims.take(slow, ANN)
    created = await impatient.users.create(ACME, new_user())
    keys = stores.users.keyspace.user(slow)
    names = [keys.record, keys.bucket.void, keys.bucket.intents]
    outcome = await stores.users.database.run("create_user", names, [claim, "-", ANN, "{}", "", ""])
    assert ["void"] == outcome
    assert created == await stores.users.get(ACME, ANN)


async def test_racing_creates_without_patience_make_one_user(impatient: RedisStores) -> None:
    """Even when every claim is at once taken for a dead one, no two users share an id."""
    await connect(impatient)
    for number in range(10):
        name = f"u{number}"
        results = await asyncio.gather(*(impatient.users.create(ACME, new_user(name)) for _ in range(6)), return_exceptions=True)
        made = [result for result in results if isinstance(result, User)]
        assert len(made) <= 1
        assert made == [user for user in (await impatient.users.list(ACME, FIRST_PAGE)).items if user.user_id == name]


async def test_a_user_that_was_never_listed_is_listed_by_the_worker(stores: RedisStores, impatient: RedisStores) -> None:
    """A create that died after its record leaves an intent."""
    scope = stranger()
    claim = await stores.users.claims.take(scope, ANN)
    keys = stores.users.keyspace.user(scope)
    intent = Intent(kind="list", project_id=ACME, user_key=scope.user_key)
    names = [keys.record, keys.bucket.void, keys.bucket.intents]
    await stores.users.database.run("create_user", names, [claim, intent.text, ANN, "{}", "", ""])
    assert [] == await listed(stores)
    await impatient.jobs.fire_due_timers()
    assert ["ann"] == await listed(stores)
    assert 0 == await stores.users.database.get("ZCARD", keys.bucket.intents)


async def test_an_intent_of_a_living_writer_is_left_to_it(stores: RedisStores) -> None:
    """The worker takes up an intent only when it is older than the grace."""
    keys = stores.users.keyspace.user(stranger())
    now = await stores.users.database.get("TIME")
    intent = Intent(kind="list", project_id=ACME, user_key=keys.scope.user_key)
    await stores.users.database.get("ZADD", keys.bucket.intents, f"{now[0]}{now[1]:0>6}", intent.text)
    await stores.jobs.fire_due_timers()
    assert 1 == await stores.users.database.get("ZCARD", keys.bucket.intents)


async def test_a_rename_that_died_after_its_claim_can_be_repeated(world: World, stores: RedisStores) -> None:
    """The claim is the user's own, so no grace is needed."""
    await stores.users.claims.take(world.scope, BEN)
    renamed = await stores.users.update(ACME, ANN, UserUpdate(new_user_id=BEN))
    assert (BEN, world.scope) == (renamed.user_id, renamed.scope)


async def test_a_rename_is_made_with_a_claim_that_somebody_tried_to_take_over(world: World, stores: RedisStores) -> None:
    """Its token was made void, and whoever did that died: the user claims the id anew."""
    claim = await stores.users.claims.take(world.scope, BEN)
    assert await stores.users.claims._void(world.scope, BEN, claim)
    renamed = await stores.users.update(ACME, ANN, UserUpdate(new_user_id=BEN))
    assert (BEN, world.scope) == (renamed.user_id, renamed.scope)


async def test_racing_renames_of_one_user_to_one_id_share_the_claim(world: World, stores: RedisStores) -> None:
    """One is made, the others come too late for the old id, and the new id stays."""
    await connect(stores)
    renames = (stores.users.update(ACME, ANN, UserUpdate(new_user_id=BEN)) for _ in range(8))
    results = await asyncio.gather(*renames, return_exceptions=True)
    assert (1, 7) == (
        sum(isinstance(result, User) for result in results),
        sum(isinstance(result, UserNotFound) for result in results),
    )
    assert world.scope == (await stores.users.get(ACME, BEN)).scope


async def test_a_rename_that_died_after_its_claim_does_not_block_the_id(world: World, impatient: RedisStores) -> None:
    """Somebody else gets it, and the user keeps the id that it has."""
    await impatient.users.claims.take(world.scope, BEN)
    another = await impatient.users.create(ACME, new_user("ben"))
    assert another == await impatient.users.get(ACME, BEN)
    assert world.user == await impatient.users.get(ACME, ANN)


async def test_an_old_id_that_was_never_freed_is_freed_by_the_worker(world: World, impatient: RedisStores) -> None:
    """A rename that died after its script leaves an intent."""
    claim = await impatient.users.claims.take(world.scope, BEN)
    keys = impatient.users.keyspace.user(world.scope)
    intent = Intent(kind="free", project_id=ACME, user_key=world.scope.user_key, name=ANN)
    names = [keys.record, keys.bucket.void, keys.bucket.intents]
    await impatient.users.database.run("update_user", names, [ANN, claim, intent.text, "user_id", BEN])
    with pytest.raises(UserNotFound):
        await impatient.users.get(ACME, ANN)
    await impatient.jobs.fire_due_timers()
    assert 0 == await impatient.users.database.get("EXISTS", ProjectKeys(ACME).claim(ANN))
    assert BEN == (await impatient.users.get(ACME, BEN)).user_id


async def test_a_late_free_does_not_take_an_id_that_the_user_has_again(world: World, stores: RedisStores) -> None:
    """Freeing looks at the record first."""
    await stores.users.claims.free(world.scope, ANN)
    assert world.user == await stores.users.get(ACME, ANN)


async def test_a_deletion_that_died_half_way_is_finished_by_the_worker(world: World, impatient: RedisStores) -> None:
    """After the first script nothing is to be seen; after the worker's round nothing is left."""
    session = await world.session("hello", "again")
    await half_delete(impatient, world.scope)
    with pytest.raises(UserNotFound):
        await impatient.users.get(ACME, ANN)
    assert [None] == await impatient.sessions.messages_at(world.scope, [Source(session_id=session.session_id, message_index=0)])
    assert [] == await listed(impatient)
    await impatient.jobs.fire_due_timers()
    assert [] == await keys_naming(impatient, world.scope)
    assert 0 == await impatient.users.database.get("EXISTS", ProjectKeys(ACME).claim(ANN))


async def test_an_id_is_free_before_the_rest_of_its_user_is_gone(world: World, impatient: RedisStores) -> None:
    """A deletion that died half way blocks nobody, and its end leaves the new user alone."""
    await half_delete(impatient, world.scope)
    created = await impatient.users.create(ACME, new_user())
    await impatient.jobs.fire_due_timers()
    assert created == await impatient.users.get(ACME, ANN)
    assert ["ann"] == await listed(impatient)


async def test_a_timer_of_a_half_deleted_user_makes_no_job(world: World, impatient: RedisStores) -> None:
    """It goes without a trace."""
    session = await impatient.sessions.create(world.scope, new_session(after=timedelta(0)))
    await impatient.sessions.add_messages(world.scope, session.session_id, said("hello"))
    keys = impatient.users.keyspace.user(world.scope)
    await impatient.users.database.get("DEL", keys.record)
    assert 0 == await impatient.jobs.fire_due_timers()
    assert 0 == (await impatient.jobs.depth()).jobs


async def test_an_entry_of_the_list_whose_user_is_gone_is_struck_off(stores: RedisStores) -> None:
    """The first list skips it, the next does not count it."""
    await stores.users.database.get("ZADD", ProjectKeys(ACME).users, 1, stranger().user_key)
    assert [] == await listed(stores)
    assert 0 == (await stores.users.list(ACME, FIRST_PAGE)).total


async def test_categories_that_were_never_named_are_named_by_the_worker(stores: RedisStores, impatient: RedisStores) -> None:
    """A change that died after its script leaves an intent."""
    keys = stores.users.keyspace.user(stranger())
    intent = Intent(kind="categories", project_id=ACME, user_key=keys.scope.user_key, categories=("food",))
    await stores.users.database.get("ZADD", keys.bucket.intents, 0, intent.text)
    assert frozenset() == await stores.memories.categories_in_use(ACME)
    await impatient.jobs.fire_due_timers()
    assert frozenset({"food"}) == await stores.memories.categories_in_use(ACME)


def test_an_intent_is_read_as_it_was_noted() -> None:
    """Its text is stable, because striking it off needs the same text."""
    intent = Intent(kind="categories", project_id=ACME, user_key="u", categories=("b", "a"))
    assert (intent, intent.text) == (Intent.parse(intent.text), Intent.parse(intent.text).text)
