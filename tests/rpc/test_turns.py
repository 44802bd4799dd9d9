"""TurnsService over a real channel."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import grpc
import pytest
from mneme.v1 import recall_pb2, session_pb2
from mneme.v1 import turns_service_pb2 as pb

from tests.conftest import Waiter
from tests.rpc.tenant import ASSISTANT, USER, Tenant, refused

# tests share two cores, and none but that of the deadline is about it
PATIENT = {"recall_timeout_milliseconds": 20_000}


async def stored(tenant: Tenant, user_id: str, session_id: str) -> list[tuple[int, str]]:
    """Return author and text of each message of a session."""
    page = await tenant.call("ListMessages", user_id=user_id, session_id=session_id)
    return [(message.role, message.content) for message in page.messages]


async def test_a_new_user_is_created_when_that_is_allowed(tenant: Tenant) -> None:
    """And only once."""
    user_id = f"user-{uuid4()}"
    first = await tenant.call("OpenTurn", user_id=user_id, allow_new_user=True)
    second = await tenant.call("OpenTurn", user_id=user_id, allow_new_user=True)
    assert (first.user_created, first.session_created) == (True, True)
    assert (second.user_created, second.session_created, second.session_id) == (False, False, first.session_id)


async def test_an_unknown_user_is_refused_otherwise(tenant: Tenant) -> None:
    """In the words that client libraries match on."""
    user_id = f"user-{uuid4()}"
    error = await refused(tenant.call("OpenTurn", user_id=user_id))
    assert (error.code, error.message) == (grpc.StatusCode.NOT_FOUND, f"User {user_id} not found")


async def test_a_turn_without_a_query_recalls_nothing(tenant: Tenant) -> None:
    """And still says how memory is read, so that the prompt stays the same."""
    opened = await tenant.call("OpenTurn", user_id=await tenant.user(), query="  ")
    assert opened.recall_outcome == pb.RECALL_OUTCOME_NOT_ASKED
    assert (opened.context, bool(opened.system_prompt)) == ("", True)


async def test_what_an_earlier_session_told_is_recalled(tenant: Tenant, wait_until: Waiter[Any]) -> None:
    """Once it is processed, and never what the session itself holds."""
    user_id = await tenant.user()
    session_id = await tenant.session(user_id, "I am allergic to peanuts.")
    open_turn: dict[str, Any] = {"user_id": user_id, "query": "What am I allergic to?", **PATIENT}
    during = await tenant.call("OpenTurn", session_id=session_id, **open_turn)
    await tenant.call("ProcessSession", user_id=user_id, session_id=session_id)

    async def processed() -> bool:
        answer = await tenant.call("GetSessionStatus", user_id=user_id, session_id=session_id)
        return bool(answer.status == session_pb2.SESSION_STATUS_PROCESSED)

    await wait_until(processed, "the session is processed")

    async def recalled() -> Any:
        opened = await tenant.call("OpenTurn", session_id=session_id, **open_turn)
        return opened if "peanuts" in opened.context else None

    after = await wait_until(recalled, "the index has what was told")
    assert "peanuts" not in during.context
    assert after.session_id != session_id
    assert after.recall_strategy_used == recall_pb2.RECALL_STRATEGY_BALANCED


async def test_a_recall_over_its_time_is_no_error(tenant: Tenant) -> None:
    """The session is known, and nothing goes to the model."""
    # long, and never embedded before: no recall is that quick
    query = " ".join(str(uuid4()) for _ in range(50))
    opened = await tenant.call("OpenTurn", user_id=await tenant.user(), query=query, recall_timeout_milliseconds=1)
    assert opened.recall_outcome == pb.RECALL_OUTCOME_TIMED_OUT
    assert (bool(opened.session_id), opened.context, opened.system_prompt) == (True, "", "")


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"session_timeout_seconds": 599}, "session_timeout_seconds"),
        ({"memories_threshold": 1.1}, "memories_threshold"),
        ({"max_top_k": 0}, "max_top_k"),
        ({"query": "x" * 10_001}, "query"),
        ({"timezone": "Mars/Base"}, "timezone"),
    ],
)
async def test_what_is_out_of_range_is_refused(tenant: Tenant, fields: dict[str, Any], path: str) -> None:
    """By the field's name."""
    error = await refused(tenant.call("OpenTurn", user_id=await tenant.user(), **fields))
    assert (error.code, list(error.violations)) == (grpc.StatusCode.INVALID_ARGUMENT, [path])


TURN: dict[str, Any] = {"user_messages": ["One", "Two"], "user_key": "u", "reply": "Three", "reply_key": "r"}
ALL = [(USER, "One"), (USER, "Two"), (ASSISTANT, "Three")]


async def test_a_turn_is_stored_once(tenant: Tenant) -> None:
    """However often it comes."""
    user_id = await tenant.user()
    session_id = (await tenant.call("OpenTurn", user_id=user_id)).session_id
    for _ in range(3):
        await tenant.call("StoreTurn", user_id=user_id, session_id=session_id, **TURN)
    assert await stored(tenant, user_id, session_id) == ALL


async def test_the_first_of_two_replies_is_kept(tenant: Tenant) -> None:
    """And an interrupted one does not count."""
    user_id = await tenant.user()
    for reply, end in (("Th", pb.REPLY_END_INTERRUPTED), ("Three", pb.REPLY_END_COMPLETE), ("3", pb.REPLY_END_COMPLETE)):
        answer = await tenant.call("StoreTurn", user_id=user_id, **TURN | {"reply": reply}, reply_end=end)
    assert await stored(tenant, user_id, answer.session_id) == [*ALL[:2], (ASSISTANT, "Th [interrupted]"), ALL[2]]


async def test_a_turn_without_a_reply_is_completed_later(tenant: Tenant) -> None:
    """As a loop of tool calls does it."""
    user_id = await tenant.user()
    await tenant.call("StoreTurn", user_id=user_id, user_messages=["One", "Two"], user_key="u", reply_key="r1")
    answer = await tenant.call("StoreTurn", user_id=user_id, **TURN)
    assert await stored(tenant, user_id, answer.session_id) == ALL


async def test_a_turn_of_a_session_that_was_closed_goes_to_another(tenant: Tenant) -> None:
    """Nothing is lost when the session falls due while the model speaks."""
    user_id = await tenant.user()
    session_id = await tenant.session(user_id, "Before")
    await tenant.call("ProcessSession", user_id=user_id, session_id=session_id)
    answer = await tenant.call("StoreTurn", user_id=user_id, session_id=session_id, **TURN)
    assert answer.session_id != session_id
    assert await stored(tenant, user_id, answer.session_id) == ALL


async def test_a_repeat_after_the_session_was_closed_is_stored_no_second_time(tenant: Tenant) -> None:
    """An answer that was lost makes the proxy send the turn again, however late."""
    user_id = await tenant.user()
    first = await tenant.call("StoreTurn", user_id=user_id, **TURN)
    await tenant.call("ProcessSession", user_id=user_id, session_id=first.session_id)
    again = await tenant.call("StoreTurn", user_id=user_id, session_id=first.session_id, **TURN)
    assert again.session_id == first.session_id
    assert await stored(tenant, user_id, first.session_id) == ALL


async def test_a_turn_says_something(tenant: Tenant) -> None:
    """One of its parts is there."""
    error = await refused(tenant.call("StoreTurn", user_id=await tenant.user(), user_key="u", reply_key="r"))
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT
