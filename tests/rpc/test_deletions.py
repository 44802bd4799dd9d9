"""DeletionsService."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from tests.rpc.conftest import MakeTenant
from tests.rpc.tenant import USER, Tenant, refused

NOWHERE = "nowhere"


async def test_a_thread_is_forgotten(tenant: Tenant) -> None:
    """Its messages are listed with the time, and the receipt says what was asked for."""
    user_id = await tenant.user()
    session = (await tenant.call("CreateSession", user_id=user_id, origin={"thread_id": "t1"})).session
    said = [{"content": "I live in Lisbon.", "role": USER}]
    await tenant.call("AddMessages", user_id=user_id, session_id=session.session_id, messages=said)
    receipt = (await tenant.call("Forget", user_id=user_id, thread_id="t1")).receipt
    assert ("t1", user_id, 1) == (receipt.scope.thread_id, receipt.scope.user_id, receipt.deleted_counts.messages_forgotten)
    (message,) = (await tenant.call("ListMessages", user_id=user_id, session_id=session.session_id)).messages
    assert message.HasField("forgotten_at")
    assert [] == list((await tenant.call("ListRecentMessages", user_id=user_id)).messages)


async def test_receipts_are_found_and_listed(tenant: Tenant, make_tenant: MakeTenant) -> None:
    """By the project that they are of, also those of users who are gone."""
    user_id = await tenant.user()
    forgotten = (await tenant.call("Forget", user_id=user_id)).receipt
    await tenant.call("DeleteUser", user_id=user_id)
    await tenant.call("Forget", user_id=NOWHERE)
    listed = await tenant.call("ListDeletionReceipts", user_id=user_id)
    assert ([2, 1], 2, False) == ([one.number for one in listed.receipts], listed.total, listed.has_more)
    assert forgotten == (await tenant.call("GetDeletionReceipt", receipt_id=forgotten.receipt_id)).receipt
    other = await make_tenant()
    refusal = await refused(other.call("GetDeletionReceipt", receipt_id=forgotten.receipt_id))
    assert (grpc.StatusCode.NOT_FOUND, "DELETION_RECEIPT_NOT_FOUND") == (refusal.code, refusal.reason)
    assert 0 == (await other.call("ListDeletionReceipts")).total


async def test_a_legal_hold_is_lifted_by_an_administrator(admin: Tenant) -> None:
    """Every surface refuses until then with one reason; whoever may hold may not for that reason lift."""
    user_id = f"user-{uuid4()}"
    held = {"user_id": user_id, "type": 1, "content": "I live in Lisbon.", "thread_id": "t", "retention_policy": 3}
    event = await admin.call("Ingest", **held)
    session_id = str(UUID(event.event_id.split("_")[1]))
    for name, named in (("Forget", {}), ("ForgetEvents", {}), ("DeleteUser", {}), ("DeleteSession", {"session_id": session_id})):
        refusal = await refused(admin.call(name, user_id=user_id, **named))
        assert (grpc.StatusCode.FAILED_PRECONDITION, "LEGAL_HOLD") == (refusal.code, refusal.reason), name
    assert 0 == (await admin.call("ReleaseLegalHold", user_id=user_id, thread_id="other")).messages_released
    assert 1 == (await admin.call("ReleaseLegalHold", user_id=user_id, thread_id="t")).messages_released
    await admin.call("DeleteUser", user_id=user_id)


async def test_a_request_that_makes_no_sense_is_refused(tenant: Tenant) -> None:
    """With the field that is wrong."""
    late, early = Timestamp(), Timestamp()
    late.FromDatetime(datetime(2026, 1, 2, tzinfo=UTC))
    early.FromDatetime(datetime(2026, 1, 1, tzinfo=UTC))
    refusal = await refused(tenant.call("Forget", user_id=NOWHERE, from_time=late, to_time=early))
    assert (grpc.StatusCode.INVALID_ARGUMENT, ["from_time"]) == (refusal.code, list(refusal.violations))
    refusal = await refused(tenant.call("Forget", user_id=NOWHERE, session_id="x"))
    assert ["session_id"] == list(refusal.violations)


async def test_a_session_that_is_narrowed_names_what_to(tenant: Tenant) -> None:
    """A visibility without its thread is refused; with it, it is shown as it was given."""
    user_id, narrow = await tenant.user(), {"thread_id": str(uuid4()), "visibility": 3}
    refusal = await refused(tenant.call("CreateSession", user_id=user_id, origin={"visibility": 3}))
    assert ["origin.thread_id"] == list(refusal.violations)
    opened = await tenant.call("ResumeSession", user_id=user_id, origin=narrow)
    again = await tenant.call("ResumeSession", user_id=user_id, origin=narrow)
    assert (narrow["thread_id"], 3) == (opened.session.origin.thread_id, opened.session.origin.visibility)
    assert (opened.session.session_id, False) == (again.session.session_id, again.created)
    assert (await tenant.call("ResumeSession", user_id=user_id)).created
