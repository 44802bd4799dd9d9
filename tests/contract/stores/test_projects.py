"""Projects and their keys."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.domain.errors import ApiKeyNotFound, ProjectAlreadyExists, ProjectNotFound
from service.domain.ids import KeyId, ProjectId
from service.domain.projects import Category, ProjectSettings
from service.domain.values import PageRequest
from service.storage.redis import RedisStores
from tests.contract.stores.conftest import Client
from tests.contract.stores.makers import ACME, DAY, FIRST_PAGE, GLOBEX, PAST, api_key, project


async def test_a_project_comes_back_as_it_was_stored(stores: RedisStores) -> None:
    """A project keeps its name, its settings and its time to the microsecond."""
    settings = ProjectSettings(categories=(Category(name="a", description="b"),), merge_conflict_enabled=True)
    expected = replace(project(), settings=settings)
    await stores.projects.create(expected)
    assert expected == await stores.projects.get(ACME)


async def test_a_project_id_is_taken_once(stores: RedisStores) -> None:
    """A second project of the same id is refused and changes nothing."""
    await stores.projects.create(project())
    with pytest.raises(ProjectAlreadyExists):
        await stores.projects.create(project(name="Other"))
    assert (await stores.projects.get(ACME)).name == "Acme"


async def test_an_unknown_project_is_not_found(stores: RedisStores) -> None:
    """Nothing can be read, changed or added to a project that does not exist."""
    with pytest.raises(ProjectNotFound):
        await stores.projects.get(ACME)
    with pytest.raises(ProjectNotFound):
        await stores.projects.update(ACME, name="x", settings=None)
    with pytest.raises(ProjectNotFound):
        await stores.projects.add_key(api_key())
    with pytest.raises(ProjectNotFound):
        await stores.projects.list_keys(ACME)


async def test_projects_are_listed_newest_first(stores: RedisStores) -> None:
    """A page has the newest projects first and the total of all."""
    for day in range(3):
        await stores.projects.create(project(ProjectId(f"p{day}"), created_at=PAST + day * DAY))
    page = await stores.projects.list(PageRequest(offset=1, limit=1))
    assert (["p1"], 3) == ([found.project_id for found in page.items], page.total)


async def test_an_update_replaces_only_what_is_given(stores: RedisStores) -> None:
    """None leaves a field as it is."""
    await stores.projects.create(project())
    await stores.projects.update(ACME, name=None, settings=ProjectSettings(merge_conflict_enabled=True))
    updated = await stores.projects.update(ACME, name="New", settings=None)
    assert ("New", True, PAST) == (updated.name, updated.settings.merge_conflict_enabled, updated.created_at)


async def test_a_project_that_a_crash_left_unlisted_is_listed_by_the_next_attempt(stores: RedisStores, client: Client) -> None:
    """Creating it again is refused, and the list is whole."""
    await stores.projects.create(project())
    await client.delete("mneme:projects")
    with pytest.raises(ProjectAlreadyExists):
        await stores.projects.create(project())
    assert [project()] == (await stores.projects.list(FIRST_PAGE)).items


async def test_a_key_comes_back_as_it_was_stored(stores: RedisStores) -> None:
    """A key keeps its digest, scopes and time."""
    await stores.projects.create(project())
    await stores.projects.add_key(api_key())
    assert api_key() == await stores.projects.get_key(KeyId("k1"))


async def test_an_unknown_key_is_none(stores: RedisStores) -> None:
    """Looking up a key that does not exist is no error."""
    assert await stores.projects.get_key(KeyId("k1")) is None


async def test_keys_are_listed_newest_first_and_by_project(stores: RedisStores) -> None:
    """A project sees its own keys alone."""
    await stores.projects.create(project())
    await stores.projects.create(project(GLOBEX))
    for key in [api_key("k1"), api_key("k2", created_at=PAST + DAY), api_key("k3", GLOBEX)]:
        await stores.projects.add_key(key)
    assert ["k2", "k1"] == [key.key_id for key in await stores.projects.list_keys(ACME)]


async def test_a_revoked_key_keeps_the_time_of_its_first_revocation(stores: RedisStores) -> None:
    """Revoking twice, or storing the key again, changes nothing."""
    await stores.projects.create(project())
    await stores.projects.add_key(api_key())
    await stores.projects.revoke_key(ACME, KeyId("k1"))
    revoked = await stores.projects.get_key(KeyId("k1"))
    await stores.projects.revoke_key(ACME, KeyId("k1"))
    await stores.projects.add_key(api_key())
    assert revoked is not None
    assert revoked.revoked_at is not None
    assert revoked == await stores.projects.get_key(KeyId("k1"))


async def test_a_key_can_be_revoked_by_its_own_project_alone(stores: RedisStores) -> None:
    """Another project's key is as good as none."""
    await stores.projects.create(project())
    await stores.projects.add_key(api_key())
    with pytest.raises(ApiKeyNotFound):
        await stores.projects.revoke_key(GLOBEX, KeyId("k1"))
    with pytest.raises(ApiKeyNotFound):
        await stores.projects.revoke_key(ACME, KeyId("k2"))
    assert api_key() == await stores.projects.get_key(KeyId("k1"))
