"""Sessions and messages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TypeAlias

from mneme.v1 import archive_pb2, archived_document_pb2, session_pb2
from mneme.v1 import sessions_service_pb2 as pb

from service.domain.errors import InvalidRequest
from service.domain.ids import UserId
from service.domain.sessions import (
    DEFAULT_AUTO_PROCESS_AFTER,
    NOWHERE,
    Message,
    MessageRole,
    NewMessage,
    NewSession,
    Session,
    SessionFilter,
    SessionOrigin,
    SessionStatus,
    Visibility,
)
from service.rpc.mapping.values import from_optional_struct, from_struct, from_timestamp, to_struct, to_timestamp
from service.usecases.sessions.get import SessionDetails

STATUSES: Mapping[SessionStatus, session_pb2.SessionStatus.ValueType] = {
    SessionStatus.PENDING: session_pb2.SESSION_STATUS_PENDING,
    SessionStatus.PROCESSING: session_pb2.SESSION_STATUS_PROCESSING,
    SessionStatus.PROCESSED: session_pb2.SESSION_STATUS_PROCESSED,
    SessionStatus.FAILED: session_pb2.SESSION_STATUS_FAILED,
    SessionStatus.INSUFFICIENT_BALANCE: session_pb2.SESSION_STATUS_INSUFFICIENT_BALANCE,
}
ROLES: Mapping[MessageRole, session_pb2.MessageRole.ValueType] = {
    MessageRole.USER: session_pb2.MESSAGE_ROLE_USER,
    MessageRole.ASSISTANT: session_pb2.MESSAGE_ROLE_ASSISTANT,
}
VISIBILITIES: Mapping[Visibility, session_pb2.Visibility.ValueType] = {
    Visibility.GLOBAL: session_pb2.VISIBILITY_GLOBAL,
    Visibility.GROUP: session_pb2.VISIBILITY_GROUP,
    Visibility.THREAD: session_pb2.VISIBILITY_THREAD,
}
_FROM_STATUS = {wire: noun for noun, wire in STATUSES.items()}
_FROM_ROLE = {wire: noun for noun, wire in ROLES.items()}
_FROM_VISIBILITY = {wire: noun for noun, wire in VISIBILITIES.items()} | {session_pb2.VISIBILITY_UNSPECIFIED: Visibility.GLOBAL}


def from_role(role: session_pb2.MessageRole.ValueType) -> MessageRole:
    """Return the author of a message."""
    return _FROM_ROLE[role]


_WithOrigin: TypeAlias = (
    pb.CreateSessionRequest | pb.ResumeSessionRequest | archive_pb2.ArchivedSession | archived_document_pb2.ArchivedDocument
)


def to_session(user_id: UserId, session: Session) -> session_pb2.Session:
    """Return a session of the user with this id."""
    after = session.auto_process_after
    return session_pb2.Session(
        session_id=session.session_id,
        status=STATUSES[session.status],
        created_at=to_timestamp(session.created_at),
        metadata=to_struct(session.metadata),
        user_id=user_id,
        processed_at=to_timestamp(session.processed_at) if session.processed_at is not None else None,
        auto_process_after_seconds=round(after.total_seconds()) if after is not None else None,
        message_count=session.message_count,
        origin=to_origin(session.origin),
    )


def to_session_details(details: SessionDetails) -> session_pb2.Session:
    """Return a session with what was asked for besides."""
    session = to_session(details.user.user_id, details.session)
    if details.summary is not None:
        session.session_summary = details.summary
    if details.memories is not None:
        session.memories.SetInParent()
        session.memories.memories.extend(
            session_pb2.SessionMemory(memory_id=version.memory_id, content=version.content) for version in details.memories
        )
    return session


def to_message(message: Message) -> session_pb2.Message:
    """Return a message."""
    return session_pb2.Message(
        role=ROLES[message.role],
        content=message.content,
        timestamp=to_timestamp(message.timestamp),
        session_id=message.session_id,
        message_index=message.index,
        forgotten_at=to_timestamp(message.forgotten_at) if message.forgotten_at is not None else None,
        metadata=to_struct(message.metadata) if message.metadata else None,
    )


def from_new_session(request: pb.CreateSessionRequest) -> NewSession:
    """Return the session to open."""
    custom = request.HasField("custom_created_at_utc")
    return NewSession(
        metadata=from_struct(request.metadata),
        auto_process_after=_auto_process_after(request),
        created_at=from_timestamp("custom_created_at_utc", request.custom_created_at_utc) if custom else None,
        origin=from_origin(request),
    )


def from_new_message(place: int, message: pb.NewMessage) -> NewMessage:
    """Return the message to append, the *place*th of its request. Raises InvalidRequest for a time out of range."""
    timed = message.HasField("timestamp")
    return NewMessage(
        role=from_role(message.role),
        content=message.content,
        timestamp=from_timestamp(f"messages[{place}].timestamp", message.timestamp) if timed else None,
    )


def from_origin(message: _WithOrigin) -> SessionOrigin:
    """Return what something is part of. Raises InvalidRequest when it is narrowed to something that is not named."""
    origin = message.origin
    visibility = _FROM_VISIBILITY[origin.visibility]
    if visibility is Visibility.THREAD and not origin.thread_id:
        raise InvalidRequest.of("origin.thread_id", "must be there for the visibility `thread`")
    if visibility is Visibility.GROUP and not origin.group_id:
        raise InvalidRequest.of("origin.group_id", "must be there for the visibility `group`")
    return SessionOrigin(thread=origin.thread_id, group=origin.group_id, visibility=visibility)


def to_origin(origin: SessionOrigin) -> session_pb2.SessionOrigin | None:
    """Return what a session is part of, None for nothing."""
    if origin == NOWHERE:
        return None
    return session_pb2.SessionOrigin(thread_id=origin.thread, group_id=origin.group, visibility=VISIBILITIES[origin.visibility])


def from_session_filter(request: pb.ListSessionsRequest) -> SessionFilter:
    """Return which sessions are wanted."""
    return SessionFilter(
        statuses=frozenset(_FROM_STATUS[status] for status in request.status_filter),
        metadata=from_optional_struct(request, "metadata_filter"),
    )


def _auto_process_after(request: pb.CreateSessionRequest) -> timedelta | None:
    if request.HasField("auto_process_after_seconds"):
        return timedelta(seconds=request.auto_process_after_seconds)
    if not request.HasField("auto_process_after_minutes"):
        return DEFAULT_AUTO_PROCESS_AFTER
    minutes = request.auto_process_after_minutes
    return timedelta(minutes=minutes) if minutes >= 0 else None
