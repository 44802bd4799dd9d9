"""Events as the Claiv API has them."""

from __future__ import annotations

from collections.abc import Mapping

from mneme.compat.v1 import claiv_events_service_pb2 as pb

from service.domain.events import NewEvent
from service.domain.ids import UserId
from service.domain.sessions import EPHEMERAL, HELD, MessageRole, SessionOrigin, Visibility
from service.rpc.mapping.values import from_struct, from_timestamp

_ROLES: Mapping[pb.ClaivRole.ValueType, MessageRole] = {
    pb.CLAIV_ROLE_UNSPECIFIED: MessageRole.USER,
    pb.CLAIV_ROLE_USER: MessageRole.USER,
    pb.CLAIV_ROLE_ASSISTANT: MessageRole.ASSISTANT,
    # neither is heard as the user is
    pb.CLAIV_ROLE_SYSTEM: MessageRole.ASSISTANT,
    pb.CLAIV_ROLE_TOOL: MessageRole.ASSISTANT,
}
_KINDS: Mapping[pb.ClaivEventType.ValueType, str] = {
    pb.CLAIV_EVENT_TYPE_TOOL_CALL: "tool_call",
    pb.CLAIV_EVENT_TYPE_APP_EVENT: "app_event",
}
_KINDS_OF_MESSAGES: Mapping[pb.ClaivRole.ValueType, str] = {pb.CLAIV_ROLE_SYSTEM: "system", pb.CLAIV_ROLE_TOOL: "tool"}
_KINDS_OF_RETENTION: Mapping[pb.ClaivRetention.ValueType, str] = {
    pb.CLAIV_RETENTION_EPHEMERAL: EPHEMERAL,
    pb.CLAIV_RETENTION_LEGAL_HOLD: HELD,
}
_VISIBILITIES: Mapping[pb.ClaivScope.ValueType, Visibility] = {
    pb.CLAIV_SCOPE_UNSPECIFIED: Visibility.GLOBAL,
    pb.CLAIV_SCOPE_GLOBAL: Visibility.GLOBAL,
    pb.CLAIV_SCOPE_PROJECT: Visibility.GROUP,
    pb.CLAIV_SCOPE_CONVERSATION: Visibility.THREAD,
}


def from_ingest(request: pb.IngestRequest) -> NewEvent:
    """Return the event of a request. Raises InvalidRequest for a time that is none."""
    retained = _KINDS_OF_RETENTION.get(request.retention_policy, "")
    visibility = Visibility.THREAD if retained == EPHEMERAL else _VISIBILITIES[request.scope]
    kind = retained or _KINDS.get(request.type) or _KINDS_OF_MESSAGES.get(request.role, "")
    return NewEvent(
        user_id=UserId(request.user_id),
        role=_ROLES[request.role],
        kind=kind,
        content=request.content,
        origin=SessionOrigin(thread=request.thread_id, group=request.project_id, visibility=visibility),
        happened_at=from_timestamp("event_time", request.event_time) if request.HasField("event_time") else None,
        document_id=request.document_id,
        document_name=request.document_name,
        name=request.idempotency_key,
        metadata=from_struct(request.metadata) or None,
    )
