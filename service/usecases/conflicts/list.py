"""List conflicts."""

from __future__ import annotations

from service.domain.conflicts import Conflict, ConflictFilter
from service.domain.ids import ProjectId, UserId
from service.domain.ports.stores import ConflictStore, UserStore
from service.domain.values import Page, PageRequest


class ListConflicts:
    """Pages through a user's merge conflicts."""

    def __init__(self, users: UserStore, conflicts: ConflictStore) -> None:
        """Keep the stores."""
        self._users = users
        self._conflicts = conflicts

    async def __call__(self, project_id: ProjectId, user_id: UserId, page: PageRequest, wanted: ConflictFilter) -> Page[Conflict]:
        """Return one page of the *wanted* conflicts. Raises UserNotFound."""
        scope = (await self._users.get(project_id, user_id)).scope
        return await self._conflicts.list(scope, page, wanted)
