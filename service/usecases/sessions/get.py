"""Get a session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.domain.ids import ProjectId, Scope, SessionId, UserId, parse_session_id
from service.domain.memories import MemoryVersion
from service.domain.ports.stores import MemoryStore, SessionStore, UserStore
from service.domain.sessions import Session
from service.domain.users import User


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDetails:
    """A session and what was asked for with it; *memories* None means that they were not asked for."""

    user: User
    session: Session
    summary: str | None = None
    memories: Sequence[MemoryVersion] | None = None


class GetSession:
    """Returns one session, with its summary and the memories that it created if asked for."""

    def __init__(self, users: UserStore, sessions: SessionStore, memories: MemoryStore) -> None:
        """Keep the stores."""
        self._users = users
        self._sessions = sessions
        self._memories = memories

    async def __call__(
        self,
        project_id: ProjectId,
        user_id: UserId,
        session_id: str,
        *,
        include_summary: bool = False,
        include_memories: bool = False,
    ) -> SessionDetails:
        """Return the session with the id *session_id*, as the caller wrote it. Raises UserNotFound, SessionNotFound."""
        user = await self._users.get(project_id, user_id)
        session = await self._sessions.get(user.scope, parse_session_id(session_id))
        return SessionDetails(
            user=user,
            session=session,
            summary=await self._summary(user.scope, session.session_id) if include_summary else None,
            memories=await self._created(user.scope, session.session_id) if include_memories else None,
        )

    async def _summary(self, scope: Scope, session_id: SessionId) -> str | None:
        (summary,) = await self._sessions.summaries(scope, [session_id])
        return summary.content if summary is not None else None

    async def _created(self, scope: Scope, session_id: SessionId) -> Sequence[MemoryVersion]:
        chains = await self._memories.chains_of_session(scope, session_id)
        created = [chain.current for chain in chains if chain.current.session_id == session_id]
        return sorted(created, key=lambda version: version.created_at, reverse=True)
