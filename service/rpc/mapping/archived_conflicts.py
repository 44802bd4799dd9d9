"""Merge conflicts in archives."""

from __future__ import annotations

from mneme.v1 import archived_conflict_pb2 as pb
from mneme.v1 import conflict_pb2

from service.domain.archives import ArchivedConflict
from service.domain.conflicts import ClarifyingQuestion, Conflict, ConflictingMemory, ResolvedMemory
from service.domain.ids import ChainId, ConflictId, MemoryId, SessionId
from service.domain.memories import Candidate
from service.rpc.mapping.conflicts import FROM_STATUS, STATUSES, from_answers, to_answer, to_conflicting, to_question, to_resolved
from service.rpc.mapping.memories import from_sources, to_sources
from service.rpc.mapping.values import from_timestamp, to_timestamp


def to_archived_conflict(archived: ArchivedConflict) -> pb.ArchivedConflict:
    """Return a conflict as a record."""
    conflict = archived.conflict
    named = zip(conflict.conflicting, archived.newest, strict=True)
    message = pb.ArchivedConflict(
        conflict_id=conflict.conflict_id,
        session_id=conflict.session_id,
        statement=_to_statement(conflict.candidate),
        proposed_memory_content=conflict.proposed,
        conflicting_memories=(
            pb.ArchivedConflictingMemory(memory=to_conflicting(memory), newest_memory_id=newest) for memory, newest in named
        ),
        clarifying_questions=map(to_question, conflict.questions),
        status=STATUSES[conflict.status],
        created_at=to_timestamp(conflict.created_at),
        resolved_at=None if conflict.resolved_at is None else to_timestamp(conflict.resolved_at),
    )
    if conflict.answers is not None:
        message.resolution_data.CopyFrom(conflict_pb2.ConflictAnswers(question_answers=map(to_answer, conflict.answers)))
    if conflict.new_memories is not None:
        message.new_memories.CopyFrom(conflict_pb2.ResolvedMemoryList(memories=map(to_resolved, conflict.new_memories)))
    return message


def from_archived_conflict(message: pb.ArchivedConflict) -> ArchivedConflict:
    """Return the conflict of a record that keeps the rules of the contract. Raises InvalidRequest for a time out of range."""
    made = message.new_memories.memories if message.HasField("new_memories") else None
    conflict = Conflict(
        conflict_id=ConflictId(message.conflict_id.lower()),
        session_id=SessionId(message.session_id.lower()),
        candidate=_from_statement(message.statement),
        proposed=message.proposed_memory_content,
        conflicting=tuple(_from_conflicting(each.memory) for each in message.conflicting_memories),
        questions=tuple(
            ClarifyingQuestion(question=each.question, options=tuple(each.options)) for each in message.clarifying_questions
        ),
        status=FROM_STATUS[message.status],
        created_at=from_timestamp("created_at", message.created_at),
        answers=tuple(from_answers(message.resolution_data)) if message.HasField("resolution_data") else None,
        new_memories=None if made is None else tuple(map(_from_resolved, made)),
        resolved_at=from_timestamp("resolved_at", message.resolved_at) if message.HasField("resolved_at") else None,
    )
    newest = (
        MemoryId(each.newest_memory_id.lower()) if each.HasField("newest_memory_id") else None
        for each in message.conflicting_memories
    )
    return ArchivedConflict(conflict=conflict, newest=tuple(newest))


def _to_statement(candidate: Candidate) -> pb.ArchivedStatement:
    return pb.ArchivedStatement(
        content=candidate.content,
        categories=candidate.categories,
        entities=candidate.entities,
        event_date_start=to_timestamp(candidate.event_start),
        event_date_end=to_timestamp(candidate.event_end),
        sources=to_sources(candidate.sources),
    )


def _from_statement(message: pb.ArchivedStatement) -> Candidate:
    return Candidate(
        content=message.content,
        categories=tuple(message.categories),
        entities=tuple(message.entities),
        event_start=from_timestamp("event_date_start", message.event_date_start),
        event_end=from_timestamp("event_date_end", message.event_date_end),
        sources=from_sources(message.sources),
    )


def _from_conflicting(message: conflict_pb2.ConflictingMemory) -> ConflictingMemory:
    return ConflictingMemory(
        # an archive names a chain by its newest version
        chain_id=ChainId(""),
        memory_id=MemoryId(message.memory_id.lower()),
        content=message.content,
        reason=message.reason,
        event_start=from_timestamp("event_date_start", message.event_date_start),
        event_end=from_timestamp("event_date_end", message.event_date_end),
        created_at=from_timestamp("created_at", message.created_at),
    )


def _from_resolved(message: conflict_pb2.ResolvedMemory) -> ResolvedMemory:
    return ResolvedMemory(
        memory_id=MemoryId(message.memory_id.lower()),
        content=message.content,
        event_start=from_timestamp("event_date_start", message.event_date_start),
        event_end=from_timestamp("event_date_end", message.event_date_end),
        created_at=from_timestamp("created_at", message.created_at),
    )
