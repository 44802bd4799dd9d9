"""Get a user."""

from __future__ import annotations

from service.domain.ids import ProjectId, UserId
from service.domain.ports.stores import UserStore
from service.domain.users import User


class GetUser:
    """Returns one user."""

    def __init__(self, users: UserStore) -> None:
        """Keep the store."""
        self._users = users

    async def __call__(self, project_id: ProjectId, user_id: UserId) -> User:
        """Return the user. Raises UserNotFound."""
        return await self._users.get(project_id, user_id)
