"""Update a session."""

from __future__ import annotations

from service.domain.ids import ProjectId, UserId, parse_session_id
from service.domain.ports.stores import SessionStore, UserStore
from service.domain.sessions import Session
from service.domain.users import User
from service.domain.values import JsonObject
from service.usecases.limits import check_metadata


class UpdateSession:
    """Replaces the metadata of a session, in any status."""

    def __init__(self, users: UserStore, sessions: SessionStore) -> None:
        """Keep the stores."""
        self._users = users
        self._sessions = sessions

    async def __call__(
        self, project_id: ProjectId, user_id: UserId, session_id: str, metadata: JsonObject | None
    ) -> tuple[User, Session]:
        """
        Return the owner and the session as it is then; *metadata* None changes nothing.

        Raises UserNotFound, SessionNotFound, InvalidRequest.
        """
        user = await self._users.get(project_id, user_id)
        known = parse_session_id(session_id)
        if metadata is None:
            return user, await self._sessions.get(user.scope, known)
        check_metadata("new_metadata", metadata)
        return user, await self._sessions.update(user.scope, known, metadata)
