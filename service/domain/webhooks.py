"""
Webhooks: what a project is told, where, and how far each delivery is.

    WAITING ──2xx──▶ DELIVERED ─────────────────────┐
       ▲ └──no attempt of a day worked──▶ DEAD ──────┤
       └──────────────────────replayed───────────────┘

An event is a snapshot: it says what was so when it was raised, whatever became of that since.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from service.domain.conflicts import Conflict, ConflictStatus
from service.domain.ids import ConflictId, EventId, ProjectId, Scope, SessionId, UserId
from service.domain.sessions import Session

LASTS = timedelta(days=1)
"""How long attempts go on after the first one."""
OVERLAP = timedelta(days=1)
"""How long the secret that was rotated out still signs, beside the new one."""
KEPT = timedelta(days=7)
"""How long an event is kept after it was raised, for replays; one that still waits is kept longer."""
SECRET_PREFIX = "whsec_"  # noqa: S105 - what each secret begins with


class EventType(StrEnum):
    """What happened; the values are the wire spellings."""

    SESSION_PROCESSED = "session.processed"
    SESSION_FAILED = "session.failed"
    CONFLICT_CREATED = "merge_conflict.created"
    CONFLICT_RESOLVED = "merge_conflict.resolved"
    CONFLICT_FAILED = "merge_conflict.failed"
    USER_FORGOTTEN = "user.forgotten"
    TEST = "webhook.test"
    """Nothing: sent when somebody asks for it, to see whether it arrives."""


SUBSCRIBABLE = frozenset(EventType) - {EventType.TEST}
"""What a webhook can be told of."""

CONFLICT_EVENTS: Mapping[ConflictStatus, EventType] = {
    ConflictStatus.PENDING: EventType.CONFLICT_CREATED,
    ConflictStatus.RESOLVED: EventType.CONFLICT_RESOLVED,
    ConflictStatus.FAILED: EventType.CONFLICT_FAILED,
}
"""The event of a conflict that comes into a status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a user, with the *conflict* or the *session* that it is about as it was then."""

    event_id: EventId
    type: EventType
    project_id: ProjectId
    user_id: UserId
    created_at: datetime
    conflict: Conflict | None = None
    session: Session | None = None

    @property
    def subject_id(self) -> ConflictId | SessionId | None:
        """The id of the conflict or session that it is about; None when it is about the user."""
        if self.conflict is not None:
            return self.conflict.conflict_id
        return self.session.session_id if self.session is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """
    Where the events of a project go. Its secrets are made of salts: *salt* of the present one, *old_salt* of the one that was
    rotated out and signs too until *old_until*. One with *disabled_at* is told nothing. *version* counts its changes.
    """

    project_id: ProjectId
    url: str
    events: frozenset[EventType]
    created_at: datetime
    salt: str = field(repr=False)
    old_salt: str = field(default="", repr=False)
    old_until: datetime | None = None
    disabled_at: datetime | None = None
    version: int = 0

    @property
    def wanted(self) -> frozenset[EventType]:
        """The events that are raised for it."""
        return frozenset() if self.disabled_at else self.events

    def salts(self, now: datetime) -> Sequence[str]:
        """Return the salts of the secrets that sign now, the present one first."""
        old = self.old_until is not None and now < self.old_until
        return [self.salt, self.old_salt] if old else [self.salt]


class DeliveryState(StrEnum):
    """How far a delivery is; the values are the wire spellings."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """
    What was tried so far: how often, when first and last, and what came of it at last, an HTTP *status* or an *error*. *next_at*
    is the time of the next attempt, None for at once or never.
    """

    state: DeliveryState = DeliveryState.WAITING
    count: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    next_at: datetime | None = None
    status: int | None = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An event on its way. *lease* is what its leaseholder shows to end an attempt; 0 for one that is only looked at."""

    scope: Scope
    event: Event
    attempts: Attempts = field(default_factory=Attempts)
    lease: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What an endpoint answered: an HTTP *status*, or None and the *error* that took its place."""

    status: int | None
    error: str = ""
    retry_after: timedelta | None = None
    took: timedelta = timedelta(0)

    @property
    def accepted(self) -> bool:
        """Whether the event has arrived."""
        return self.status is not None and 200 <= self.status < 300


def signing_key(pepper: bytes, project_id: ProjectId, salt: str) -> bytes:
    """Return the key of a secret, 32 bytes: with the store alone, without the pepper, nobody can sign."""
    return hmac.digest(pepper, b"webhook\0" + project_id.encode() + b"\0" + salt.encode(), "sha256")


def secret_text(key: bytes) -> str:
    """Return a secret as receivers are given it."""
    return SECRET_PREFIX + base64.b64encode(key).decode()


def signature_headers(keys: Sequence[bytes], event_id: EventId, at: datetime, body: bytes) -> Mapping[str, str]:
    """
    Return the headers that prove that *body* comes from here: those of Standard Webhooks and `X-Recallr-Signature`.

    One signature for each key, so that a receiver may hold the old secret or the new one.
    """
    seconds = str(int(at.timestamp()))
    standard = [hmac.digest(key, f"{event_id}.{seconds}.".encode() + body, "sha256") for key in keys]
    own = [hmac.digest(key, f"{seconds}.".encode() + body, "sha256").hex() for key in keys]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(each).decode()}" for each in standard),
        "X-Recallr-Signature": ",".join([f"t={seconds}", *(f"v1={each}" for each in own)]),
    }
