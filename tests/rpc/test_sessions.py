"""SessionsService over a real channel."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import grpc
import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp
from mneme.v1 import session_pb2

from tests.conftest import Waiter
from tests.rpc.tenant import ASSISTANT, USER, Tenant, refused

PENDING = session_pb2.SESSION_STATUS_PENDING
PROCESSED = session_pb2.SESSION_STATUS_PROCESSED


def timestamp(moment: datetime) -> Timestamp:
    """Return a time as the wire has it."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message


async def test_a_new_session_is_pending(tenant: Tenant) -> None:
    """With a UUID, twice in the answer, the default timer, and its owner's id."""
    user_id = await tenant.user()
    answer = await tenant.call("CreateSession", user_id=user_id, metadata={"type": "chat"})
    session = answer.session
    assert str(UUID(session.session_id)) == session.session_id == answer.session_id
    assert (PENDING, 600, user_id) == (session.status, session.auto_process_after_seconds, session.user_id)
    assert {"type": "chat"} == MessageToDict(session.metadata)
    assert not session.HasField("processed_at")


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"auto_process_after_seconds": 601}, 601),
        ({"auto_process_after_minutes": 5}, 300),
        ({"auto_process_after_minutes": 5, "auto_process_after_seconds": 700}, 700),
    ],
)
async def test_the_timer_can_be_chosen(tenant: Tenant, fields: dict[str, int], seconds: int) -> None:
    """In seconds, or in minutes as old clients do; seconds win."""
    answer = await tenant.call("CreateSession", user_id=await tenant.user(), **fields)
    assert seconds == answer.session.auto_process_after_seconds


async def test_the_timer_can_be_switched_off(tenant: Tenant) -> None:
    """-1 minutes means never."""
    answer = await tenant.call("CreateSession", user_id=await tenant.user(), auto_process_after_minutes=-1)
    assert not answer.session.HasField("auto_process_after_seconds")


async def test_an_imported_session_begins_at_its_own_time(tenant: Tenant) -> None:
    """Message times start there and rise by a second."""
    user_id, began = await tenant.user(), datetime(2023, 5, 8, 13, 56, tzinfo=UTC)
    answer = await tenant.call("CreateSession", user_id=user_id, custom_created_at_utc=timestamp(began))
    messages = [{"content": text, "role": USER} for text in ("one", "two")]
    added = await tenant.call("AddMessages", user_id=user_id, session_id=answer.session_id, messages=messages)
    assert timestamp(began) == answer.session.created_at
    first, second = (message.timestamp.ToDatetime(tzinfo=UTC) for message in added.messages)
    assert timedelta(seconds=1) == second - first
    assert timedelta() <= first - began <= timedelta(seconds=1)


@pytest.mark.parametrize("seconds", [-62135596800, 253402300799, 253402300800])
async def test_a_custom_time_must_leave_room(tenant: Tenant, seconds: int) -> None:
    """The first day of year 1, the year 9999 and what is no date at all are refused."""
    user_id = await tenant.user()
    error = await refused(tenant.call("CreateSession", user_id=user_id, custom_created_at_utc=Timestamp(seconds=seconds)))
    assert (grpc.StatusCode.INVALID_ARGUMENT, ["custom_created_at_utc"]) == (error.code, list(error.violations))
    assert 0 == (await tenant.call("ListSessions", user_id=user_id)).total


async def test_a_repeated_creation_opens_one_session(tenant: Tenant) -> None:
    """The same idempotency key gets the first session."""
    user_id, key = await tenant.user(), str(uuid4())
    first = await tenant.call("CreateSession", user_id=user_id, idempotency_key=key)
    assert first == await tenant.call("CreateSession", user_id=user_id, idempotency_key=key)
    assert 1 == (await tenant.call("ListSessions", user_id=user_id)).total


async def test_an_open_session_is_resumed(tenant: Tenant) -> None:
    """The first call opens a session, the next returns it with its own metadata."""
    user_id = await tenant.user()
    opened = await tenant.call("ResumeSession", user_id=user_id, timeout_seconds=900, metadata={"n": 1})
    resumed = await tenant.call("ResumeSession", user_id=user_id, metadata={"n": 2})
    assert (True, False) == (opened.created, resumed.created)
    assert opened.session == resumed.session
    assert 900 == opened.session.auto_process_after_seconds


