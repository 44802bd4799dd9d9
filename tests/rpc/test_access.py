"""Who may call what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import grpc
import pytest
import pytest_asyncio
from mneme.v1 import http_pb2, session_pb2

from service.domain.projects import KeyScope
from tests.conftest import Waiter
from tests.rpc.conftest import MakeTenant
from tests.rpc.tenant import METHODS, USER, Refusal, Tenant, refused

BESIDE_IDS: Mapping[str, Mapping[str, Any]] = {
    "AddMessage": {"message": "x", "role": USER},
    "AddMessages": {"messages": [{"content": "x", "role": USER}]},
    "UpdateUser": {"new_metadata": {"a": 1}},
    "UpdateSession": {"new_metadata": {"a": 1}},
    "Recall": {"query": "x"},
    "UploadDocument": {"content": "x", "name": "x"},
    "SearchDocuments": {"query": "x"},
    "CreateCollection": {"name": "x"},
    "ResolveConflict": {"answers": {"question_answers": [{"question": "x", "answer": "y"}]}},
    "StoreTurn": {"user_messages": ["x"], "user_key": "u", "reply_key": "r"},
}
"""What a request needs beside ids to be valid and to do something."""

NAMED = ("session_id", "memory_id", "conflict_id", "document_id", "collection_id")
"""Fields of requests that name a thing of a user."""

NAMES_NOTHING = {"CreateUser", "ListUsers", "GetSystemPrompt", "GetCurrentProject", "ImportMemories", "Track", "Upload"} | {
    name for name in METHODS if "Usage" in name
}
"""Methods whose requests name nothing that exists."""


def is_admin(name: str) -> bool:
    """Return whether the contract asks for the admin scope."""
    access = METHODS[name].GetOptions().Extensions[http_pb2.http_method].access
    return bool(access == http_pb2.ACCESS_ADMIN)


def has_id(name: str, field: str) -> bool:
    """Return whether a method's request names a thing of this kind."""
    return field in METHODS[name].input_type.fields_by_name


def knows_every_user(name: str) -> bool:
    """Return whether a method takes a user that nobody created for one of whom nothing is known."""
    service: str = METHODS[name].containing_service.full_name
    return service.startswith("mneme.compat.") or service.endswith(".DeletionsService")


NAMING_A_USER = sorted(
    name for name in METHODS if name not in NAMES_NOTHING and not is_admin(name) and not knows_every_user(name)
)
NAMING_MORE = sorted(
    name
    for name in NAMING_A_USER
    # these name what need not exist yet
    if name not in {"UploadDocument", "CreateCollection"} and any(has_id(name, field) for field in NAMED)
)


@pytest_asyncio.fixture(loop_scope="session")
async def theirs(make_tenant: MakeTenant, wait_until: Waiter[Any]) -> Mapping[str, str]:
    """Return the ids of what another tenant has: a user, a session, a memory and a conflict about it."""
    other = await make_tenant()
    user_id = (await other.call("CreateUser", user_id=f"user-{uuid4()}", merge_conflict_enabled=True)).user.user_id
    session_id = ""
    for text in ("I have 2 brothers.", "I have 3 brothers."):
        session_id = await other.session(user_id, text)
        await other.call("ProcessSession", user_id=user_id, session_id=session_id)

        async def processed(of: str = session_id) -> bool:
            session = (await other.call("GetSession", user_id=user_id, session_id=of)).session
            return bool(session.status == session_pb2.SESSION_STATUS_PROCESSED)

        await wait_until(processed, "the session is processed")
    (memory,) = (await other.call("ListMemories", user_id=user_id)).items
    (conflict,) = (await other.call("ListConflicts", user_id=user_id)).conflicts
    document_id, collection_id = f"document-{uuid4()}", f"collection-{uuid4()}"
    await other.call("CreateCollection", user_id=user_id, collection_id=collection_id, name="theirs")
    await other.call(
        "UploadDocument", user_id=user_id, document_id=document_id, collection_id=collection_id, name="x", content="Their dog."
    )
    return {
        "user_id": user_id,
        "session_id": session_id,
        "memory_id": memory.memory_id,
        "conflict_id": conflict.conflict_id,
        "document_id": document_id,
        "collection_id": collection_id,
    }


def absent() -> Mapping[str, str]:
    """Return ids of things that do not exist, of the same shape."""
    named = {field: str(uuid4()) for field in NAMED}
    return {"user_id": f"user-{uuid4()}", **named}


async def answer(tenant: Tenant, name: str, ids: Mapping[str, str]) -> Refusal:
    """Return how a call that names *ids* is refused, with each id replaced by what it is an id of."""
    fields = {field: value for field, value in ids.items() if has_id(name, field)} | dict(BESIDE_IDS.get(name, {}))
    call = anext(aiter(tenant.stream(name, **fields))) if METHODS[name].server_streaming else tenant.call(name, **fields)
    error = await refused(call)

    def blind(text: str) -> str:
        for field, value in ids.items():
            text = text.replace(value, f"<{field}>")
        return text

    metadata = {key: blind(value) for key, value in error.metadata.items()}
    return replace(error, message=blind(error.message), metadata=metadata)


@pytest.mark.parametrize("name", NAMING_A_USER)
async def test_another_tenants_user_is_like_an_absent_one(tenant: Tenant, theirs: Mapping[str, str], name: str) -> None:
    """Every method gives the same answer to both."""
    expected = await answer(tenant, name, absent())
    assert grpc.StatusCode.NOT_FOUND == expected.code
    assert expected == await answer(tenant, name, theirs)


