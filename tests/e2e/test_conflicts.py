"""Merge conflicts with the official SDK: raise, list, get, refresh, resolve, and every error."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest
from recallrai import AsyncRecallrAI, RecallrAI
from recallrai.exceptions import (
    MergeConflictAlreadyResolvedError,
    MergeConflictInvalidAnswerError,
    MergeConflictInvalidQuestionsError,
    MergeConflictMissingAnswersError,
    MergeConflictNotFoundError,
    UserNotFoundError,
)
from recallrai.merge_conflict import MergeConflict
from recallrai.models import MergeConflictAnswer, MergeConflictStatus, MessageRole, SessionStatus
from recallrai.user import User

from tests.e2e.serving import Serving, wait_until

KNOWN, PROPOSED = "User's birthday is on 4 May.", "User's birthday is on 9 June."


@pytest.fixture
def user(sdk: RecallrAI, user_id: str) -> User:
    """Return a new user that wants to be asked."""
    user = sdk.create_user(user_id=user_id)
    return user.update(merge_conflict_enabled=True) or user


def tell(user: User, text: str) -> str:
    """Let the user say something in a session of its own, process it and return its id."""
    session = user.create_session()
    session.add_message(role=MessageRole.USER, content=text)
    session.process()

    def processed() -> bool:
        session.refresh()
        return bool(session.status == SessionStatus.PROCESSED)

    wait_until(processed, "the session is processed")
    return str(session.session_id)


@pytest.fixture
def session_id(user: User) -> str:
    """Let the user contradict itself and return the session in which it did."""
    tell(user, "My birthday is on 4 May.")
    return tell(user, "My birthday is on 9 June.")


@pytest.fixture
def conflict(user: User, session_id: str) -> MergeConflict:  # noqa: ARG001 - the session raises it
    """Return the conflict that the user raised."""
    (conflict,) = user.list_merge_conflicts().conflicts
    assert isinstance(conflict, MergeConflict)
    return conflict


def resolved(user: User, conflict: MergeConflict) -> MergeConflict:
    """Wait until a conflict is resolved and return it as it is then; `refresh` of the client leaves the memories out."""

    def done() -> bool:
        conflict.refresh()
        return bool(conflict.status == MergeConflictStatus.RESOLVED)

    wait_until(done, "the conflict is resolved")
    return user.get_merge_conflict(conflict.conflict_id)


def answers(conflict: MergeConflict, option: int, message: str | None = None) -> list[MergeConflictAnswer]:
    """Return the answer that takes the option at a place of each question."""
    return [
        MergeConflictAnswer(question=each.question, answer=each.options[option], message=message)
        for each in conflict.clarifying_questions
    ]


def test_a_contradiction_is_raised(user: User, session_id: str, conflict: MergeConflict) -> None:
    """It says what contradicts what, asks one to three questions, and leaves the memory as it is."""
    assert (MergeConflictStatus.PENDING, PROPOSED, session_id) == (
        conflict.status,
        conflict.proposed_memory_content,
        conflict._conflict_data.project_user_session_id,
    )
    (memory,) = conflict.conflicting_memories
    assert KNOWN == memory.content
    assert memory.reason
    assert 1 <= len(conflict.clarifying_questions) <= 3
    assert {PROPOSED, KNOWN, "Both are true at different times", "Neither"} == set(conflict.clarifying_questions[0].options)
    assert (None, None, None) == (conflict.new_memories, conflict.resolution_data, conflict.resolved_at)
    (known,) = user.list_memories().items
    assert (memory.memory_id, KNOWN, True) == (known.memory_id, known.content, known.merge_conflict_in_progress)
    assert user.get_memory(memory.memory_id).merge_conflict_in_progress


def test_conflicts_are_listed(user: User, conflict: MergeConflict) -> None:
    """By status, paged and sorted."""
    page = user.list_merge_conflicts(
        offset=0, limit=10, status=MergeConflictStatus.PENDING, sort_by="created_at", sort_order="desc"
    )
    assert ([conflict.conflict_id], 1, False) == ([each.conflict_id for each in page.conflicts], page.total, page.has_more)
    assert 0 == user.list_merge_conflicts(status=MergeConflictStatus.RESOLVED, sort_by="resolved_at", sort_order="asc").total
    assert conflict.conflict_id == user.get_merge_conflict(conflict.conflict_id).conflict_id


def test_a_pending_conflict_is_in_the_context(user: User, conflict: MergeConflict) -> None:
    """With its question, until it is resolved."""
    session = user.create_session()
    session.add_message(MessageRole.USER, "When is my birthday?")
    context = session.get_context(include_system_prompt=False).context or ""
    assert "## Pending conflicts" in context
    assert conflict.clarifying_questions[0].question in context
    conflict.resolve(answers(conflict, 0))
    resolved(user, conflict)
    assert "## Pending conflicts" not in (session.get_context(include_system_prompt=False).context or "")


def test_the_new_statement_can_survive(user: User, conflict: MergeConflict) -> None:
    """The known one expires because of the conflict and says so; a message that is a mere remark changes nothing."""
    remark = "User prefers this option based on recent conversation"
    conflict.resolve(answers(conflict, 0, remark))
    assert conflict.status in {MergeConflictStatus.IN_QUEUE, MergeConflictStatus.RESOLVING, MergeConflictStatus.RESOLVED}
    assert conflict.resolution_data
    assert remark == conflict.resolution_data["question_answers"][0]["message"]
    assert conflict.resolved_at is None
    conflict = resolved(user, conflict)
    assert conflict.resolved_at is not None
    (memory,) = user.list_memories().items
    (old,) = memory.previous_versions or []
    assert (PROPOSED, 2, False) == (memory.content, memory.total_versions, memory.merge_conflict_in_progress)
    assert (KNOWN, "MERGE_CONFLICT", conflict.conflict_id) == (old.content, old.expiration_reason, old.merge_conflict_id)
    assert conflict.new_memories
    assert [(memory.memory_id, PROPOSED)] == [(new.memory_id, new.content) for new in conflict.new_memories]


def test_the_known_statement_can_survive(user: User, conflict: MergeConflict) -> None:
    """The memory stays as it was."""
    conflict.resolve(answers(conflict, 1))
    resolved(user, conflict)
    (memory,) = user.list_memories().items
    assert (KNOWN, 1, False) == (memory.content, memory.total_versions, memory.merge_conflict_in_progress)


def test_neither_may_survive(user: User, conflict: MergeConflict) -> None:
    """Then the memory goes, and the conflict names it no more."""
    conflict.resolve(answers(conflict, 3))
    conflict = resolved(user, conflict)
    assert (0, []) == (user.list_memories().total, conflict.conflicting_memories)


def test_a_message_can_change_the_wording(user: User, conflict: MergeConflict) -> None:
    """When it says the disputed thing itself."""
    conflict.resolve(answers(conflict, 3, "My birthday is on 11 July."))
    resolved(user, conflict)
    (memory,) = user.list_memories().items
    assert ("User's birthday is on 11 July.", 2) == (memory.content, memory.total_versions)


def test_an_answered_conflict_takes_no_more_answers(user: User, conflict: MergeConflict) -> None:
    """The second of two answers is told so, also when both come from the same state."""
    other = user.get_merge_conflict(conflict.conflict_id)
    conflict.resolve(answers(conflict, 0))
    with pytest.raises(MergeConflictAlreadyResolvedError):
        other.resolve(answers(other, 1))
    resolved(user, conflict)
    with pytest.raises(MergeConflictAlreadyResolvedError):
        conflict.resolve(answers(conflict, 0))


WRONG: list[tuple[Callable[[str, str], list[MergeConflictAnswer]], type[Exception]]] = [
    (lambda _, __: [MergeConflictAnswer(question="What?", answer="So.")], MergeConflictInvalidQuestionsError),
    (lambda _, __: [], MergeConflictMissingAnswersError),
    (lambda question, _: [MergeConflictAnswer(question=question, answer="Perhaps")], MergeConflictInvalidAnswerError),
    (
        lambda question, _: [
            MergeConflictAnswer(question="What?", answer="So."),
            MergeConflictAnswer(question=question, answer="Perhaps"),
        ],
        MergeConflictInvalidQuestionsError,
    ),
]


@pytest.mark.parametrize(("given", "error"), WRONG)
def test_wrong_answers_are_named(
    conflict: MergeConflict, given: Callable[[str, str], list[MergeConflictAnswer]], error: type[Exception]
) -> None:
    """Each by its own error, unknown questions first, and the conflict stays pending."""
    asked = conflict.clarifying_questions[0]
    with pytest.raises(error):
        conflict.resolve(given(asked.question, asked.options[0]))
    conflict.refresh()
    assert MergeConflictStatus.PENDING == conflict.status


def test_what_is_not_there_is_not_found(user: User, conflict: MergeConflict) -> None:
    """A conflict, by UUID or not, and a user each have their error."""
    for absent in (str(uuid4()), "no-uuid"):
        with pytest.raises(MergeConflictNotFoundError):
            user.get_merge_conflict(absent)
    user.delete()
    with pytest.raises(UserNotFoundError):
        conflict.refresh()
    with pytest.raises(UserNotFoundError):
        conflict.resolve(answers(conflict, 0))
    with pytest.raises(UserNotFoundError):
        user.list_merge_conflicts()


@pytest.mark.parametrize("shape", ["wrapped", "bare", "named"])
def test_answers_come_in_three_shapes(http: httpx.Client, user: User, conflict: MergeConflict, shape: str) -> None:
    """As the SDKs send them, as the documentation shows them, and as a bare list; the answer has the names of all versions."""
    given = [answer.model_dump() for answer in answers(conflict, 1)]
    body = {"wrapped": {"answers": {"question_answers": given}}, "bare": {"answers": given}, "named": {"question_answers": given}}
    path = f"/api/v1/users/{user.user_id}/merge-conflicts/{conflict.conflict_id}"
    answer = http.post(f"{path}/resolve", json=body[shape])
    assert 200 == answer.status_code
    found = answer.json()["conflict"]
    assert ("IN_QUEUE", {"question_answers": given}, None) == (found["status"], found["resolution_data"], found["resolved_at"])
    assert (found["conflict_id"], found["proposed_memory_content"]) == (found["id"], found["new_memory_content"])
    assert (user.user_id, user.user_id) == (found["user_id"], found["custom_user_id"])
    malformed: list[dict[str, object]] = [{}, {"answers": {}}]
    assert [422, 422] == [http.post(f"{path}/resolve", json=each).status_code for each in malformed]
    assert 422 == http.get(path.rpartition("/")[0], params={"status": "SETTLED"}).status_code


def test_nobody_is_asked_unless_it_is_wanted(user: User) -> None:
    """A user who says no, and one of a project that says nothing, get the newest statement."""
    for enabled in (False, None):
        user.update(merge_conflict_enabled=enabled)
        tell(user, f"My birthday is on {'4 May' if enabled is None else '9 June'}.")
    assert 0 == user.list_merge_conflicts().total
    (memory,) = user.list_memories().items
    assert KNOWN == memory.content


def test_a_deleted_memory_leaves_no_conflict(user: User, conflict: MergeConflict) -> None:
    """What contradicted it alone becomes a memory."""
    user.delete_memory(conflict.conflicting_memories[0].memory_id)
    assert 0 == user.list_merge_conflicts().total
    with pytest.raises(MergeConflictNotFoundError):
        conflict.refresh()
    (memory,) = user.list_memories().items
    assert (PROPOSED, False) == (memory.content, memory.merge_conflict_in_progress)


def test_a_deleted_session_takes_its_conflict(user: User, session_id: str, conflict: MergeConflict) -> None:
    """With its statement."""
    user.get_session(session_id).delete()
    with pytest.raises(MergeConflictNotFoundError):
        conflict.refresh()
    (memory,) = user.list_memories().items
    assert (KNOWN, False) == (memory.content, memory.merge_conflict_in_progress)


async def test_the_asynchronous_client_does_the_same(async_sdk: AsyncRecallrAI, user: User, conflict: MergeConflict) -> None:
    """List, get, refresh, the errors, resolve."""
    same = await async_sdk.get_user(user.user_id)
    (listed,) = (await same.list_merge_conflicts(status=MergeConflictStatus.PENDING)).conflicts
    found = await same.get_merge_conflict(conflict.conflict_id)
    assert listed.conflict_id == found.conflict_id
    with pytest.raises(MergeConflictMissingAnswersError):
        await found.resolve([])
    with pytest.raises(MergeConflictInvalidQuestionsError):
        await found.resolve([MergeConflictAnswer(question="What?", answer="So.")])
    with pytest.raises(MergeConflictInvalidAnswerError):
        await found.resolve([MergeConflictAnswer(question=found.clarifying_questions[0].question, answer="Perhaps")])
    with pytest.raises(MergeConflictNotFoundError):
        await same.get_merge_conflict(str(uuid4()))
    await found.resolve(answers(conflict, 0))
    async with asyncio.timeout(60):
        while found.status != MergeConflictStatus.RESOLVED:
            await found.refresh()
    with pytest.raises(MergeConflictAlreadyResolvedError):
        await found.resolve(answers(conflict, 0))


@pytest.mark.parametrize("victim", ["service", "valkey"])
@pytest.mark.timeout(240)
def test_a_resolution_survives_a_kill(
    serving: Serving, http: httpx.Client, user: User, conflict: MergeConflict, victim: str
) -> None:
    """A conflict that was answered when a process died is resolved once."""
    conflict.resolve(answers(conflict, 0))
    serving.kill(victim)
    path = f"/api/v1/users/{user.user_id}"

    def status() -> str:
        try:
            answer = http.get(f"{path}/merge-conflicts/{conflict.conflict_id}")
        except httpx.TransportError:
            return ""
        return str(answer.json()["conflict"]["status"]) if answer.status_code == 200 else ""

    wait_until(lambda: status() == "RESOLVED", "the conflict is resolved", seconds=120)
    (memory,) = http.get(f"{path}/memories").json()["items"]
    assert (PROPOSED, 2) == (memory["content"], memory["total_versions"])
