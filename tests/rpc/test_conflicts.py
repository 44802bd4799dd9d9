"""ConflictsService over a real channel."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

import grpc
import pytest
import pytest_asyncio
from mneme.v1 import conflict_pb2, session_pb2
from mneme.v1 import conflicts_service_pb2 as pb

from tests.conftest import Waiter
from tests.rpc.tenant import Tenant, refused

KNOWN, PROPOSED = "User has 2 brothers.", "User has 3 brothers."
NOT_FOUND, REFUSED, INVALID = grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.INVALID_ARGUMENT


class Disputed:
    """A user with one pending conflict."""

    def __init__(self, tenant: Tenant, user_id: str, conflict: conflict_pb2.Conflict) -> None:
        """Keep who it is."""
        self.tenant = tenant
        self.user_id = user_id
        self.conflict = conflict

    @property
    def about(self) -> dict[str, str]:
        """The fields that name the conflict."""
        return {"user_id": self.user_id, "conflict_id": self.conflict.conflict_id}

    def answers(self, option: int) -> dict[str, object]:
        """Return answers that take the option at a place."""
        asked = self.conflict.clarifying_questions
        return {"question_answers": [{"question": each.question, "answer": each.options[option]} for each in asked]}


@pytest_asyncio.fixture(loop_scope="session")
async def disputed(tenant: Tenant, wait_until: Waiter[object]) -> Disputed:
    """Let a user contradict itself."""
    user_id = (await tenant.call("CreateUser", user_id=f"user-{uuid4()}", merge_conflict_enabled=True)).user.user_id
    for text in ("I have 2 brothers.", "I have 3 brothers."):
        session_id = await tenant.session(user_id, text)
        await tenant.call("ProcessSession", user_id=user_id, session_id=session_id)
        await wait_until(lambda: _processed(tenant, user_id, session_id), "the session is processed")  # noqa: B023 - awaited here
    (conflict,) = (await tenant.call("ListConflicts", user_id=user_id)).conflicts
    return Disputed(tenant, user_id, conflict)


async def _processed(tenant: Tenant, user_id: str, session_id: str) -> bool:
    session = (await tenant.call("GetSession", user_id=user_id, session_id=session_id)).session
    return bool(session.status == session_pb2.SESSION_STATUS_PROCESSED)


async def test_a_conflict_says_what_it_is_about(disputed: Disputed) -> None:
    """The statement, what it contradicts, and what is asked."""
    conflict = (await disputed.tenant.call("GetConflict", **disputed.about)).conflict
    assert disputed.conflict == conflict
    assert (disputed.user_id, PROPOSED, KNOWN) == (
        conflict.user_id,
        conflict.proposed_memory_content,
        conflict.conflicting_memories[0].content,
    )
    assert conflict_pb2.CONFLICT_STATUS_PENDING == conflict.status
    assert [False] * 3 == [conflict.HasField(name) for name in ("new_memories", "resolution_data", "resolved_at")]


async def test_conflicts_are_filtered(disputed: Disputed) -> None:
    """By status; the order is the caller's."""
    ask = {"user_id": disputed.user_id, "sort_by": pb.CONFLICT_TIME_RESOLVED_AT, "sort_order": pb.SORT_ORDER_ASC}
    pending = await disputed.tenant.call("ListConflicts", status=conflict_pb2.CONFLICT_STATUS_PENDING, **ask)
    ended = await disputed.tenant.call("ListConflicts", status=conflict_pb2.CONFLICT_STATUS_RESOLVED, **ask)
    assert ([disputed.conflict], 1, 0) == (list(pending.conflicts), pending.total, ended.total)


async def test_answers_resolve_it(disputed: Disputed, wait_until: Waiter[object]) -> None:
    """First it is queued, then the memory says what was answered."""
    call = disputed.tenant.call
    queued = (await call("ResolveConflict", **disputed.about, answers=disputed.answers(0))).conflict
    assert conflict_pb2.CONFLICT_STATUS_IN_QUEUE == queued.status

    async def resolved() -> bool:
        conflict = (await call("GetConflict", **disputed.about)).conflict
        return bool(conflict.status == conflict_pb2.CONFLICT_STATUS_RESOLVED)

    await wait_until(resolved, "the conflict is resolved")
    conflict = (await call("GetConflict", **disputed.about)).conflict
    (memory,) = (await call("ListMemories", user_id=disputed.user_id)).items
    assert [memory.memory_id] == [made.memory_id for made in conflict.new_memories.memories]
    assert (PROPOSED, disputed.conflict.conflict_id) == (memory.content, memory.previous_versions.versions[0].merge_conflict_id)


async def test_the_errors_come_in_order(disputed: Disputed) -> None:
    """User, conflict, unknown questions, missing answers, wrong answers, and at last the state."""
    call, about = disputed.tenant.call, disputed.about
    question = disputed.conflict.clarifying_questions[0].question
    strange = {"question_answers": [{"question": "Why?", "answer": "so"}, {"question": question, "answer": "so"}]}
    wrong = {"question_answers": [{"question": question, "answer": "so"}]}
    rows: list[tuple[Mapping[str, object], grpc.StatusCode, str]] = [
        ({**about, "user_id": "nobody", "answers": strange}, NOT_FOUND, "USER_NOT_FOUND"),
        ({**about, "conflict_id": str(uuid4()), "answers": strange}, NOT_FOUND, "MERGE_CONFLICT_NOT_FOUND"),
        ({**about, "conflict_id": "no-uuid", "answers": strange}, NOT_FOUND, "MERGE_CONFLICT_NOT_FOUND"),
        ({**about, "answers": strange}, INVALID, "MERGE_CONFLICT_INVALID_QUESTIONS"),
        ({**about, "answers": {"question_answers": []}}, INVALID, "MERGE_CONFLICT_MISSING_ANSWERS"),
        ({**about, "answers": wrong}, INVALID, "MERGE_CONFLICT_INVALID_ANSWER"),
        (about, INVALID, "VALIDATION_FAILED"),
    ]
    for fields, code, reason in rows:
        error = await refused(call("ResolveConflict", **fields))
        assert (code, reason) == (error.code, error.reason)
    await call("ResolveConflict", **about, answers=disputed.answers(1))
    error = await refused(call("ResolveConflict", **about, answers=strange))
    assert (REFUSED, "MERGE_CONFLICT_ALREADY_RESOLVED") == (error.code, error.reason)


@pytest.mark.parametrize(
    "fields", [{"limit": 0}, {"limit": 101}, {"offset": -1}, {"status": 9}, {"sort_by": 9}, {"sort_order": 9}]
)
async def test_lists_are_bounded(tenant: Tenant, fields: dict[str, int]) -> None:
    """What is out of range is refused."""
    error = await refused(tenant.call("ListConflicts", user_id="nobody", **fields))
    assert (INVALID, "VALIDATION_FAILED") == (error.code, error.reason)
