"""Users: create, get, list, update."""

from __future__ import annotations

import asyncio

import pytest

from service.domain.errors import UserAlreadyExists, UserNotFound
from service.domain.ids import UserId
from service.domain.users import User, UserUpdate
from service.domain.values import JsonObject, PageRequest
from service.storage.redis import RedisStores
from tests.contract.stores.makers import ACME, FIRST_PAGE, GLOBEX, connect, new_user

ANN, BEN = UserId("ann"), UserId("ben")


async def ids(stores: RedisStores, **about: object) -> list[str]:
    """Return the ids of the users that the list shows."""
    page = await stores.users.list(ACME, FIRST_PAGE, **about)  # type: ignore[arg-type] # passed on as given
    return [user.user_id for user in page.items]


async def test_a_user_comes_back_as_it_was_created(stores: RedisStores) -> None:
    """What create returns is what get returns; metadata keeps types, order and any script."""
    metadata: JsonObject = {"z": [1, "1", True, None, {"é": "日本 🙂"}], "a": {}, "e": []}
    created = await stores.users.create(ACME, new_user("Ann {x} ü:*", metadata))
    assert created == await stores.users.get(ACME, UserId("Ann {x} ü:*"))
    assert list(metadata.items()) == list(created.metadata.items())
    assert created.created_at == created.last_active_at


async def test_an_unknown_user_is_not_found(stores: RedisStores) -> None:
    """Nothing can be read, changed or deleted of a user that does not exist."""
    with pytest.raises(UserNotFound):
        await stores.users.get(ACME, ANN)
    with pytest.raises(UserNotFound):
        await stores.users.update(ACME, ANN, UserUpdate(new_metadata={}))
    with pytest.raises(UserNotFound):
        await stores.users.delete(ACME, ANN)


async def test_an_id_is_taken_once_in_a_project(stores: RedisStores) -> None:
    """The same id in another project is another user."""
    first = await stores.users.create(ACME, new_user())
    with pytest.raises(UserAlreadyExists):
        await stores.users.create(ACME, new_user())
    other = await stores.users.create(GLOBEX, new_user())
    assert first.user_key != other.user_key


async def test_of_racing_creates_exactly_one_wins(stores: RedisStores) -> None:
    """All others are told that the id is taken, and one user is listed."""
    await connect(stores)
    results = await asyncio.gather(*(stores.users.create(ACME, new_user()) for _ in range(20)), return_exceptions=True)
    winners = [result for result in results if isinstance(result, User)]
    losers = [result for result in results if isinstance(result, UserAlreadyExists)]
    assert (1, 19) == (len(winners), len(losers))
    assert winners == (await stores.users.list(ACME, FIRST_PAGE)).items


async def test_users_are_listed_newest_first(stores: RedisStores) -> None:
    """A page has its part of the list and the total of all."""
    for number in range(5):
        await stores.users.create(ACME, new_user(f"u{number}"))
    page = await stores.users.list(ACME, PageRequest(offset=1, limit=2))
    assert (["u3", "u2"], 5, True) == ([user.user_id for user in page.items], page.total, page.has_more)


async def test_a_page_of_nothing_is_empty(stores: RedisStores) -> None:
    """A limit of 0 gives no items and still the total."""
    await stores.users.create(ACME, new_user())
    page = await stores.users.list(ACME, PageRequest(offset=0, limit=0))
    assert ([], 1) == (list(page.items), page.total)


async def test_a_filtered_list_counts_what_matches(stores: RedisStores) -> None:
    """Offset, limit and total are about the users whose metadata contains the filter."""
    for number in range(6):
        await stores.users.create(ACME, new_user(f"u{number}", {"even": number % 2 == 0, "tags": [number, {"deep": "x"}]}))
    page = await stores.users.list(ACME, PageRequest(offset=1, limit=1), metadata={"even": True})
    assert (["u2"], 3, True) == ([user.user_id for user in page.items], page.total, page.has_more)
    assert ["u1"] == await ids(stores, metadata={"tags": [1, {"deep": "x"}]})
    assert [] == await ids(stores, metadata={"even": 1})


async def test_an_update_replaces_only_what_is_given(stores: RedisStores) -> None:
    """None leaves a field as it is; the flag can be set to None on purpose."""
    created = await stores.users.create(ACME, new_user(metadata={"a": 1}))
    flagged = await stores.users.update(ACME, ANN, UserUpdate(set_merge_conflict_enabled=True, merge_conflict_enabled=True))
    assert ({"a": 1}, True) == (flagged.metadata, flagged.merge_conflict_enabled)
    changed = await stores.users.update(ACME, ANN, UserUpdate(new_metadata={"b": 2}))
    assert ({"b": 2}, True) == (changed.metadata, changed.merge_conflict_enabled)
    cleared = await stores.users.update(ACME, ANN, UserUpdate(set_merge_conflict_enabled=True))
    assert cleared.merge_conflict_enabled is None
    assert created.created_at == cleared.created_at


