"""Queue a session for processing."""

from __future__ import annotations

from service.domain.ids import ProjectId, UserId, parse_session_id
from service.domain.ports.stores import SessionStore, UserStore
from service.domain.sessions import Session


class StartProcessing:
    """Queues a session for processing; `service.usecases.processing` does the work."""

    def __init__(self, users: UserStore, sessions: SessionStore) -> None:
        """Keep the stores."""
        self._users = users
        self._sessions = sessions

    async def __call__(self, project_id: ProjectId, user_id: UserId, session_id: str) -> Session:
        """Return the session, which is now being processed. Raises UserNotFound, SessionNotFound, SessionNotProcessable."""
        user = await self._users.get(project_id, user_id)
        return await self._sessions.start_processing(user.scope, parse_session_id(session_id))
