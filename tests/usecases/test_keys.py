"""API keys: their text, who they let in, and the first one."""

from __future__ import annotations

import pytest

from service.domain.errors import CredentialsInvalid, InvalidRequest
from service.domain.ids import ProjectId
from service.domain.projects import KeyScope, ProjectSettings
from service.usecases.projects.keys import digest_of, key_id_of, mint_key
from service.wiring import Application

PEPPER = b"pepper"


def test_a_minted_key_has_its_id_within() -> None:
    """`rai_`, the id, and 49 characters of secret and checksum."""
    text = mint_key()
    prefix, key_id, secret = text.split("_", 2)
    assert ("rai", 49, key_id) == (prefix, len(secret), key_id_of(text, pepper=PEPPER))


def test_minted_keys_differ() -> None:
    """In their ids and in all else."""
    keys = {mint_key() for _ in range(100)}
    assert (100, 100) == (len(keys), len({key_id_of(key, pepper=PEPPER) for key in keys}))


def test_a_damaged_key_has_another_id() -> None:
    """The checksum does not fit, so it is taken for a text that somebody chose."""
    text = mint_key()
    assert key_id_of(text[:-1], pepper=PEPPER).startswith("op-")


def test_the_id_of_a_chosen_key_depends_on_the_pepper() -> None:
    """Or a weak text could be guessed from its public id."""
    assert key_id_of("secret", pepper=b"a") != key_id_of("secret", pepper=b"b")
    assert digest_of("secret", pepper=b"a") != digest_of("secret", pepper=b"b")


async def test_a_fresh_installation_gets_a_project_and_a_key(application: Application) -> None:
    """The key works, may do everything in its project, and is shown once."""
    first = await application.bootstrap(project_id=None, api_key=None)
    assert first.api_key is not None
    principal = await application.authenticate(api_key=first.api_key, project_id=first.project_id)
    assert (first.project_id, frozenset({KeyScope.PROJECT})) == (principal.project_id, principal.scopes)
    second = await application.bootstrap(project_id=None, api_key=None)
    assert (first.project_id, None) == (second.project_id, second.api_key)


async def test_a_chosen_project_and_key_are_made_once(application: Application) -> None:
    """Any text will do as a key."""
    chosen = {"project_id": "demo", "api_key": "any text: ü"}
    first = await application.bootstrap(**chosen)
    second = await application.bootstrap(**chosen)
    assert ("demo", "any text: ü", None) == (first.project_id, first.api_key, second.api_key)
    assert 1 == len(await application.projects.list_keys(ProjectId("demo")))
    await application.authenticate(**chosen)


async def test_a_revoked_bootstrap_key_stays_revoked(application: Application) -> None:
    """A restart does not give it back."""
    chosen = {"project_id": "demo", "api_key": "leaked"}
    await application.bootstrap(**chosen)
    (key,) = await application.projects.list_keys(ProjectId("demo"))
    await application.projects.revoke_key(ProjectId("demo"), key.key_id)
    await application.bootstrap(**chosen)
    with pytest.raises(CredentialsInvalid):
        await application.authenticate(**chosen)


async def test_a_start_that_died_half_way_is_made_good(application: Application) -> None:
    """A project without a key gets one."""
    project = await application.projects.create(None, name="half", settings=ProjectSettings())
    made = await application.bootstrap(project_id=None, api_key=None)
    assert project.project_id == made.project_id
    assert made.api_key is not None


async def test_a_bootstrap_key_belongs_to_one_project(application: Application) -> None:
    """The same text for another project is a mistake in the settings."""
    await application.bootstrap(project_id="one", api_key="same")
    with pytest.raises(InvalidRequest, match="another project"):
        await application.bootstrap(project_id="two", api_key="same")
