"""List sessions."""

from __future__ import annotations

from service.domain.ids import ProjectId, UserId
from service.domain.ports.stores import SessionStore, UserStore
from service.domain.sessions import Session, SessionFilter
from service.domain.users import User
from service.domain.values import JsonObject, Page, PageRequest, contains


class ListSessions:
    """Pages through the sessions of a user."""

    def __init__(self, users: UserStore, sessions: SessionStore) -> None:
        """Keep the stores."""
        self._users = users
        self._sessions = sessions

    async def __call__(
        self,
        project_id: ProjectId,
        user_id: UserId,
        page: PageRequest,
        wanted: SessionFilter,
        *,
        user_metadata: JsonObject | None = None,
    ) -> tuple[User, Page[Session]]:
        """
        Return the owner and one page of the *wanted* sessions, newest first; an empty one unless the owner's metadata contains
        *user_metadata*. Raises UserNotFound.
        """
        user = await self._users.get(project_id, user_id)
        if user_metadata is not None and not contains(user.metadata, user_metadata):
            return user, Page(items=(), offset=page.offset, total=0)
        return user, await self._sessions.list(user.scope, page, wanted)
