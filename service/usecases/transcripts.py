"""Reading whole sessions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from service.domain.ids import Scope, SessionId
from service.domain.ports.stores import SessionStore
from service.domain.sessions import Message
from service.usecases.paging import every

_PAGE = 500


async def all_messages(sessions: SessionStore, scope: Scope, session_id: SessionId) -> Sequence[Message]:
    """Return every message of a session that is not forgotten, oldest first. Raises SessionNotFound."""
    return [message async for message in every(partial(sessions.messages, scope, session_id), size=_PAGE)]
