"""List the messages of a session."""

from __future__ import annotations

from service.domain.ids import ProjectId, UserId, parse_session_id
from service.domain.ports.stores import SessionStore, UserStore
from service.domain.sessions import Message
from service.domain.values import Page, PageRequest


class ListMessages:
    """Pages through the messages of a session."""

    def __init__(self, users: UserStore, sessions: SessionStore) -> None:
        """Keep the stores."""
        self._users = users
        self._sessions = sessions

    async def __call__(self, project_id: ProjectId, user_id: UserId, session_id: str, page: PageRequest) -> Page[Message]:
        """Return one page of messages, oldest first, the forgotten ones marked. Raises UserNotFound, SessionNotFound."""
        user = await self._users.get(project_id, user_id)
        return await self._sessions.messages(user.scope, parse_session_id(session_id), page, with_forgotten=True)
