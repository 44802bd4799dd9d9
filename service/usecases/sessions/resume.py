"""Resume a session."""

from __future__ import annotations

from datetime import timedelta

from service.domain.ids import ProjectId, UserId
from service.domain.ports.stores import SessionStore, UserStore
from service.domain.sessions import NOWHERE, NewSession, Session, SessionOrigin
from service.domain.users import User
from service.domain.values import JsonObject
from service.usecases.limits import check_metadata


class ResumeSession:
    """Returns the session that a user is in the middle of, or opens one."""

    def __init__(self, users: UserStore, sessions: SessionStore) -> None:
        """Keep the stores."""
        self._users = users
        self._sessions = sessions

    async def __call__(
        self,
        project_id: ProjectId,
        user_id: UserId,
        *,
        inactivity: timedelta,
        metadata: JsonObject,
        origin: SessionOrigin = NOWHERE,
    ) -> tuple[User, Session, bool]:
        """
        Return the owner, the newest pending session of this *origin* active within *inactivity*, and False; or a new session,
        which is processed after the same span, and True. Raises UserNotFound, InvalidRequest.
        """
        user = await self._users.get(project_id, user_id)
        check_metadata("metadata", metadata)
        new = NewSession(metadata=metadata, auto_process_after=inactivity, origin=origin)
        session, created = await self._sessions.resume(user.scope, inactivity, new)
        return user, session, created
