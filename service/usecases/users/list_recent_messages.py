"""List a user's newest messages."""

from __future__ import annotations

from collections.abc import Sequence

from service.domain.ids import ProjectId, UserId
from service.domain.ports.stores import SessionStore, UserStore
from service.domain.sessions import Message


class ListRecentMessages:
    """Returns the newest messages of a user over all sessions."""

    def __init__(self, users: UserStore, sessions: SessionStore) -> None:
        """Keep the stores."""
        self._users = users
        self._sessions = sessions

    async def __call__(self, project_id: ProjectId, user_id: UserId, *, limit: int) -> Sequence[Message]:
        """Return the newest *limit* messages, oldest of them first. Raises UserNotFound."""
        user = await self._users.get(project_id, user_id)
        return await self._sessions.recent_messages(user.scope, limit)
