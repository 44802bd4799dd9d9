"""Create a user."""

from __future__ import annotations

from service.domain.ids import ProjectId
from service.domain.ports.stores import UserStore
from service.domain.users import NewUser, User
from service.usecases.limits import check_metadata


class CreateUser:
    """Adds a user to a project."""

    def __init__(self, users: UserStore) -> None:
        """Keep the store."""
        self._users = users

    async def __call__(self, project_id: ProjectId, user: NewUser, *, idempotency_key: str | None) -> User:
        """Return the new user. Raises UserAlreadyExists, IdempotencyKeyReused, InvalidRequest."""
        check_metadata("metadata", user.metadata)
        return await self._users.create(project_id, user, idempotency_key=idempotency_key)
