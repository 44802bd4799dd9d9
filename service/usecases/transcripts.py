"""Reading whole sessions."""

from __future__ import annotations

from collections.abc import Sequence

from service.domain.ids import Scope, SessionId
from service.domain.ports.stores import SessionStore
from service.domain.sessions import Message
from service.domain.values import PageRequest

_PAGE = 500


async def all_messages(sessions: SessionStore, scope: Scope, session_id: SessionId) -> Sequence[Message]:
    """Return every message of a session that is not forgotten, oldest first. Raises SessionNotFound."""
    messages: list[Message] = []
    while True:
        page = await sessions.messages(scope, session_id, PageRequest(offset=len(messages), limit=_PAGE))
        messages += page.items
        if not page.has_more or not page.items:
            return messages