async def test_sessions_are_listed_newest_first_and_filtered(tenant: Tenant) -> None:
    """By metadata, by status, and by the owner's metadata for old clients."""
    await tenant.call("CreateUser", user_id="lister", metadata={"plan": "pro"})
    ids = []
    for number in range(3):
        answer = await tenant.call("CreateSession", user_id="lister", metadata={"n": number})
        ids.append(answer.session_id)

    async def listed(**fields: object) -> list[str]:
        page = await tenant.call("ListSessions", user_id="lister", **fields)
        return [session.session_id for session in page.sessions]

    assert ids[::-1] == await listed()
    assert [ids[1]] == await listed(metadata_filter={"n": 1})
    assert [] == await listed(status_filter=[PROCESSED])
    assert 3 == len(await listed(status_filter=[PENDING, PROCESSED]))
    assert 3 == len(await listed(user_metadata_filter={"plan": "pro"}))
    assert [] == await listed(user_metadata_filter={"plan": "free"})


async def test_a_page_of_sessions_knows_what_follows(tenant: Tenant) -> None:
    """Total, and whether there is more."""
    user_id = await tenant.user()
    for _ in range(3):
        await tenant.session(user_id)
    page = await tenant.call("ListSessions", user_id=user_id, offset=1, limit=1)
    assert (1, 3, True) == (len(page.sessions), page.total, page.has_more)


async def test_session_metadata_is_replaced(tenant: Tenant) -> None:
    """Whole; absent changes nothing; too much is refused."""
    user_id = await tenant.user()
    session_id = await tenant.session(user_id)
    where = {"user_id": user_id, "session_id": session_id}
    answer = await tenant.call("UpdateSession", **where, new_metadata={"a": 1})
    assert {"a": 1} == MessageToDict(answer.session.metadata)
    assert answer == await tenant.call("UpdateSession", **where)
    error = await refused(tenant.call("UpdateSession", **where, new_metadata={"a": "x" * 70_000}))
    assert ["new_metadata"] == list(error.violations)


async def test_messages_are_numbered_and_listed_oldest_first(tenant: Tenant) -> None:
    """With role, text as it came, and session."""
    user_id = await tenant.user()
    session_id = await tenant.session(user_id)
    where = {"user_id": user_id, "session_id": session_id}
    assert 0 == (await tenant.call("AddMessage", **where, message=" Hi\n☀ ", role=USER)).message_index
    assert 1 == (await tenant.call("AddMessage", **where, message="", role=ASSISTANT)).message_index
    page = await tenant.call("ListMessages", **where)
    said = [(message.role, message.content, message.message_index, message.session_id) for message in page.messages]
    assert [(USER, " Hi\n☀ ", 0, session_id), (ASSISTANT, "", 1, session_id)] == said
    assert (2, False) == (page.total, page.has_more)
    assert 2 == (await tenant.call("GetSession", **where)).session.message_count


async def test_a_repeated_message_is_stored_once(tenant: Tenant) -> None:
    """With one idempotency key; another text under it is refused."""
    user_id = await tenant.user()
    where = {"user_id": user_id, "session_id": await tenant.session(user_id)}
    said = {"message": "once", "role": USER, "idempotency_key": "k"}
    first = await tenant.call("AddMessage", **where, **said)
    assert first == await tenant.call("AddMessage", **where, **said)
    error = await refused(tenant.call("AddMessage", **where, **{**said, "message": "twice"}))
    assert "IDEMPOTENCY_KEY_REUSED" == error.reason
    assert 1 == (await tenant.call("ListMessages", **where)).total


@pytest.mark.parametrize("session_id", ["5f0c6b1e-3f6e-4a0e-9c57-2f0f5a7d8c11", "no-uuid"])
async def test_an_absent_session_is_not_found(tenant: Tenant, session_id: str) -> None:
    """Whether or not the id could be one; the text never mentions the user."""
    user_id = await tenant.user()
    error = await refused(tenant.call("GetSession", user_id=user_id, session_id=session_id))
    assert (grpc.StatusCode.NOT_FOUND, "SESSION_NOT_FOUND") == (error.code, error.reason)
    assert f"Session {session_id} not found" == error.message


