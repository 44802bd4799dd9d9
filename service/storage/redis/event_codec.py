"""How webhooks, their events and what was tried are written: JSON, times as in the other records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from service.domain.conflicts import Conflict
from service.domain.ids import ConflictId, EventId, ProjectId, SessionId, UserId
from service.domain.webhooks import Attempts, DeliveryState, Event, EventType, Webhook
from service.storage.redis.codec import dump, micros, moment, optional_moment, read_session
from service.storage.redis.conflict_codec import read_conflict, write_conflict


def write_webhook(webhook: Webhook) -> dict[str, str]:
    """Return a webhook as a hash. `wanted` is what the stores look at before they raise an event."""
    return {
        "url": webhook.url,
        "events": " ".join(sorted(webhook.events)),
        "wanted": " ".join(sorted(webhook.wanted)),
        "created_at": str(micros(webhook.created_at)),
        "salt": webhook.salt,
        "old_salt": webhook.old_salt,
        "old_until": _optional(webhook.old_until),
        "disabled_at": _optional(webhook.disabled_at),
        "version": str(webhook.version),
    }


def read_webhook(project_id: ProjectId, record: Mapping[str, str]) -> Webhook:
    """Return the webhook of a hash."""
    return Webhook(
        project_id=project_id,
        url=record["url"],
        events=frozenset(map(EventType, record["events"].split())),
        created_at=moment(record["created_at"]),
        salt=record["salt"],
        old_salt=record["old_salt"],
        old_until=optional_moment(record["old_until"]),
        disabled_at=optional_moment(record["disabled_at"]),
        version=int(record["version"]),
    )


def write_event(
    type_: EventType,
    user_id: UserId,
    at: datetime,
    *,
    conflict: Conflict | None = None,
    session: tuple[SessionId, Mapping[str, str]] | None = None,
) -> str:
    """Return an event as JSON; of a session its id and its hash."""
    return dump(
        {
            "type": type_,
            "user_id": user_id,
            "created_at": micros(at),
            "conflict": conflict and [conflict.conflict_id, write_conflict(conflict)],
            "session": session,
        }
    )


def read_event(event_id: EventId, project_id: ProjectId, text: str) -> Event:
    """Return the event of a JSON text."""
    fields = orjson.loads(text)
    conflict, session = fields["conflict"], fields["session"]
    return Event(
        event_id=event_id,
        type=EventType(fields["type"]),
        project_id=project_id,
        user_id=UserId(fields["user_id"]),
        created_at=moment(fields["created_at"]),
        conflict=conflict and read_conflict(ConflictId(conflict[0]), conflict[1]),
        session=session and read_session(SessionId(session[0]), session[1]),
    )


def write_attempts(attempts: Attempts) -> str:
    """Return what was tried as JSON."""
    times = (attempts.first_at, attempts.last_at, attempts.next_at)
    return dump([attempts.state, attempts.count, *map(_optional, times), attempts.status, attempts.error])


def read_attempts(text: str | None) -> Attempts:
    """Return what was tried; None when it was nothing so far."""
    if not text:
        return Attempts()
    state, count, first_at, last_at, next_at, status, error = orjson.loads(text)
    times: dict[str, Any] = {"first_at": first_at, "last_at": last_at, "next_at": next_at}
    return Attempts(
        state=DeliveryState(state),
        count=count,
        status=status,
        error=error,
        **{name: optional_moment(value) for name, value in times.items()},
    )


def _optional(time: datetime | None) -> str:
    return "" if time is None else str(micros(time))
