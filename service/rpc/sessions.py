"""SessionsService."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from mneme.v1 import sessions_service_pb2 as pb
from mneme.v1.sessions_service_pb2_grpc import SessionsServiceServicer

from service.domain.ids import UserId
from service.domain.sessions import DEFAULT_AUTO_PROCESS_AFTER, NewMessage
from service.rpc.mapping.sessions import (
    STATUSES,
    from_new_message,
    from_new_session,
    from_origin,
    from_role,
    from_session_filter,
    to_message,
    to_session,
    to_session_details,
)
from service.rpc.mapping.values import from_optional_struct, from_page, from_struct
from service.rpc.principal import current_project
from service.usecases.sessions.add_messages import AddMessages
from service.usecases.sessions.create import CreateSession
from service.usecases.sessions.delete import DeleteSession
from service.usecases.sessions.get import GetSession
from service.usecases.sessions.list import ListSessions
from service.usecases.sessions.list_messages import ListMessages
from service.usecases.sessions.process import StartProcessing
from service.usecases.sessions.resume import ResumeSession
from service.usecases.sessions.update import UpdateSession

_PAGE = 10
_MESSAGE_PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCalls:
    """The use cases behind SessionsService."""

    create: CreateSession
    resume: ResumeSession
    list: ListSessions
    get: GetSession
    update: UpdateSession
    delete: DeleteSession
    add_messages: AddMessages
    list_messages: ListMessages
    process: StartProcessing


class SessionsServicer(SessionsServiceServicer):
    """Decodes, calls, encodes."""

    def __init__(self, calls: SessionCalls) -> None:
        """Keep the use cases."""
        self._calls = calls

    async def CreateSession(self, request: pb.CreateSessionRequest, _context: object) -> pb.CreateSessionResponse:
        """Open a session."""
        user, session = await self._calls.create(
            current_project(),
            UserId(request.user_id),
            from_new_session(request),
            idempotency_key=request.idempotency_key or None,
        )
        return pb.CreateSessionResponse(session=to_session(user.user_id, session), session_id=session.session_id)

    async def ResumeSession(self, request: pb.ResumeSessionRequest, _context: object) -> pb.ResumeSessionResponse:
        """Return the open session of a user or a new one."""
        given = request.HasField("timeout_seconds")
        user, session, created = await self._calls.resume(
            current_project(),
            UserId(request.user_id),
            inactivity=timedelta(seconds=request.timeout_seconds) if given else DEFAULT_AUTO_PROCESS_AFTER,
            metadata=from_struct(request.metadata),
            origin=from_origin(request),
        )
        return pb.ResumeSessionResponse(session=to_session(user.user_id, session), created=created)

    async def ListSessions(self, request: pb.ListSessionsRequest, _context: object) -> pb.ListSessionsResponse:
        """Return one page of sessions."""
        user, page = await self._calls.list(
            current_project(),
            UserId(request.user_id),
            from_page(request, default=_PAGE),
            from_session_filter(request),
            user_metadata=from_optional_struct(request, "user_metadata_filter"),
        )
        sessions = [to_session(user.user_id, session) for session in page.items]
        return pb.ListSessionsResponse(sessions=sessions, total=page.total, has_more=page.has_more)

    async def GetSession(self, request: pb.GetSessionRequest, _context: object) -> pb.GetSessionResponse:
        """Return one session."""
        details = await self._calls.get(
            current_project(),
            UserId(request.user_id),
            request.session_id,
            include_summary=request.include_summary,
            include_memories=request.include_memories,
        )
        return pb.GetSessionResponse(session=to_session_details(details))

    async def UpdateSession(self, request: pb.UpdateSessionRequest, _context: object) -> pb.UpdateSessionResponse:
        """Replace the metadata of a session."""
        user, session = await self._calls.update(
            current_project(),
            UserId(request.user_id),
            request.session_id,
            from_optional_struct(request, "new_metadata"),
        )
        return pb.UpdateSessionResponse(session=to_session(user.user_id, session))

    async def DeleteSession(self, request: pb.DeleteSessionRequest, _context: object) -> pb.DeleteSessionResponse:
        """Remove a session and what it created."""
        await self._calls.delete(current_project(), UserId(request.user_id), request.session_id)
        return pb.DeleteSessionResponse()

    async def AddMessage(self, request: pb.AddMessageRequest, _context: object) -> pb.AddMessageResponse:
        """Append one message."""
        (message,) = await self._calls.add_messages(
            current_project(),
            UserId(request.user_id),
            request.session_id,
            [NewMessage(role=from_role(request.role), content=request.message)],
            idempotency_key=request.idempotency_key or None,
        )
        return pb.AddMessageResponse(detail="Message added", message_index=message.index)

    async def AddMessages(self, request: pb.AddMessagesRequest, _context: object) -> pb.AddMessagesResponse:
        """Append several messages, all or none."""
        messages = await self._calls.add_messages(
            current_project(),
            UserId(request.user_id),
            request.session_id,
            [from_new_message(place, message) for place, message in enumerate(request.messages)],
            idempotency_key=request.idempotency_key or None,
        )
        return pb.AddMessagesResponse(messages=map(to_message, messages))

    async def ListMessages(self, request: pb.ListMessagesRequest, _context: object) -> pb.ListMessagesResponse:
        """Return one page of messages."""
        page = await self._calls.list_messages(
            current_project(), UserId(request.user_id), request.session_id, from_page(request, default=_MESSAGE_PAGE)
        )
        return pb.ListMessagesResponse(messages=map(to_message, page.items), total=page.total, has_more=page.has_more)

    async def ProcessSession(self, request: pb.ProcessSessionRequest, _context: object) -> pb.ProcessSessionResponse:
        """Queue a session for processing."""
        await self._calls.process(current_project(), UserId(request.user_id), request.session_id)
        return pb.ProcessSessionResponse(detail="Session processing started")

    async def GetSessionStatus(self, request: pb.GetSessionStatusRequest, _context: object) -> pb.GetSessionStatusResponse:
        """Return where a session stands."""
        details = await self._calls.get(current_project(), UserId(request.user_id), request.session_id)
        return pb.GetSessionStatusResponse(status=STATUSES[details.session.status])
