"""Create a session."""

from __future__ import annotations

from service.domain.ids import ProjectId, UserId
from service.domain.ports.stores import SessionStore, UserStore
from service.domain.sessions import NewSession, Session
from service.domain.users import User
from service.usecases.limits import check_metadata, check_time


class CreateSession:
    """Opens a session."""

    def __init__(self, users: UserStore, sessions: SessionStore) -> None:
        """Keep the stores."""
        self._users = users
        self._sessions = sessions

    async def __call__(
        self, project_id: ProjectId, user_id: UserId, session: NewSession, *, idempotency_key: str | None
    ) -> tuple[User, Session]:
        """Return the owner and the new session. Raises UserNotFound, IdempotencyKeyReused, InvalidRequest."""
        user = await self._users.get(project_id, user_id)
        check_metadata("metadata", session.metadata)
        if session.created_at is not None:
            check_time("custom_created_at_utc", session.created_at)
        return user, await self._sessions.create(user.scope, session, idempotency_key=idempotency_key)
