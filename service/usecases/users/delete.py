"""Delete a user."""

from __future__ import annotations

from service.domain.ids import ProjectId, UserId
from service.domain.ports.stores import UserStore


class DeleteUser:
    """Removes a user with every session, message, memory and index entry."""

    def __init__(self, users: UserStore) -> None:
        """Keep the store."""
        self._users = users

    async def __call__(self, project_id: ProjectId, user_id: UserId) -> None:
        """Remove the user; its index entries follow within moments and are shown no more. Raises UserNotFound."""
        await self._users.delete(project_id, user_id)
