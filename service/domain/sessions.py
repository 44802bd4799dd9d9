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


class Visibility(StrEnum):
    """Where what a session says may be recalled; the values are the wire spellings."""

    GLOBAL = "global"
    """Anywhere."""
    GROUP = "group"
    """In its own group."""
    THREAD = "thread"
    """In its own thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOrigin:
    """
    What a session is part of, in the caller's own names; empty for none.

    A *thread* is a conversation as the caller sees it: several sessions may share one, because a processed session takes no more
    messages. A *group* is what the caller puts threads into, such as a project. *visibility* is GLOBAL unless the caller has
    named what it is narrowed to.
    """

    thread: str = ""
    group: str = ""
    visibility: Visibility = Visibility.GLOBAL


HELD = "legal_hold"
"""The kind of a message that is not to be forgotten or deleted until its hold is released."""
EPHEMERAL = "ephemeral"
"""The kind of a message that no memories are made of, and that only its own thread recalls."""

NOWHERE = SessionOrigin()
"""The origin of a session whose caller named none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """
    A session as stored. Times are UTC.

    `generation` rises with every message, every new start of processing and every forgetting: a job that carries an older one
    is stale. `auto_process_after` None means that the session is never processed by itself. `created_at` is the custom time if
    there is one; `custom_created_at` says whether there is. Of its `message_count` messages `forgotten_count` are forgotten.
    `remembered_at` is the time as of which its statements became memories. `missing` is set while a processed session is
    processed again, because a forgetting took more than it meant to: only what the messages at these places say is missing.
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
    origin: SessionOrigin = NOWHERE
    process_within: timedelta | None = None
    forgotten_count: int = 0
    missing: frozenset[int] | None = None
    remembered_at: datetime | None = None

    @property
    def remembered_count(self) -> int:
        """How many of its messages are not forgotten."""
        return self.message_count - self.forgotten_count


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """
    A session to open. `created_at` None means now. With *process_within* it is processed so long after its first message at the
    latest, although others come and put off what `auto_process_after` says.
    """

    metadata: JsonObject
    auto_process_after: timedelta | None
    created_at: datetime | None = None
    origin: SessionOrigin = NOWHERE
    process_within: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFilter:
    """Which sessions are wanted: in any of *statuses* (empty means all) and with metadata that contains *metadata*."""

    statuses: frozenset[SessionStatus] = frozenset()
    metadata: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """
    A message to append.

    *timestamp* None means: the server's time, or what follows from the session's custom start. *kind* is the caller's word for
    what is no plain message, such as `tool_call`, and *document_id* the caller's name of the document that it is about; empty
    for none. *metadata* is the caller's own: it is kept and shown with the message, and nothing is made of it.
    """

    role: MessageRole
    content: str
    timestamp: datetime | None = None
    kind: str = ""
    document_id: str = ""
    metadata: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """
    A message as stored; *index* is its place in the session, from 0.

    One with a *forgotten_at* is kept as it came and shown where messages are listed; nothing is made of it any more.
    """

    session_id: SessionId
    index: int
    role: MessageRole
    content: str
    timestamp: datetime
    kind: str = ""
    document_id: str = ""
    metadata: JsonObject | None = None
    forgotten_at: datetime | None = None

    @property
    def is_mined(self) -> bool:
        """Whether memories may be made of it: not of what is ephemeral, nor of what neither the user nor the model said."""
        return self.kind in ("", HELD) or (self.kind != EPHEMERAL and self.role is MessageRole.USER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """
    A session with all its messages that are not forgotten, as an extractor reads it. *now* is the time from which "yesterday" is
    counted.
    """

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
