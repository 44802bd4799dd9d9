"""Remove what a project wants kept no longer."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from functools import partial

from service.domain.errors import NotFound
from service.domain.event_errors import LegalHold
from service.domain.ports.models import Clock
from service.domain.ports.stores import ProjectStore, SessionStore, UserStore
from service.domain.projects import Project
from service.domain.sessions import SessionFilter
from service.domain.users import User
from service.usecases.paging import every
from service.usecases.sessions.delete import DeleteSession


class ApplyRetention:
    """Removes the sessions that nothing was added to for longer than their project's retention, with all that came of them."""

    def __init__(
        self, projects: ProjectStore, users: UserStore, sessions: SessionStore, delete_session: DeleteSession, clock: Clock
    ) -> None:
        """Keep the stores, the use case that removes a session, and the clock."""
        self._projects = projects
        self._users = users
        self._sessions = sessions
        self._delete_session = delete_session
        self._clock = clock

    async def __call__(self) -> int:
        """Return how many sessions were removed. Can be done by several at once, and breaks off without harm."""
        removed = 0
        async for project in every(self._projects.list):
            if project.settings.retention is not None:
                removed += await self._sweep(project, self._clock.now() - project.settings.retention)
        return removed

    async def _sweep(self, project: Project, oldest: datetime) -> int:
        removed = 0
        async for user in every(partial(self._users.list, project.project_id)):
            removed += await self._sweep_user(user, oldest)
        return removed

    async def _sweep_user(self, user: User, oldest: datetime) -> int:
        # gathered first: what is removed moves the others to other pages
        old = [
            session.session_id
            async for session in every(partial(self._sessions.list, user.scope, wanted=SessionFilter()))
            if session.last_active_at < oldest
        ]
        removed = 0
        for session_id in old:
            # somebody else was faster, the user got another id and is met next time, or the session is held
            with suppress(NotFound, LegalHold):
                await self._delete_session(user.project_id, user.user_id, session_id)
                removed += 1
        return removed
