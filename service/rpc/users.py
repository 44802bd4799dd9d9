"""UsersService."""

from __future__ import annotations

from dataclasses import dataclass

from mneme.v1 import users_service_pb2 as pb
from mneme.v1.users_service_pb2_grpc import UsersServiceServicer

from service.domain.ids import UserId
from service.rpc.mapping.sessions import to_message
from service.rpc.mapping.users import from_new_user, from_user_update, to_user
from service.rpc.mapping.values import from_optional_struct, from_page
from service.rpc.principal import current_project
from service.usecases.users.create import CreateUser
from service.usecases.users.delete import DeleteUser
from service.usecases.users.get import GetUser
from service.usecases.users.list import ListUsers
from service.usecases.users.list_recent_messages import ListRecentMessages
from service.usecases.users.update import UpdateUser

_PAGE = 10
_RECENT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCalls:
    """The use cases behind UsersService."""

    create: CreateUser
    list: ListUsers
    get: GetUser
    update: UpdateUser
    delete: DeleteUser
    list_recent_messages: ListRecentMessages


class UsersServicer(UsersServiceServicer):
    """Decodes, calls, encodes."""

    def __init__(self, calls: UserCalls) -> None:
        """Keep the use cases."""
        self._calls = calls

    async def CreateUser(self, request: pb.CreateUserRequest, _context: object) -> pb.CreateUserResponse:
        """Add a user."""
        user = await self._calls.create(
            current_project(), from_new_user(request), idempotency_key=request.idempotency_key or None
        )
        return pb.CreateUserResponse(user=to_user(user))

    async def ListUsers(self, request: pb.ListUsersRequest, _context: object) -> pb.ListUsersResponse:
        """Return one page of users."""
        page = await self._calls.list(
            current_project(), from_page(request, default=_PAGE), metadata=from_optional_struct(request, "metadata_filter")
        )
        return pb.ListUsersResponse(users=map(to_user, page.items), total=page.total, has_more=page.has_more)

    async def GetUser(self, request: pb.GetUserRequest, _context: object) -> pb.GetUserResponse:
        """Return one user."""
        user = await self._calls.get(current_project(), UserId(request.user_id))
        return pb.GetUserResponse(user=to_user(user))

    async def UpdateUser(self, request: pb.UpdateUserRequest, _context: object) -> pb.UpdateUserResponse:
        """Change a user."""
        user = await self._calls.update(current_project(), UserId(request.user_id), from_user_update(request))
        return pb.UpdateUserResponse(user=to_user(user))

    async def DeleteUser(self, request: pb.DeleteUserRequest, _context: object) -> pb.DeleteUserResponse:
        """Remove a user with everything that belongs to it."""
        await self._calls.delete(current_project(), UserId(request.user_id))
        return pb.DeleteUserResponse()

    async def ListRecentMessages(self, request: pb.ListRecentMessagesRequest, _context: object) -> pb.ListRecentMessagesResponse:
        """Return the newest messages of a user."""
        limit = request.limit if request.HasField("limit") else _RECENT
        messages = await self._calls.list_recent_messages(current_project(), UserId(request.user_id), limit=limit)
        return pb.ListRecentMessagesResponse(messages=map(to_message, messages))
