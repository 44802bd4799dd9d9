"""Merge conflicts."""

from __future__ import annotations

from collections.abc import Mapping

from mneme.v1 import conflict_pb2
from mneme.v1 import conflicts_service_pb2 as pb

from service.domain.conflicts import (
    Answer,
    ClarifyingQuestion,
    Conflict,
    ConflictFilter,
    ConflictingMemory,
    ConflictStatus,
    ResolvedMemory,
)
from service.domain.ids import UserId
from service.rpc.mapping.values import to_timestamp

STATUSES: Mapping[ConflictStatus, conflict_pb2.ConflictStatus.ValueType] = {
    ConflictStatus.PENDING: conflict_pb2.CONFLICT_STATUS_PENDING,
    ConflictStatus.IN_QUEUE: conflict_pb2.CONFLICT_STATUS_IN_QUEUE,
    ConflictStatus.RESOLVING: conflict_pb2.CONFLICT_STATUS_RESOLVING,
    ConflictStatus.RESOLVED: conflict_pb2.CONFLICT_STATUS_RESOLVED,
    ConflictStatus.FAILED: conflict_pb2.CONFLICT_STATUS_FAILED,
}
FROM_STATUS = {number: status for status, number in STATUSES.items()}


def to_conflict(user_id: UserId, conflict: Conflict) -> conflict_pb2.Conflict:
    """Return a conflict of the user whom the caller calls *user_id*."""
    message = conflict_pb2.Conflict(
        conflict_id=conflict.conflict_id,
        user_id=user_id,
        session_id=conflict.session_id,
        proposed_memory_content=conflict.proposed,
        conflicting_memories=map(to_conflicting, conflict.conflicting),
        clarifying_questions=map(to_question, conflict.questions),
        status=STATUSES[conflict.status],
        created_at=to_timestamp(conflict.created_at),
    )
    if conflict.answers is not None:
        message.resolution_data.CopyFrom(conflict_pb2.ConflictAnswers(question_answers=map(to_answer, conflict.answers)))
    if conflict.new_memories is not None:
        message.new_memories.CopyFrom(conflict_pb2.ResolvedMemoryList(memories=map(to_resolved, conflict.new_memories)))
    if conflict.resolved_at is not None:
        message.resolved_at.CopyFrom(to_timestamp(conflict.resolved_at))
    return message


def from_conflict_filter(request: pb.ListConflictsRequest) -> ConflictFilter:
    """Return which conflicts are wanted, in which order."""
    return ConflictFilter(
        status=FROM_STATUS.get(request.status),
        by_resolution=request.sort_by == pb.CONFLICT_TIME_RESOLVED_AT,
        oldest_first=request.sort_order == pb.SORT_ORDER_ASC,
    )


def from_answers(answers: conflict_pb2.ConflictAnswers) -> list[Answer]:
    """Return answers in their order."""
    return [
        Answer(question=each.question, answer=each.answer, message=each.message if each.HasField("message") else None)
        for each in answers.question_answers
    ]


def to_question(question: ClarifyingQuestion) -> conflict_pb2.ClarifyingQuestion:
    """Return a question."""
    return conflict_pb2.ClarifyingQuestion(question=question.question, options=question.options)


def to_answer(answer: Answer) -> conflict_pb2.QuestionAnswer:
    """Return an answer."""
    return conflict_pb2.QuestionAnswer(question=answer.question, answer=answer.answer, message=answer.message)


def to_conflicting(memory: ConflictingMemory) -> conflict_pb2.ConflictingMemory:
    """Return what a statement contradicts."""
    return conflict_pb2.ConflictingMemory(
        memory_id=memory.memory_id,
        content=memory.content,
        reason=memory.reason,
        event_date_start=to_timestamp(memory.event_start),
        event_date_end=to_timestamp(memory.event_end),
        created_at=to_timestamp(memory.created_at),
    )


def to_resolved(memory: ResolvedMemory) -> conflict_pb2.ResolvedMemory:
    """Return what a resolution made."""
    return conflict_pb2.ResolvedMemory(
        memory_id=memory.memory_id,
        content=memory.content,
        event_date_start=to_timestamp(memory.event_start),
        event_date_end=to_timestamp(memory.event_end),
        created_at=to_timestamp(memory.created_at),
    )
