"""Release a legal hold."""

from __future__ import annotations

from service.domain.deletions import ForgetFilter
from service.domain.ids import ProjectId, UserId
from service.domain.ports.stores import SessionStore, UserStore
from service.usecases.deletions.holds import Holds
from service.usecases.retries import until_current


class ReleaseHold:
    """Lets messages that were held for legal reasons be forgotten and deleted like others. Nothing is deleted by it."""

    def __init__(self, users: UserStore, sessions: SessionStore) -> None:
        """Keep the stores."""
        self._users = users
        self._sessions = sessions
        self._holds = Holds(sessions)

    async def __call__(self, project_id: ProjectId, user_id: UserId, wanted: ForgetFilter) -> int:
        """
        Release the held messages that *wanted* covers, session by session, and return how many these were. Can be repeated.

        Raises UserNotFound, InvalidRequest, ConcurrentChange when events kept coming into a session.
        """
        wanted.check()
        scope = (await self._users.get(project_id, user_id)).scope
        released = 0

        async def release() -> None:
            nonlocal released
            for session_id, places in (await self._holds.covered(scope, wanted)).items():
                await self._sessions.release(scope, session_id, places)
                released += len(places)

        await until_current(release)
        return released