@pytest.mark.parametrize("name", NAMING_MORE)
async def test_another_tenants_session_is_like_an_absent_one(tenant: Tenant, theirs: Mapping[str, str], name: str) -> None:
    """Also under a user of one's own that has the same id as theirs; memories alike."""
    await tenant.call("CreateUser", user_id=theirs["user_id"])
    expected = await answer(tenant, name, {**absent(), "user_id": theirs["user_id"]})
    assert grpc.StatusCode.NOT_FOUND == expected.code
    assert expected == await answer(tenant, name, theirs)


async def test_another_tenants_sessions_are_not_recalled(tenant: Tenant, theirs: Mapping[str, str]) -> None:
    """Nor are memories listed, for a user with the same id."""
    await tenant.call("CreateUser", user_id=theirs["user_id"])
    assert [] == list((await tenant.call("Recall", user_id=theirs["user_id"], query="dog Rex")).items)
    assert 0 == (await tenant.call("ListMemories", user_id=theirs["user_id"])).total
    assert [] == list((await tenant.call("ListRecentMessages", user_id=theirs["user_id"])).messages)


@pytest.mark.parametrize("name", sorted(name for name in METHODS if is_admin(name)))
async def test_an_ordinary_key_may_not_administer(tenant: Tenant, name: str) -> None:
    """Whether or not the project exists, and whether or not it is the key's own."""
    names_project = has_id(name, "project_id") and name != "CreateProject"
    for project_id in (tenant.project_id, "nothing"):
        fields = {"project_id": project_id} if names_project else {}
        error = await refused(tenant.call(name, **fields, **({"key_id": "x"} if has_id(name, "key_id") else {})))
        assert (grpc.StatusCode.PERMISSION_DENIED, "SCOPE_MISSING") == (error.code, error.reason)
        assert {"scope": "admin"} == error.metadata


async def test_an_admin_key_alone_may_not_use_a_project(make_tenant: MakeTenant) -> None:
    """It lacks the project scope."""
    error = await refused((await make_tenant(KeyScope.ADMIN)).call("ListUsers"))
    assert {"scope": "project"} == error.metadata


@pytest.mark.parametrize("name", sorted(METHODS))
async def test_every_method_asks_for_credentials(channel: grpc.aio.Channel, name: str) -> None:
    """Before it looks at anything else of the request."""
    nobody = Tenant(channel=channel, api_key="", project_id="")
    call = anext(aiter(nobody.stream(name))) if METHODS[name].server_streaming else nobody.call(name)
    error = await refused(call)
    assert (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_MISSING") == (error.code, error.reason)


async def test_both_credentials_are_needed(tenant: Tenant) -> None:
    """A key without a project is missing something, and the other way round."""
    for half in (replace(tenant, api_key=""), replace(tenant, project_id="")):
        assert "CREDENTIALS_MISSING" == (await refused(half.call("ListUsers"))).reason


async def test_what_is_wrong_with_a_credential_is_not_told(tenant: Tenant, make_tenant: MakeTenant) -> None:
    """An unknown key, a damaged one and one of another project get one answer."""
    other = await make_tenant()
    damaged = tenant.api_key[:-1] + ("A" if tenant.api_key[-1] != "A" else "B")
    secret_changed = tenant.api_key[:20] + ("A" if tenant.api_key[20] != "A" else "B") + tenant.api_key[21:]
    wrong = [
        replace(tenant, api_key="rai_nothing"),
        replace(tenant, api_key=damaged),
        replace(tenant, api_key=secret_changed),
        replace(tenant, project_id=other.project_id),
        replace(tenant, project_id="nothing"),
    ]
    answers = [await refused(one.call("ListUsers")) for one in wrong]
    assert (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID") == (answers[0].code, answers[0].reason)
    assert [answers[0]] * len(wrong) == answers


async def test_a_bearer_names_its_own_project(tenant: Tenant) -> None:
    """The key alone is enough, in any case of the scheme's name."""
    await tenant.call("CreateUser", user_id="bearer")
    for scheme in ("Bearer", "bearer"):
        found = await bearing(tenant, f"{scheme} {tenant.api_key}").call("ListUsers")
        assert ["bearer"] == [user.user_id for user in found.users]


@pytest.mark.parametrize("shown", ["", "Bearer", "Bearer ", "Basic {key}", "{key}"])
async def test_what_is_no_bearer_is_no_credential(tenant: Tenant, shown: str) -> None:
    """Another scheme and an empty token count as nothing at all."""
    error = await refused(bearing(tenant, shown.format(key=tenant.api_key)).call("ListUsers"))
    assert "CREDENTIALS_MISSING" == error.reason


async def test_a_bearer_that_is_wrong_is_refused(tenant: Tenant) -> None:
    """An unknown key gets the answer of every wrong key."""
    assert "CREDENTIALS_INVALID" == (await refused(bearing(tenant, "Bearer nothing").call("ListUsers"))).reason


async def test_named_credentials_come_before_a_bearer(tenant: Tenant) -> None:
    """A good bearer does not make up for them."""
    named = bearing(tenant, f"Bearer {tenant.api_key}", ("x-recallr-api-key", "wrong"), ("x-recallr-project-id", "p"))
    assert "CREDENTIALS_INVALID" == (await refused(named.call("ListUsers"))).reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearing(Tenant):
    """A caller that sends this metadata."""

    shown: tuple[tuple[str, str], ...]

    @property
    def credentials(self) -> tuple[tuple[str, str], ...]:
        """The metadata of a call."""
        return self.shown


def bearing(tenant: Tenant, authorization: str, *named: tuple[str, str]) -> Tenant:
    """Return the tenant as one that shows an `Authorization` header."""
    shown = (("authorization", authorization), *named)
    return Bearing(channel=tenant.channel, api_key=tenant.api_key, project_id=tenant.project_id, shown=shown)
