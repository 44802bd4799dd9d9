"""Get a conflict."""

from __future__ import annotations

from service.domain.conflicts import Conflict
from service.domain.ids import ProjectId, UserId, parse_conflict_id
from service.domain.ports.stores import ConflictStore, UserStore


class GetConflict:
    """Returns one merge conflict."""

    def __init__(self, users: UserStore, conflicts: ConflictStore) -> None:
        """Keep the stores."""
        self._users = users
        self._conflicts = conflicts

    async def __call__(self, project_id: ProjectId, user_id: UserId, conflict_id: str) -> Conflict:
        """Return the conflict with the id *conflict_id*, as the caller wrote it. Raises UserNotFound, ConflictNotFound."""
        scope = (await self._users.get(project_id, user_id)).scope
        return await self._conflicts.get(scope, parse_conflict_id(conflict_id))