async def test_a_renamed_user_keeps_its_scope(stores: RedisStores) -> None:
    """The new id finds the same user, the old id is free for another."""
    created = await stores.users.create(ACME, new_user())
    renamed = await stores.users.update(ACME, ANN, UserUpdate(new_user_id=BEN, new_metadata={"a": 1}))
    assert (created.scope, BEN, {"a": 1}) == (renamed.scope, renamed.user_id, renamed.metadata)
    assert renamed == await stores.users.get(ACME, BEN)
    with pytest.raises(UserNotFound):
        await stores.users.get(ACME, ANN)
    another = await stores.users.create(ACME, new_user())
    assert another.scope != created.scope
    assert ["ann", "ben"] == await ids(stores)


async def test_a_user_cannot_take_the_id_of_another(stores: RedisStores) -> None:
    """A refused rename changes nothing, metadata included."""
    await stores.users.create(ACME, new_user("ann", {"a": 1}))
    await stores.users.create(ACME, new_user("ben"))
    with pytest.raises(UserAlreadyExists):
        await stores.users.update(ACME, ANN, UserUpdate(new_user_id=BEN, new_metadata={}))
    assert {"a": 1} == (await stores.users.get(ACME, ANN)).metadata


async def test_a_rename_to_the_own_id_is_an_update(stores: RedisStores) -> None:
    """The id that a user has already is no conflict."""
    await stores.users.create(ACME, new_user())
    same = await stores.users.update(ACME, ANN, UserUpdate(new_user_id=ANN, new_metadata={"a": 1}))
    assert (ANN, {"a": 1}) == (same.user_id, same.metadata)


async def test_an_id_that_passes_to_another_user_leads_to_that_one(stores: RedisStores, impatient: RedisStores) -> None:
    """Also for a process that knows who had it before."""
    first = await stores.users.create(ACME, new_user("ann"))
    assert first == await stores.users.get(ACME, ANN)
    await impatient.users.update(ACME, ANN, UserUpdate(new_user_id=BEN))
    second = await impatient.users.create(ACME, new_user("ann"))
    assert (second, first.user_key) == (await stores.users.get(ACME, ANN), (await stores.users.get(ACME, BEN)).user_key)
    await impatient.users.delete(ACME, ANN)
    with pytest.raises(UserNotFound):
        await stores.users.get(ACME, ANN)


async def test_a_user_can_be_renamed_to_and_fro(stores: RedisStores) -> None:
    """An id that was given up can be taken again, also by who had it."""
    created = await stores.users.create(ACME, new_user())
    for name in [BEN, ANN, BEN, ANN]:
        current = (await stores.users.list(ACME, FIRST_PAGE)).items[0].user_id
        await stores.users.update(ACME, current, UserUpdate(new_user_id=name))
    assert created.scope == (await stores.users.get(ACME, ANN)).scope


async def test_of_racing_renames_to_one_id_exactly_one_wins(stores: RedisStores) -> None:
    """Every loser keeps the id that it had."""
    names = [UserId(f"u{number}") for number in range(8)]
    for name in names:
        await stores.users.create(ACME, new_user(name))
    await connect(stores)
    renames = (stores.users.update(ACME, name, UserUpdate(new_user_id=BEN)) for name in names)
    results = await asyncio.gather(*renames, return_exceptions=True)
    winners = [result for result in results if isinstance(result, User)]
    assert (1, 7) == (len(winners), sum(isinstance(result, UserAlreadyExists) for result in results))
    assert 7 == len(set(names) & set(await ids(stores)))


async def test_a_create_and_a_rename_race_for_one_id(stores: RedisStores) -> None:
    """Whoever loses is told so, and the id has one user."""
    await connect(stores)
    for number in range(10):
        await stores.users.create(ACME, new_user(f"u{number}"))
        wanted = UserId(f"w{number}")
        rename = stores.users.update(ACME, UserId(f"u{number}"), UserUpdate(new_user_id=wanted))
        results = await asyncio.gather(rename, stores.users.create(ACME, new_user(wanted)), return_exceptions=True)
        assert 1 == sum(isinstance(result, UserAlreadyExists) for result in results)
        assert [wanted] == [name for name in await ids(stores) if name == wanted]
