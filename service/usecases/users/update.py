"""Update a user."""

from __future__ import annotations

from service.domain.ids import ProjectId, UserId
from service.domain.ports.stores import UserStore
from service.domain.users import User, UserUpdate
from service.usecases.limits import check_metadata


class UpdateUser:
    """Changes the id, the metadata or the conflict setting of a user; sessions and memories follow a new id."""

    def __init__(self, users: UserStore) -> None:
        """Keep the store."""
        self._users = users

    async def __call__(self, project_id: ProjectId, user_id: UserId, update: UserUpdate) -> User:
        """Return the user as it is then. Raises UserNotFound, UserAlreadyExists, InvalidRequest."""
        if update.new_metadata is not None:
            check_metadata("new_metadata", update.new_metadata)
        return await self._users.update(project_id, user_id, update)
