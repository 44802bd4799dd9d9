"""Where a turn belongs: its user and its session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from service.domain.errors import UserNotFound
from service.domain.ids import ProjectId, UserId, parse_session_id
from service.domain.ports.stores import SessionStore, TurnStore, UserStore
from service.domain.sessions import NewSession, Session, SessionStatus
from service.domain.users import NewUser, User
from service.usecases.users.ensure import ensured


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceWanted:
    """Whose turn it is. An empty *session_id* means the newest pending session that was active within *inactivity*."""

    project_id: ProjectId
    user_id: UserId
    allow_new_user: bool
    session_id: str
    inactivity: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The user and the session of a turn, and which of them are new."""

    user: User
    session: Session
    user_created: bool
    session_created: bool


class Places:
    """Finds where turns belong."""

    def __init__(self, users: UserStore, sessions: SessionStore, turns: TurnStore) -> None:
        """Keep the stores."""
        self._users = users
        self._sessions = sessions
        self._turns = turns

    async def find(self, wanted: PlaceWanted) -> Place:
        """Return the place, made where that is allowed. Raises UserNotFound, SessionNotFound."""
        created = False
        if wanted.session_id:
            user, created = await self._user(wanted)
            session = await self._sessions.get(user.scope, parse_session_id(wanted.session_id))
            if session.status is SessionStatus.PENDING:
                return Place(user=user, session=session, user_created=created, session_created=False)
        try:
            return await self._resume(wanted, user_created=created)
        except UserNotFound:
            _, created = await self._user(wanted)
            return await self._resume(wanted, user_created=created)

    async def _resume(self, wanted: PlaceWanted, *, user_created: bool) -> Place:
        """Return the user's open session, or a new one. Raises UserNotFound."""
        new = NewSession(metadata={}, auto_process_after=wanted.inactivity)
        user, session, created = await self._turns.resume(wanted.project_id, wanted.user_id, wanted.inactivity, new)
        return Place(user=user, session=session, user_created=user_created, session_created=created)

    async def _user(self, wanted: PlaceWanted) -> tuple[User, bool]:
        """Return the user, made where that is allowed, and whether this call made it. Raises UserNotFound."""
        if not wanted.allow_new_user:
            return await self._users.get(wanted.project_id, wanted.user_id), False
        new = NewUser(user_id=wanted.user_id, metadata={}, merge_conflict_enabled=None)
        return await ensured(self._users, wanted.project_id, new)
