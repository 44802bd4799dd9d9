"""Sessions, their messages and the states that a session goes through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from service.domain.ids import SessionId
from service.domain.values import JsonObject

DEFAULT_AUTO_PROCESS_AFTER = timedelta(seconds=600)


class SessionStatus(StrEnum):
    """Where a session stands; the values are the wire spellings."""

    PENDING = "pending"
    PROCESSING = "processing"
    PROCESSED = "processed"
    FAILED = "failed"
    INSUFFICIENT_BALANCE = "insufficient_balance"


PROCESSABLE = frozenset({SessionStatus.PENDING, SessionStatus.FAILED, SessionStatus.INSUFFICIENT_BALANCE})
"""The states from which a session can be processed."""


class MessageRole(StrEnum):
    """Who wrote a message; the values are the wire spellings."""

    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """
    A session as stored. Times are UTC.

    `generation` rises with every message and every new start of processing: a job that carries an older one is stale.
    `auto_process_after` None means that the session is never processed by itself. `created_at` is the custom time if
    there is one; `custom_created_at` says whether there is.
    """

    session_id: SessionId
    status: SessionStatus
    created_at: datetime
    custom_created_at: bool
    metadata: JsonObject
    auto_process_after: timedelta | None
    processed_at: datetime | None
    last_active_at: datetime
    message_count: int
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """A session to open. `created_at` None means now."""

    metadata: JsonObject
    auto_process_after: timedelta | None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFilter:
    """Which sessions are wanted: in any of *statuses* (empty means all) and with metadata that contains *metadata*."""

    statuses: frozenset[SessionStatus] = frozenset()
    metadata: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A message to append."""

    role: MessageRole
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as stored; *index* is its place in the session, from 0."""

    session_id: SessionId
    index: int
    role: MessageRole
    content: str
    timestamp: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """A session with all its messages, as an extractor reads it. *now* is the time from which "yesterday" is counted."""

    session_id: SessionId
    now: datetime
    messages: Sequence[Message]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a session was about. *created_at* is the session's own time."""

    session_id: SessionId
    content: str
    created_at: datetime
    message_count: int
