"""Create a session."""

from __future__ import annotations

from datetime import UTC, datetime

from service.domain.errors import InvalidRequest
from service.domain.ids import ProjectId, UserId
from service.domain.ports.stores import SessionStore, UserStore
from service.domain.sessions import NewSession, Session
from service.domain.users import User
from service.usecases.limits import check_metadata

EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
LATEST = datetime(9999, 1, 1, tzinfo=UTC)
"""The bounds of a custom time: message times that count on from it, and each of them in any time zone, must still be dates."""


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
        if session.created_at is not None and not EARLIEST <= session.created_at < LATEST:
            raise InvalidRequest.of("custom_created_at_utc", f"must lie from {EARLIEST.date()} to {LATEST.date()}")
        return user, await self._sessions.create(user.scope, session, idempotency_key=idempotency_key)
