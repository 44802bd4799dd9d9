"""How conflicts are written: JSON, times as in the other records."""

from __future__ import annotations

from typing import Any

import orjson

from service.domain.conflicts import Answer, ClarifyingQuestion, Conflict, ConflictingMemory, ConflictStatus, ResolvedMemory
from service.domain.ids import ChainId, ConflictId, MemoryId, SessionId
from service.domain.memories import Candidate, Source
from service.storage.redis.codec import dump, micros, moment


def write_conflict(conflict: Conflict) -> str:
    """Return a conflict as JSON; the same conflict is always the same text."""
    return dump(
        {
            "session": conflict.session_id,
            "candidate": _candidate(conflict.candidate),
            "proposed": conflict.proposed,
            "conflicting": [_conflicting(memory) for memory in conflict.conflicting],
            "questions": [[question.question, *question.options] for question in conflict.questions],
            "status": conflict.status,
            "created_at": micros(conflict.created_at),
            "answers": conflict.answers and [[each.question, each.answer, each.message] for each in conflict.answers],
            "new_memories": None if conflict.new_memories is None else [_resolved(each) for each in conflict.new_memories],
            "resolved_at": None if conflict.resolved_at is None else micros(conflict.resolved_at),
        }
    )


def read_conflict(conflict_id: ConflictId, text: str) -> Conflict:
    """Return the conflict of a JSON text."""
    fields = orjson.loads(text)
    answers, made, resolved_at = fields["answers"], fields["new_memories"], fields["resolved_at"]
    return Conflict(
        conflict_id=conflict_id,
        session_id=SessionId(fields["session"]),
        candidate=_read_candidate(fields["candidate"]),
        proposed=fields["proposed"],
        conflicting=tuple(_read_conflicting(memory) for memory in fields["conflicting"]),
        questions=tuple(ClarifyingQuestion(question=text, options=tuple(options)) for text, *options in fields["questions"]),
        status=ConflictStatus(fields["status"]),
        created_at=moment(fields["created_at"]),
        answers=answers and tuple(Answer(question=asked, answer=given, message=said) for asked, given, said in answers),
        new_memories=None if made is None else tuple(_read_resolved(memory) for memory in made),
        resolved_at=None if resolved_at is None else moment(resolved_at),
    )


def job_subject(conflict: Conflict) -> str:
    """Return what the entry of the conflict's job says that it is about."""
    return f"{conflict.session_id}/{conflict.conflict_id}"


def _candidate(candidate: Candidate) -> dict[str, Any]:
    return {
        "content": candidate.content,
        "categories": candidate.categories,
        "entities": candidate.entities,
        "event": [micros(candidate.event_start), micros(candidate.event_end)],
        "sources": [[source.session_id, source.message_index] for source in candidate.sources],
    }


def _read_candidate(fields: dict[str, Any]) -> Candidate:
    start, end = fields["event"]
    return Candidate(
        content=fields["content"],
        categories=tuple(fields["categories"]),
        entities=tuple(fields["entities"]),
        event_start=moment(start),
        event_end=moment(end),
        sources=tuple(Source(session_id=SessionId(session), message_index=index) for session, index in fields["sources"]),
    )


def _conflicting(memory: ConflictingMemory) -> dict[str, Any]:
    return {
        "chain": memory.chain_id,
        "memory_id": memory.memory_id,
        "content": memory.content,
        "reason": memory.reason,
        "event": [micros(memory.event_start), micros(memory.event_end)],
        "created_at": micros(memory.created_at),
    }


def _read_conflicting(fields: dict[str, Any]) -> ConflictingMemory:
    start, end = fields["event"]
    return ConflictingMemory(
        chain_id=ChainId(fields["chain"]),
        memory_id=MemoryId(fields["memory_id"]),
        content=fields["content"],
        reason=fields["reason"],
        event_start=moment(start),
        event_end=moment(end),
        created_at=moment(fields["created_at"]),
    )


def _resolved(memory: ResolvedMemory) -> dict[str, Any]:
    return {
        "memory_id": memory.memory_id,
        "content": memory.content,
        "event": [micros(memory.event_start), micros(memory.event_end)],
        "created_at": micros(memory.created_at),
    }


def _read_resolved(fields: dict[str, Any]) -> ResolvedMemory:
    start, end = fields["event"]
    return ResolvedMemory(
        memory_id=MemoryId(fields["memory_id"]),
        content=fields["content"],
        event_start=moment(start),
        event_end=moment(end),
        created_at=moment(fields["created_at"]),
    )
