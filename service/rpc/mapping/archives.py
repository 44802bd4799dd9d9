"""Records of archives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from mneme.v1 import archive_pb2 as pb

from service.domain.archives import (
    ArchivedChunk,
    ArchivedCollection,
    ArchivedConflict,
    ArchivedDocument,
    ArchivedMemory,
    ArchivedSession,
    ArchivedUser,
    ArchiveRecord,
)
from service.domain.ids import MemoryId, SessionId, UserId
from service.domain.memories import MemoryVersion
from service.domain.sessions import Message
from service.rpc.mapping.archived_conflicts import from_archived_conflict, to_archived_conflict
from service.rpc.mapping.archived_documents import (
    from_archived_chunk,
    from_archived_collection,
    from_archived_document,
    to_archived_chunk,
    to_archived_collection,
    to_archived_document,
)
from service.rpc.mapping.memories import REASONS, from_sources, to_sources
from service.rpc.mapping.sessions import ROLES, STATUSES, from_origin, from_role, to_origin
from service.rpc.mapping.values import from_struct, from_timestamp, to_struct, to_timestamp

_FROM_STATUS = {wire: noun for noun, wire in STATUSES.items()}
_FROM_REASON = {wire: noun for noun, wire in REASONS.items()}


def to_record(record: ArchiveRecord) -> pb.ArchiveRecord:
    """Return a record."""
    field, to, _ = _OF_NOUN[type(record)]
    return pb.ArchiveRecord(**{field: to(record)})


def from_record(record: pb.ArchiveRecord) -> ArchiveRecord:
    """Return a record that keeps the rules of the contract. Raises InvalidRequest for a time out of range."""
    # there is one: the contract says so
    field = record.WhichOneof("record") or ""
    return _FROM_FIELD[field](getattr(record, field))


def _to_user(user: ArchivedUser) -> pb.ArchivedUser:
    return pb.ArchivedUser(
        user_id=user.user_id,
        metadata=to_struct(user.metadata),
        merge_conflict_enabled=user.merge_conflict_enabled,
        created_at=to_timestamp(user.created_at),
        last_active_at=to_timestamp(user.last_active_at),
    )


def _from_user(user: pb.ArchivedUser) -> ArchivedUser:
    return ArchivedUser(
        user_id=UserId(user.user_id),
        metadata=from_struct(user.metadata),
        merge_conflict_enabled=user.merge_conflict_enabled if user.HasField("merge_conflict_enabled") else None,
        created_at=from_timestamp("created_at", user.created_at),
        last_active_at=from_timestamp("last_active_at", user.last_active_at),
    )


def _to_session(session: ArchivedSession) -> pb.ArchivedSession:
    after = session.auto_process_after
    return pb.ArchivedSession(
        session_id=session.session_id,
        status=STATUSES[session.status],
        created_at=to_timestamp(session.created_at),
        custom_created_at=session.custom_created_at,
        metadata=to_struct(session.metadata),
        # an event's session waits for less than a second, which is less than can be said here
        auto_process_after_seconds=max(1, round(after.total_seconds())) if after is not None else None,
        processed_at=_to_optional(session.processed_at),
        last_active_at=to_timestamp(session.last_active_at),
        session_summary=session.summary,
        origin=to_origin(session.origin),
        remembered_at=_to_optional(session.remembered_at),
        missing=None if session.missing is None else pb.ArchivedMissing(message_indexes=sorted(session.missing)),
    )


def _from_session(session: pb.ArchivedSession) -> ArchivedSession:
    timed = session.HasField("auto_process_after_seconds")
    return ArchivedSession(
        session_id=SessionId(session.session_id.lower()),
        status=_FROM_STATUS[session.status],
        created_at=from_timestamp("created_at", session.created_at),
        custom_created_at=session.custom_created_at,
        metadata=from_struct(session.metadata),
        auto_process_after=timedelta(seconds=session.auto_process_after_seconds) if timed else None,
        processed_at=from_timestamp("processed_at", session.processed_at) if session.HasField("processed_at") else None,
        last_active_at=from_timestamp("last_active_at", session.last_active_at),
        summary=session.session_summary if session.HasField("session_summary") else None,
        origin=from_origin(session),
        remembered_at=from_timestamp("remembered_at", session.remembered_at) if session.HasField("remembered_at") else None,
        missing=frozenset(session.missing.message_indexes) if session.HasField("missing") else None,
    )


def _to_message(message: Message) -> pb.ArchivedMessage:
    return pb.ArchivedMessage(
        session_id=message.session_id,
        message_index=message.index,
        role=ROLES[message.role],
        content=message.content,
        timestamp=to_timestamp(message.timestamp),
        kind=message.kind,
        document_id=message.document_id,
        metadata=to_struct(message.metadata) if message.metadata else None,
    )


def _from_message(message: pb.ArchivedMessage) -> Message:
    return Message(
        session_id=SessionId(message.session_id.lower()),
        index=message.message_index,
        role=from_role(message.role),
        content=message.content,
        timestamp=from_timestamp("timestamp", message.timestamp),
        kind=message.kind,
        document_id=message.document_id,
        metadata=from_struct(message.metadata) or None,
    )


def _to_memory(memory: ArchivedMemory) -> pb.ArchivedMemory:
    return pb.ArchivedMemory(versions=map(_to_version, memory.versions), connected_memory_ids=memory.connected)


def _from_memory(memory: pb.ArchivedMemory) -> ArchivedMemory:
    return ArchivedMemory(
        versions=tuple(map(_from_version, memory.versions)),
        connected=tuple(MemoryId(memory_id.lower()) for memory_id in memory.connected_memory_ids),
    )


def _to_version(version: MemoryVersion) -> pb.ArchivedVersion:
    return pb.ArchivedVersion(
        memory_id=version.memory_id,
        content=version.content,
        categories=version.categories,
        entities=version.entities,
        event_date_start=to_timestamp(version.event_start),
        event_date_end=to_timestamp(version.event_end),
        created_at=to_timestamp(version.created_at),
        reason=REASONS[version.reason],
        session_id=version.session_id,
        sources=to_sources(version.sources),
        expired_at=_to_optional(version.expired_at),
        merge_conflict_id=version.merge_conflict_id,
    )


def _from_version(version: pb.ArchivedVersion) -> MemoryVersion:
    return MemoryVersion(
        memory_id=MemoryId(version.memory_id.lower()),
        content=version.content,
        categories=tuple(version.categories),
        entities=tuple(version.entities),
        event_start=from_timestamp("event_date_start", version.event_date_start),
        event_end=from_timestamp("event_date_end", version.event_date_end),
        created_at=from_timestamp("created_at", version.created_at),
        reason=_FROM_REASON[version.reason],
        session_id=SessionId(version.session_id.lower()),
        sources=from_sources(version.sources),
        expired_at=from_timestamp("expired_at", version.expired_at) if version.HasField("expired_at") else None,
        merge_conflict_id=version.merge_conflict_id if version.HasField("merge_conflict_id") else None,
    )


def _to_optional(moment: datetime | None) -> Timestamp | None:
    return None if moment is None else to_timestamp(moment)


_OF_NOUN: Mapping[type[ArchiveRecord], tuple[str, Callable[[Any], Any], Callable[[Any], ArchiveRecord]]] = {
    ArchivedUser: ("user", _to_user, _from_user),
    ArchivedSession: ("session", _to_session, _from_session),
    Message: ("message", _to_message, _from_message),
    ArchivedMemory: ("memory", _to_memory, _from_memory),
    ArchivedConflict: ("conflict", to_archived_conflict, from_archived_conflict),
    ArchivedDocument: ("document", to_archived_document, from_archived_document),
    ArchivedChunk: ("chunk", to_archived_chunk, from_archived_chunk),
    ArchivedCollection: ("collection", to_archived_collection, from_archived_collection),
}
_FROM_FIELD = {field: from_ for field, _, from_ in _OF_NOUN.values()}
