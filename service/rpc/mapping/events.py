"""The bodies of webhook events."""

from __future__ import annotations

import json
from typing import Any

from service.domain.webhooks import Event
from service.rpc.mapping.conflicts import to_conflict
from service.rpc.mapping.rest import rest_value
from service.rpc.mapping.sessions import to_session
from service.rpc.mapping.values import to_timestamp


def event_body(event: Event) -> bytes:
    """Return the JSON of an event, compact; of the same event always the same bytes."""
    data: dict[str, Any] = {"custom_user_id": event.user_id or None}
    if event.conflict is not None:
        data["conflict"] = rest_value(to_conflict(event.user_id, event.conflict))
    if event.session is not None:
        data["session"] = rest_value(to_session(event.user_id, event.session))
    document = {
        "id": event.event_id,
        "type": event.type,
        "created_at": rest_value(to_timestamp(event.created_at)),
        "project_id": event.project_id,
        "data": data,
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
