"""
Archives: one user as a row of records that can be kept in a file and made a user of again.

First the user, then each session followed by its messages in their order, then the merge conflicts, then the memories, then each
document followed by its chunks in their order, then the collections. No record holds an id that is not public: a memory is named
by its versions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from service.domain.conflicts import Conflict
from service.domain.documents import ChunkRules, Section
from service.domain.ids import CollectionId, DocumentId, MemoryId, SessionId, UserId
from service.domain.memories import MemoryVersion
from service.domain.sessions import NOWHERE, Message, SessionOrigin, SessionStatus
from service.domain.values import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedUser:
    """A user. `merge_conflict_enabled` None means: as the project says. Times are UTC, here and below."""

    user_id: UserId
    metadata: JsonObject
    merge_conflict_enabled: bool | None
    created_at: datetime
    last_active_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedSession:
    """
    A session, whose messages follow it; *summary* None means that it has none. *remembered_at* and *missing* are those of a
    `Session`.
    """

    session_id: SessionId
    status: SessionStatus
    created_at: datetime
    custom_created_at: bool
    metadata: JsonObject
    auto_process_after: timedelta | None
    processed_at: datetime | None
    last_active_at: datetime
    summary: str | None
    origin: SessionOrigin = NOWHERE
    remembered_at: datetime | None = None
    missing: frozenset[int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedMemory:
    """A memory: its *versions*, oldest first, and the current versions of those it is *connected* to, strongest first."""

    versions: tuple[MemoryVersion, ...]
    connected: tuple[MemoryId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedConflict:
    """
    A merge conflict, whose chains are named by what is in *newest*: for each conflicting memory the current version of its chain,
    None when that is gone. The chain ids in the conflict itself say nothing.
    """

    conflict: Conflict
    newest: tuple[MemoryId | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedDocument:
    """A document, whose *chunk_count* chunks follow it."""

    document_id: DocumentId
    name: str
    origin: SessionOrigin
    rules: ChunkRules
    size_bytes: int
    chunk_count: int
    sections: tuple[Section, ...]
    created_at: datetime
    uploaded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedChunk:
    """A chunk of a document, without the upload that it is of: a document that is imported is an upload of its own."""

    document_id: DocumentId
    place: int
    start: int
    title: str | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedMember:
    """A document in a collection; *position* None means that it has no place of its own."""

    document_id: DocumentId
    position: int | None
    added_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedCollection:
    """A collection with what is in it."""

    collection_id: CollectionId
    name: str
    group: str
    ordered: bool
    created_at: datetime
    members: tuple[ArchivedMember, ...]


ArchiveRecord: TypeAlias = (
    ArchivedUser
    | ArchivedSession
    | Message
    | ArchivedConflict
    | ArchivedMemory
    | ArchivedDocument
    | ArchivedChunk
    | ArchivedCollection
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredSession:
    """A session with all its messages, oldest first."""

    session: ArchivedSession
    messages: Sequence[Message]
