"""
Events: what callers of event-shaped surfaces tell. An event is one message of a session, so its id names session and place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.domain.ids import MessageId, UserId
from service.domain.memories import Source
from service.domain.sessions import MessageRole, SessionOrigin
from service.domain.values import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """
    An event to store: what was said or what happened, by whom and, if that is known, when.

    *kind* is empty for what the user or the model said; else it says what the event is, such as `app_event` or `system`.
    *name* is the caller's name of the event within the project, empty for none. *metadata* is the caller's own.
    """

    user_id: UserId
    role: MessageRole
    kind: str
    content: str
    origin: SessionOrigin
    happened_at: datetime | None = None
    document_id: str = ""
    document_name: str = ""
    name: str = ""
    metadata: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What of a recall was of use, by the ids of facts or events, and what the user thought of it, 1 to 5 if anything."""

    ids: tuple[str, ...]
    rating: int | None = None


def message_id_of(source: Source) -> MessageId:
    """Return the id of the event that a message is."""
    return MessageId(f"evt_{UUID(source.session_id).hex}_{source.message_index}")
