"""
Merge conflicts: a statement that contradicts a memory, and what somebody says about it.

    PENDING ──answers──▶ IN_QUEUE ──a worker takes it──▶ RESOLVING ──▶ RESOLVED
                             └──────────────┴──no attempt worked──▶ FAILED

Until a conflict is resolved the memories are as if the statement had not been made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from service.domain.errors import ConflictAlreadyResolved, ConflictAnswersMissing, ConflictQuestionsUnknown, ConflictWrongAnswer
from service.domain.ids import ChainId, ConflictId, MemoryId, SessionId
from service.domain.memories import Candidate

BOTH = "Both are true at different times"
NEITHER = "Neither"


class ConflictStatus(StrEnum):
    """Where a conflict stands; the values are the wire spellings."""

    PENDING = "PENDING"
    IN_QUEUE = "IN_QUEUE"
    RESOLVING = "RESOLVING"
    RESOLVED = "RESOLVED"
    FAILED = "FAILED"


OPEN = frozenset({ConflictStatus.PENDING, ConflictStatus.IN_QUEUE, ConflictStatus.RESOLVING})
"""The states in which the memories of a conflict may still change because of it."""
ANSWERED = frozenset({ConflictStatus.IN_QUEUE, ConflictStatus.RESOLVING})
"""The states in which a conflict waits for a worker or is being worked on."""


class Choice(StrEnum):
    """What an answer means for the memory that a statement contradicts."""

    PROPOSED = "proposed"
    """The statement takes its place."""
    KNOWN = "known"
    """It stays, and the statement is dropped."""
    BOTH = "both"
    """Each was true in its time: the later one is current, the earlier one becomes history."""
    NEITHER = "neither"
    """Both are dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictingMemory:
    """A memory version as it was when a statement contradicted it, and its chain. *reason* is for people."""

    chain_id: ChainId
    memory_id: MemoryId
    content: str
    reason: str
    event_start: datetime
    event_end: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClarifyingQuestion:
    """A question and the answers that it takes, to the letter: the statement, the memory, `BOTH`, `NEITHER`."""

    question: str
    options: tuple[str, ...]

    def choice(self, answer: str) -> Choice:
        """Return what one of the options means."""
        return tuple(Choice)[self.options.index(answer)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer to a question; *message* is what the person adds, if anything."""

    question: str
    answer: str
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedMemory:
    """A memory version that a resolution made."""

    memory_id: MemoryId
    content: str
    event_start: datetime
    event_end: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """
    A *candidate* that contradicts a memory. Times are UTC.

    *proposed* is the text that would take the memory's place: the candidate's own, after whatever of the memory holds in any
    case. There is one question for each of *conflicting*, in the same order. *answers* and *new_memories* are None until they
    are there; *resolved_at* is also the time of a failure.
    """

    conflict_id: ConflictId
    session_id: SessionId
    candidate: Candidate
    proposed: str
    conflicting: tuple[ConflictingMemory, ...]
    questions: tuple[ClarifyingQuestion, ...]
    status: ConflictStatus
    created_at: datetime
    answers: tuple[Answer, ...] | None = None
    new_memories: tuple[ResolvedMemory, ...] | None = None
    resolved_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is still to be resolved."""
        return self.status in OPEN

    @property
    def chain_ids(self) -> frozenset[ChainId]:
        """The chains that the statement contradicts."""
        return frozenset(memory.chain_id for memory in self.conflicting)

    @property
    def memory_ids(self) -> frozenset[MemoryId]:
        """The memory versions that are named."""
        made = self.new_memories or ()
        return frozenset([*(memory.memory_id for memory in self.conflicting), *(memory.memory_id for memory in made)])


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictFilter:
    """Which conflicts are wanted, and in which order; those without the time come last in either order."""

    status: ConflictStatus | None = None
    by_resolution: bool = False
    oldest_first: bool = False


def ask(proposed: str, known: str) -> ClarifyingQuestion:
    """Return the question which of two statements is right."""
    return ClarifyingQuestion(
        question=f'These two statements contradict each other: "{proposed}" and "{known}". Which of them is right?',
        options=(proposed, known, BOTH, NEITHER),
    )


def why(proposed: str) -> str:
    """Return for people why a memory is in conflict with a statement."""
    return f'It cannot be true at the same time as what was said later: "{proposed}"'


def answered(conflict: Conflict, answers: Sequence[Answer]) -> Conflict:
    """
    Return the conflict with answers to all its questions, each one time and in their order; of several to one the last counts.

    Raises, looking in this order, ConflictAlreadyResolved, ConflictQuestionsUnknown, ConflictAnswersMissing, ConflictWrongAnswer.
    """
    if conflict.status is not ConflictStatus.PENDING:
        raise ConflictAlreadyResolved(conflict_id=conflict.conflict_id, status=conflict.status)
    given = {answer.question: answer for answer in answers}
    asked = [question.question for question in conflict.questions]
    if unknown := [question for question in given if question not in asked]:
        raise ConflictQuestionsUnknown(unknown, conflict_id=conflict.conflict_id)
    if missing := [question for question in asked if question not in given]:
        raise ConflictAnswersMissing(missing, conflict_id=conflict.conflict_id)
    for question in conflict.questions:
        answer = given[question.question].answer
        if answer not in question.options:
            raise ConflictWrongAnswer(answer, question.question, question.options, conflict_id=conflict.conflict_id)
    return replace(conflict, status=ConflictStatus.IN_QUEUE, answers=tuple(given[question] for question in asked))


def choices(conflict: Conflict) -> Mapping[ChainId, tuple[Choice, str | None]]:
    """Return what the answers to a conflict mean for each chain, with what the person added."""
    return {
        memory.chain_id: (question.choice(answer.answer), answer.message)
        for memory, question, answer in zip(conflict.conflicting, conflict.questions, conflict.answers or (), strict=True)
    }


def taken_up(conflict: Conflict) -> Conflict:
    """Return an answered conflict as it is while a worker resolves it."""
    return replace(conflict, status=ConflictStatus.RESOLVING)


def resolved(conflict: Conflict, new_memories: Sequence[ResolvedMemory], now: datetime) -> Conflict:
    """Return the conflict as it is when its answers took effect."""
    return replace(conflict, status=ConflictStatus.RESOLVED, new_memories=tuple(new_memories), resolved_at=now)


def failed(conflict: Conflict, now: datetime) -> Conflict:
    """Return the conflict as it is when no attempt at its resolution worked."""
    return replace(conflict, status=ConflictStatus.FAILED, resolved_at=now)
