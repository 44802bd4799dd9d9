"""Add messages to a session."""

from __future__ import annotations

from collections.abc import Sequence

from service.domain.ids import ProjectId, UserId, parse_session_id
from service.domain.ports.stores import SessionStore, UserStore
from service.domain.sessions import Message, NewMessage
from service.usecases.limits import check_time


class AddMessages:
    """Appends messages to a pending session and restarts its timer."""

    def __init__(self, users: UserStore, sessions: SessionStore) -> None:
        """Keep the stores."""
        self._users = users
        self._sessions = sessions

    async def __call__(
        self,
        project_id: ProjectId,
        user_id: UserId,
        session_id: str,
        messages: Sequence[NewMessage],
        *,
        idempotency_key: str | None,
    ) -> Sequence[Message]:
        """
        Return the messages as stored; they are durable then, and all of them are stored or none.

        Raises UserNotFound, SessionNotFound, SessionNotWritable, IdempotencyKeyReused, InvalidRequest.
        """
        for place, message in enumerate(messages):
            if message.timestamp is not None:
                check_time(f"messages[{place}].timestamp", message.timestamp)
        user = await self._users.get(project_id, user_id)
        return await self._sessions.add_messages(
            user.scope, parse_session_id(session_id), messages, idempotency_key=idempotency_key
        )
