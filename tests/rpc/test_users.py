"""UsersService over a real channel."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.json_format import MessageToDict

from tests.rpc.tenant import Tenant, refused


async def test_a_created_user_is_returned(tenant: Tenant) -> None:
    """A new user has the given id and metadata, its times are now and equal."""
    answer = await tenant.call("CreateUser", user_id="alice", metadata={"plan": "pro", "age": 30, "tags": ["a", {"b": None}]})
    user = answer.user
    expected = {"plan": "pro", "age": 30, "tags": ["a", {"b": None}]}
    assert ("alice", expected) == (user.user_id, MessageToDict(user.metadata))
    assert user.created_at == user.last_active_at
    assert abs((datetime.now(UTC) - user.created_at.ToDatetime(tzinfo=UTC)).total_seconds()) < 60
    assert not user.HasField("merge_conflict_enabled")


async def test_an_id_is_taken_once(tenant: Tenant) -> None:
    """A second user with an id is refused, with the id in the error."""
    user_id = await tenant.user()
    error = await refused(tenant.call("CreateUser", user_id=user_id))
    assert (grpc.StatusCode.ALREADY_EXISTS, "USER_ALREADY_EXISTS") == (error.code, error.reason)
    assert {"user_id": user_id} == error.metadata
    assert f"User with ID {user_id} already exists" == error.message


async def test_a_repeated_creation_returns_the_first_user(tenant: Tenant) -> None:
    """The same request with the same idempotency key changes nothing and gets the first answer."""
    request = {"user_id": f"user-{uuid4()}", "metadata": {"a": 1}, "idempotency_key": str(uuid4())}
    first = await tenant.call("CreateUser", **request)
    assert first == await tenant.call("CreateUser", **request)


async def test_an_idempotency_key_is_for_one_request(tenant: Tenant) -> None:
    """The key of another request is an error and creates nobody."""
    key, other = str(uuid4()), f"user-{uuid4()}"
    await tenant.call("CreateUser", user_id=f"user-{uuid4()}", idempotency_key=key)
    error = await refused(tenant.call("CreateUser", user_id=other, idempotency_key=key))
    assert (grpc.StatusCode.INVALID_ARGUMENT, "IDEMPOTENCY_KEY_REUSED") == (error.code, error.reason)
    assert {"idempotency_key": key} == error.metadata
    assert "USER_NOT_FOUND" == (await refused(tenant.call("GetUser", user_id=other))).reason


async def test_a_user_can_be_read(tenant: Tenant) -> None:
    """GetUser returns what CreateUser returned."""
    created = await tenant.call("CreateUser", user_id="bob", merge_conflict_enabled=False)
    read = await tenant.call("GetUser", user_id="bob")
    assert created.user == read.user
    assert read.user.HasField("merge_conflict_enabled")


async def test_an_absent_user_is_not_found(tenant: Tenant) -> None:
    """The error has the words that client libraries match on."""
    error = await refused(tenant.call("GetUser", user_id="nobody"))
    assert (grpc.StatusCode.NOT_FOUND, "USER_NOT_FOUND", "User nobody not found") == (error.code, error.reason, error.message)
    assert {"user_id": "nobody"} == error.metadata


async def test_users_are_listed_newest_first(tenant: Tenant) -> None:
    """A page has the total, says whether more follows, and starts with the newest."""
    ids = [await tenant.user() for _ in range(3)]
    page = await tenant.call("ListUsers", limit=2)
    assert ids[:0:-1] == [user.user_id for user in page.users]
    assert (3, True) == (page.total, page.has_more)
    rest = await tenant.call("ListUsers", offset=2)
    assert (ids[:1], False) == ([user.user_id for user in rest.users], rest.has_more)


async def test_users_are_listed_by_metadata(tenant: Tenant) -> None:
    """A filter is containment, strict about types."""
    await tenant.call("CreateUser", user_id="one", metadata={"n": 1, "deep": {"a": [1, 2]}})
    await tenant.call("CreateUser", user_id="text", metadata={"n": "1"})
    found = await tenant.call("ListUsers", metadata_filter={"n": 1, "deep": {"a": [2]}})
    assert (["one"], 1) == ([user.user_id for user in found.users], found.total)


async def test_a_rename_frees_the_old_id(tenant: Tenant) -> None:
    """The new id answers, the old one is gone and can be taken again; metadata stays."""
    await tenant.call("CreateUser", user_id="old", metadata={"k": "v"})
    answer = await tenant.call("UpdateUser", user_id="old", new_user_id="new")
    assert ("new", "v") == (answer.user.user_id, answer.user.metadata["k"])
    assert "USER_NOT_FOUND" == (await refused(tenant.call("GetUser", user_id="old"))).reason
    await tenant.call("CreateUser", user_id="old")


async def test_a_rename_to_another_users_id_is_refused(tenant: Tenant) -> None:
    """Nothing changes then."""
    first, second = await tenant.user(), await tenant.user()
    error = await refused(tenant.call("UpdateUser", user_id=first, new_user_id=second, new_metadata={"a": 1}))
    assert (grpc.StatusCode.ALREADY_EXISTS, "USER_ALREADY_EXISTS") == (error.code, error.reason)
    assert not (await tenant.call("GetUser", user_id=first)).user.metadata.fields


async def test_new_metadata_replaces_the_old(tenant: Tenant) -> None:
    """No key of the old object is left."""
    await tenant.call("CreateUser", user_id="carol", metadata={"a": 1})
    answer = await tenant.call("UpdateUser", user_id="carol", new_metadata={"b": 2})
    assert {"b": 2} == MessageToDict(answer.user.metadata)


async def test_an_update_of_nothing_changes_nothing(tenant: Tenant) -> None:
    """The user is returned as it is."""
    created = await tenant.call("CreateUser", user_id="dave", metadata={"a": 1}, merge_conflict_enabled=True)
    answer = await tenant.call("UpdateUser", user_id="dave")
    assert created.user == answer.user


async def test_the_conflict_setting_is_reset_by_naming_it(tenant: Tenant) -> None:
    """In the mask and absent means: as the project says. The mask leaves out what it does not name."""
    await tenant.call("CreateUser", user_id="erin", metadata={"a": 1}, merge_conflict_enabled=True)
    mask = FieldMask(paths=["merge_conflict_enabled"])
    answer = await tenant.call("UpdateUser", user_id="erin", new_metadata={"b": 2}, update_mask=mask)
    assert not answer.user.HasField("merge_conflict_enabled")
    assert {"a": 1} == MessageToDict(answer.user.metadata)


async def test_a_mask_may_use_another_spelling(tenant: Tenant) -> None:
    """The gateway names the keys of a body, and a field answers to several."""
    await tenant.user()
    await tenant.call("CreateUser", user_id="fay")
    mask = FieldMask(paths=["new_custom_user_id"])
    answer = await tenant.call("UpdateUser", user_id="fay", new_user_id="faye", update_mask=mask)
    assert "faye" == answer.user.user_id


async def test_a_deleted_user_is_gone(tenant: Tenant) -> None:
    """With its sessions; a second deletion finds nobody."""
    user_id = await tenant.user()
    session_id = await tenant.session(user_id, "hello")
    await tenant.call("DeleteUser", user_id=user_id)
    assert "USER_NOT_FOUND" == (await refused(tenant.call("DeleteUser", user_id=user_id))).reason
    await tenant.call("CreateUser", user_id=user_id)
    error = await refused(tenant.call("GetSession", user_id=user_id, session_id=session_id))
    assert "SESSION_NOT_FOUND" == error.reason


async def test_recent_messages_come_from_all_sessions(tenant: Tenant) -> None:
    """The newest of all, oldest of them first."""
    user_id = await tenant.user()
    await tenant.session(user_id, "one", "two")
    await tenant.session(user_id, "three")
    answer = await tenant.call("ListRecentMessages", user_id=user_id, limit=2)
    assert ["two", "three"] == [message.content for message in answer.messages]


async def test_metadata_is_bounded(tenant: Tenant) -> None:
    """More than 64 KiB is refused and creates nobody."""
    error = await refused(tenant.call("CreateUser", user_id="big", metadata={"text": "x" * 65_536}))
    assert (grpc.StatusCode.INVALID_ARGUMENT, "VALIDATION_FAILED") == (error.code, error.reason)
    assert {"metadata": "must be at most 65536 bytes as JSON"} == error.violations
    assert "USER_NOT_FOUND" == (await refused(tenant.call("GetUser", user_id="big"))).reason


async def test_metadata_is_json(tenant: Tenant) -> None:
    """Numbers that JSON does not have are refused."""
    error = await refused(tenant.call("CreateUser", user_id="nan", metadata={"n": float("nan")}))
    assert {"metadata": "must hold finite numbers"} == error.violations
