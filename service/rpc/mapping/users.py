"""Users."""

from __future__ import annotations

from mneme.v1 import user_pb2
from mneme.v1 import users_service_pb2 as pb

from service.domain.ids import UserId
from service.domain.users import NewUser, User, UserUpdate
from service.rpc.mapping.values import from_struct, masked, to_struct, to_timestamp


def to_user(user: User) -> user_pb2.User:
    """Return a user."""
    return user_pb2.User(
        user_id=user.user_id,
        metadata=to_struct(user.metadata),
        merge_conflict_enabled=user.merge_conflict_enabled,
        created_at=to_timestamp(user.created_at),
        last_active_at=to_timestamp(user.last_active_at),
    )


def from_new_user(request: pb.CreateUserRequest) -> NewUser:
    """Return the user to create."""
    return NewUser(
        user_id=UserId(request.user_id),
        metadata=from_struct(request.metadata),
        merge_conflict_enabled=request.merge_conflict_enabled if request.HasField("merge_conflict_enabled") else None,
    )


def from_user_update(request: pb.UpdateUserRequest) -> UserUpdate:
    """Return what to change of a user."""
    renamed = masked(request, "new_user_id") and request.HasField("new_user_id")
    replaced = masked(request, "new_metadata") and request.HasField("new_metadata")
    return UserUpdate(
        new_user_id=UserId(request.new_user_id) if renamed else None,
        new_metadata=from_struct(request.new_metadata) if replaced else None,
        set_merge_conflict_enabled=masked(request, "merge_conflict_enabled"),
        merge_conflict_enabled=request.merge_conflict_enabled if request.HasField("merge_conflict_enabled") else None,
    )
