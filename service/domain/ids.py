"""The ids that cross layers, each a type of its own so that one cannot be passed where another is meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType
from uuid import UUID

from service.domain.errors import ConflictNotFound, MemoryNotFound, SessionNotFound

ProjectId = NewType("ProjectId", str)
UserId = NewType("UserId", str)
"""The caller's own id of a user; can be changed."""
UserKey = NewType("UserKey", str)
"""Our id of a user, a UUID; never changes and never leaves the service."""
SessionId = NewType("SessionId", str)
MessageId = NewType("MessageId", str)
"""The public id of a message as callers have it who tell events: it names session and place."""
MemoryId = NewType("MemoryId", str)
"""The public id of one version of a memory, a UUID."""
ChainId = NewType("ChainId", str)
"""Our id of a memory over all its versions, a UUID; never leaves the service."""
ConflictId = NewType("ConflictId", str)
"""The public id of a merge conflict, a UUID."""
KeyId = NewType("KeyId", str)
RecallId = NewType("RecallId", str)
"""The public id of an answer to a recall, a UUID."""
ReceiptId = NewType("ReceiptId", str)
"""The public id of the receipt of a deletion, a UUID."""
EventId = NewType("EventId", str)
"""The public id of a webhook event, `evt_` and 32 hexadecimal digits."""
DocumentId = NewType("DocumentId", str)
"""The caller's own id of a document, unique in a project."""
UploadId = NewType("UploadId", str)
"""Our id of one upload of a document, a UUID: a document that is uploaded again has another."""
CollectionId = NewType("CollectionId", str)
"""The caller's own id of a collection, unique among those of a user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The one user whose data a storage call may touch. Made only by a `UserStore`."""

    project_id: ProjectId
    user_key: UserKey


def parse_session_id(text: str) -> SessionId:
    """Return *text* as a session id. Raises SessionNotFound when it is no UUID, since no session can have that id."""
    if not _is_uuid(text):
        raise SessionNotFound(session_id=text)
    return SessionId(text.lower())


def parse_memory_id(text: str) -> MemoryId:
    """Return *text* as a memory id. Raises MemoryNotFound when it is no UUID, since no memory can have that id."""
    if not _is_uuid(text):
        raise MemoryNotFound(memory_id=text)
    return MemoryId(text.lower())


def parse_conflict_id(text: str) -> ConflictId:
    """Return *text* as a conflict id. Raises ConflictNotFound when it is no UUID, since no conflict can have that id."""
    if not _is_uuid(text):
        raise ConflictNotFound(conflict_id=text)
    return ConflictId(text.lower())


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
