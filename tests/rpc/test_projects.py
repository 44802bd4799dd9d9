"""ProjectsService over a real channel."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from mneme.v1 import project_pb2

from tests.rpc.tenant import Tenant, refused

SETTINGS: dict[str, Any] = {
    "categories": [{"name": "pets", "description": "Animals at home."}],
    "merge_conflict_enabled": True,
    "guidance": {"excluded_keywords": ["salary"]},
    "limits": {"requests_per_minute": 600, "ingests_per_month": 10_000},
}
DEFAULTS = project_pb2.ProjectSettings(guidance=project_pb2.ExtractionGuidance(), limits=project_pb2.ProjectLimits())


async def test_a_project_is_created(admin: Tenant) -> None:
    """With the given id, name and settings; it can be read."""
    project_id = f"made-{uuid4()}"
    answer = await admin.call("CreateProject", project_id=project_id, name="Made", settings=SETTINGS)
    assert (project_id, "Made") == (answer.project.project_id, answer.project.name)
    assert project_pb2.ProjectSettings(**SETTINGS) == answer.project.settings
    assert answer.project == (await admin.call("GetProject", project_id=project_id)).project


async def test_a_project_without_an_id_gets_a_uuid(admin: Tenant) -> None:
    """A random one."""
    project = (await admin.call("CreateProject", name="x")).project
    assert project.project_id == str(UUID(project.project_id))


async def test_a_project_id_is_taken_once(admin: Tenant) -> None:
    """The error names it."""
    error = await refused(admin.call("CreateProject", project_id=admin.project_id))
    assert (grpc.StatusCode.ALREADY_EXISTS, "PROJECT_ALREADY_EXISTS") == (error.code, error.reason)
    assert {"project_id": admin.project_id} == error.metadata


async def test_an_absent_project_is_not_found(admin: Tenant) -> None:
    """For every call that names one."""
    for name in ("GetProject", "UpdateProject", "CreateApiKey", "ListApiKeys"):
        error = await refused(admin.call(name, project_id="nothing"))
        assert (grpc.StatusCode.NOT_FOUND, "PROJECT_NOT_FOUND") == (error.code, error.reason), name


async def test_projects_are_listed_newest_first(admin: Tenant) -> None:
    """With total and whether more follows."""
    newest = (await admin.call("CreateProject")).project
    page = await admin.call("ListProjects", limit=1)
    assert ([newest.project_id], True) == ([project.project_id for project in page.projects], page.has_more)
    assert page.total >= 2


async def test_the_current_project_needs_no_admin(tenant: Tenant) -> None:
    """It is that of the credential."""
    assert tenant.project_id == (await tenant.call("GetCurrentProject")).project.project_id


async def test_an_update_takes_what_is_present_or_named(admin: Tenant) -> None:
    """What is absent stays; settings that the mask names and the request leaves out become the defaults."""
    project_id = (await admin.call("CreateProject", name="old", settings=SETTINGS)).project.project_id
    renamed = (await admin.call("UpdateProject", project_id=project_id, name="new")).project
    assert ("new", True) == (renamed.name, renamed.settings.merge_conflict_enabled)
    mask = FieldMask(paths=["settings"])
    reset = (await admin.call("UpdateProject", project_id=project_id, name="newer", update_mask=mask)).project
    assert ("new", DEFAULTS) == (reset.name, reset.settings)


async def test_two_categories_may_not_share_a_name(admin: Tenant) -> None:
    """The second one is the violation."""
    settings = {"categories": [{"name": "pets"}, {"name": "pets"}]}
    error = await refused(admin.call("CreateProject", settings=settings))
    assert ["settings.categories[1].name"] == list(error.violations)


async def test_a_key_works_until_it_is_revoked(admin: Tenant) -> None:
    """At once, and revoking it again changes nothing."""
    created = await admin.call("CreateApiKey", project_id=admin.project_id, name="app")
    holder = Tenant(channel=admin.channel, api_key=created.secret, project_id=admin.project_id)
    await holder.call("ListUsers")
    where = {"project_id": admin.project_id, "key_id": created.api_key.key_id}
    await admin.call("RevokeApiKey", **where)
    assert "CREDENTIALS_INVALID" == (await refused(holder.call("ListUsers"))).reason
    first = (await admin.call("ListApiKeys", project_id=admin.project_id)).api_keys[0]
    await admin.call("RevokeApiKey", **where)
    assert [first] == [
        key
        for key in (await admin.call("ListApiKeys", project_id=admin.project_id)).api_keys
        if key.key_id == created.api_key.key_id
    ]
    assert first.HasField("revoked_at")


async def test_a_key_says_what_it_may_do(admin: Tenant) -> None:
    """The project scope unless others are named; its text begins with rai_ and holds its id."""
    plain = await admin.call("CreateApiKey", project_id=admin.project_id)
    both = [project_pb2.API_KEY_SCOPE_ADMIN, project_pb2.API_KEY_SCOPE_PROJECT]
    powerful = await admin.call("CreateApiKey", project_id=admin.project_id, scopes=both)
    assert [project_pb2.API_KEY_SCOPE_PROJECT] == list(plain.api_key.scopes)
    assert sorted(both) == list(powerful.api_key.scopes)
    assert plain.secret.startswith(f"rai_{plain.api_key.key_id}_")
    listed = await admin.call("ListApiKeys", project_id=admin.project_id)
    assert [powerful.api_key, plain.api_key] == list(listed.api_keys)[:2]


async def test_an_absent_key_is_not_found(admin: Tenant, tenant: Tenant) -> None:
    """Nor is a key of another project."""
    own = (await admin.call("ListApiKeys", project_id=tenant.project_id)).api_keys[0]
    for key_id in ("nothing", own.key_id):
        error = await refused(admin.call("RevokeApiKey", project_id=admin.project_id, key_id=key_id))
        assert (grpc.StatusCode.NOT_FOUND, "API_KEY_NOT_FOUND") == (error.code, error.reason)
        assert {"key_id": key_id} == error.metadata
