"""What answers to a conflict are taken, and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from service.domain.conflicts import (
    BOTH,
    NEITHER,
    OPEN,
    Answer,
    Choice,
    Conflict,
    ConflictingMemory,
    ConflictStatus,
    answered,
    ask,
    choices,
    failed,
    resolved,
    taken_up,
)
from service.domain.errors import (
    ConflictAlreadyResolved,
    ConflictAnswersMissing,
    ConflictQuestionsUnknown,
    ConflictWrongAnswer,
    DomainError,
)
from service.domain.ids import ChainId, ConflictId, MemoryId, SessionId
from service.domain.memories import Candidate, Source

NOON = datetime(2024, 5, 8, 12, tzinfo=UTC)
TEA, COFFEE, MILK = "Ann drinks tea", "Ann drinks coffee", "Ann drinks milk"
FIRST, SECOND = ask(TEA, COFFEE), ask(TEA, MILK)


def known(content: str) -> ConflictingMemory:
    """Return a memory that is contradicted."""
    return ConflictingMemory(
        chain_id=ChainId(content),
        memory_id=MemoryId(content),
        content=content,
        reason="so",
        event_start=NOON,
        event_end=NOON,
        created_at=NOON,
    )


@pytest.fixture
def conflict() -> Conflict:
    """Return a conflict with two questions."""
    source = Source(session_id=SessionId("s"), message_index=0)
    return Conflict(
        conflict_id=ConflictId("c"),
        session_id=SessionId("s"),
        candidate=Candidate(content=TEA, categories=(), entities=(), event_start=NOON, event_end=NOON, sources=(source,)),
        proposed=TEA,
        conflicting=(known(COFFEE), known(MILK)),
        questions=(FIRST, SECOND),
        status=ConflictStatus.PENDING,
        created_at=NOON,
    )


def given(*pairs: tuple[str, str]) -> list[Answer]:
    """Return answers."""
    return [Answer(question=question, answer=answer) for question, answer in pairs]


GOOD = ((FIRST.question, TEA), (SECOND.question, NEITHER))
REFUSED: list[tuple[Sequence[tuple[str, str]], type[DomainError], str]] = [
    ([("Why?", "so"), (FIRST.question, "no option")], ConflictQuestionsUnknown,
     "Invalid questions provided. The following questions do not match the original questions: ['Why?']"),
    ([], ConflictAnswersMissing, f"Missing answers for the following questions: {[FIRST.question, SECOND.question]}"),
    ([(FIRST.question, "no option")], ConflictAnswersMissing,
     f"Missing answers for the following questions: {[SECOND.question]}"),
    ([(FIRST.question, "tea"), (SECOND.question, MILK)], ConflictWrongAnswer,
     f"Invalid answer 'tea' for question '{FIRST.question}'. Valid options are: {[TEA, COFFEE, BOTH, NEITHER]}"),
]  # fmt: skip


@pytest.mark.parametrize(("pairs", "error", "message"), REFUSED, ids=["unknown", "none", "missing", "wrong"])
def test_wrong_answers_are_refused_in_order(
    conflict: Conflict, pairs: Sequence[tuple[str, str]], error: type[DomainError], message: str
) -> None:
    """Unknown questions first, then missing answers, then wrong ones, each in the words that clients match."""
    with pytest.raises(error) as caught:
        answered(conflict, given(*pairs))
    assert (message, {"conflict_id": "c"}) == (caught.value.message, caught.value.metadata)


@pytest.mark.parametrize("status", sorted(set(ConflictStatus) - {ConflictStatus.PENDING}))
def test_only_a_pending_conflict_takes_answers(conflict: Conflict, status: ConflictStatus) -> None:
    """Whatever is wrong with the answers besides."""
    with pytest.raises(ConflictAlreadyResolved) as caught:
        answered(replace(conflict, status=status), given(("Why?", "so")))
    assert f"Merge conflict c is already resolved (status: {status})" == caught.value.message


def test_answers_are_kept_in_the_order_of_the_questions(conflict: Conflict) -> None:
    """However they came; of several to one question the last one counts."""
    after = answered(conflict, given(GOOD[1], (FIRST.question, BOTH), GOOD[0]))
    assert (ConflictStatus.IN_QUEUE, tuple(given(*GOOD))) == (after.status, after.answers)
    assert (None, None) == (after.resolved_at, after.new_memories)


@pytest.mark.parametrize(
    ("option", "choice"), [(TEA, Choice.PROPOSED), (COFFEE, Choice.KNOWN), (BOTH, Choice.BOTH), (NEITHER, Choice.NEITHER)]
)
def test_each_option_means_something(option: str, choice: Choice) -> None:
    """The new statement, the known one, both, neither."""
    assert choice is FIRST.choice(option)


def test_answers_mean_something_for_each_chain(conflict: Conflict) -> None:
    """With what the person added."""
    answers = [replace(given(GOOD[0])[0], message="at last"), *given(GOOD[1])]
    expected = {ChainId(COFFEE): (Choice.PROPOSED, "at last"), ChainId(MILK): (Choice.NEITHER, None)}
    assert expected == choices(answered(conflict, answers))


def test_a_question_names_both_statements() -> None:
    """To the letter, and its options are both, and both, and neither."""
    assert TEA in FIRST.question
    assert COFFEE in FIRST.question
    assert (TEA, COFFEE, BOTH, NEITHER) == FIRST.options


def test_a_conflict_is_open_until_it_is_over(conflict: Conflict) -> None:
    """Resolved or failed, it says when."""
    queued = answered(conflict, given(*GOOD))
    states = [conflict, queued, taken_up(queued), resolved(queued, [], NOON), failed(queued, NOON)]
    assert [True, True, True, False, False] == [state.is_open for state in states]
    assert [None, None, None, NOON, NOON] == [state.resolved_at for state in states]
    assert {state.status for state in states if state.is_open} == OPEN


def test_a_long_answer_leaves_room_for_the_words_around_it(conflict: Conflict) -> None:
    """Clients match on them."""
    with pytest.raises(ConflictWrongAnswer) as caught:
        answered(conflict, given((FIRST.question, "x" * 5000), GOOD[1]))
    assert len(caught.value.message) < 700
    assert "for question" in caught.value.message
