"""Find a user, or make it."""

from __future__ import annotations

from service.domain.errors import UserAlreadyExists, UserNotFound
from service.domain.ids import ProjectId, UserId
from service.domain.ports.stores import UserStore
from service.domain.users import NewUser, User


async def ensured(users: UserStore, project_id: ProjectId, new: NewUser) -> tuple[User, bool]:
    """Return the user with the id of *new*, made if there is none, and whether this call made it."""
    try:
        return await users.get(project_id, new.user_id), False
    except UserNotFound:
        pass
    try:
        return await users.create(project_id, new), True
    except UserAlreadyExists:
        # another call came first
        return await users.get(project_id, new.user_id), False


async def user_of(users: UserStore, project_id: ProjectId, user_id: UserId, *, create: bool) -> User:
    """Return the user; with *create* one that does not exist is made. Raises UserNotFound."""
    if not create:
        return await users.get(project_id, user_id)
    user, _ = await ensured(users, project_id, NewUser(user_id=user_id, metadata={}, merge_conflict_enabled=None))
    return user
