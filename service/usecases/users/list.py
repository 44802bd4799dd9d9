"""List users."""

from __future__ import annotations

from service.domain.ids import ProjectId
from service.domain.ports.stores import UserStore
from service.domain.users import User
from service.domain.values import JsonObject, Page, PageRequest


class ListUsers:
    """Pages through the users of a project."""

    def __init__(self, users: UserStore) -> None:
        """Keep the store."""
        self._users = users

    async def __call__(self, project_id: ProjectId, page: PageRequest, *, metadata: JsonObject | None) -> Page[User]:
        """Return one page of the users whose metadata contains *metadata*, newest first."""
        return await self._users.list(project_id, page, metadata=metadata)