async def test_the_user_is_looked_for_before_the_session(tenant: Tenant) -> None:
    """An unknown user is the error even when the session's id is malformed."""
    error = await refused(tenant.call("GetSession", user_id="nobody", session_id="no-uuid"))
    assert "USER_NOT_FOUND" == error.reason


async def test_a_session_is_processed(tenant: Tenant, wait_until: Waiter[object]) -> None:
    """It becomes processed, has a summary and memories, and takes neither messages nor another processing."""
    user_id = await tenant.user()
    session_id = await tenant.session(user_id, "I live in Lisbon and work as a nurse.", "I adopted a dog named Rex.")
    where = {"user_id": user_id, "session_id": session_id}
    assert (await tenant.call("ProcessSession", **where)).detail

    async def processed() -> bool:
        status: bool = (await tenant.call("GetSessionStatus", **where)).status == PROCESSED
        return status

    await wait_until(processed, "the session is processed")
    session = (await tenant.call("GetSession", **where, include_summary=True, include_memories=True)).session
    assert session.session_summary
    assert any("Rex" in memory.content for memory in session.memories.memories)
    assert session.HasField("processed_at")
    plain = (await tenant.call("GetSession", **where)).session
    assert (False, False) == (plain.HasField("session_summary"), plain.HasField("memories"))

    error = await refused(tenant.call("AddMessage", **where, message="more", role=USER))
    assert (grpc.StatusCode.FAILED_PRECONDITION, "SESSION_NOT_WRITABLE") == (error.code, error.reason)
    assert {"session_id": session_id, "status": "processed"} == error.metadata
    assert "Cannot add message to session with status processed" == error.message
    error = await refused(tenant.call("ProcessSession", **where))
    assert (grpc.StatusCode.FAILED_PRECONDITION, "SESSION_NOT_PROCESSABLE") == (error.code, error.reason)


async def test_an_empty_session_can_be_processed(tenant: Tenant, wait_until: Waiter[object]) -> None:
    """Into nothing."""
    user_id = await tenant.user()
    where = {"user_id": user_id, "session_id": await tenant.session(user_id)}
    await tenant.call("ProcessSession", **where)

    async def processed() -> bool:
        status: bool = (await tenant.call("GetSessionStatus", **where)).status == PROCESSED
        return status

    await wait_until(processed, "the session is processed")
    session = (await tenant.call("GetSession", **where, include_summary=True, include_memories=True)).session
    assert (False, True, 0) == (
        session.HasField("session_summary"),
        session.HasField("memories"),
        len(session.memories.memories),
    )


async def test_the_timer_processes_a_session(tenant: Tenant, wait_until: Waiter[object]) -> None:
    """Nobody asks for it: zero minutes of silence are over at once."""
    user_id = await tenant.user()
    answer = await tenant.call("CreateSession", user_id=user_id, auto_process_after_minutes=0)
    where = {"user_id": user_id, "session_id": answer.session_id}
    await tenant.call("AddMessage", **where, message="I love hiking in Sintra.", role=USER)

    async def processed() -> bool:
        status: bool = (await tenant.call("GetSessionStatus", **where)).status == PROCESSED
        return status

    await wait_until(processed, "the timer fired and the session is processed")


async def test_a_deleted_session_takes_its_memories_along(tenant: Tenant, wait_until: Waiter[object]) -> None:
    """It is gone, and nothing that it created is listed."""
    user_id = await tenant.user()
    where = {"user_id": user_id, "session_id": await tenant.session(user_id, "I am allergic to peanuts.", "I live in Oslo.")}
    await tenant.call("ProcessSession", **where)

    async def remembered() -> bool:
        total: int = (await tenant.call("ListMemories", user_id=user_id)).total
        return total > 0

    await wait_until(remembered, "the session has memories")
    await tenant.call("DeleteSession", **where)
    assert 0 == (await tenant.call("ListMemories", user_id=user_id)).total
    assert "SESSION_NOT_FOUND" == (await refused(tenant.call("DeleteSession", **where))).reason
