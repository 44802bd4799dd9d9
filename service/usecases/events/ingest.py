"""Ingest an event."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from service.domain.errors import SessionNotWritable, UserAlreadyExists, UserNotFound
from service.domain.events import NewEvent, message_id_of
from service.domain.ids import MessageId, ProjectId, Scope, UserId
from service.domain.memories import Source
from service.domain.ports.events import EventNames
from service.domain.ports.stores import SessionStore, UserStore
from service.domain.sessions import NewMessage, NewSession
from service.domain.users import NewUser, User
from service.usecases.limits import check_metadata, check_time

SETTLED_AFTER = timedelta(milliseconds=500)
"""Silence after which memories are made of events: what is said at once is read together."""
PROCESSED_WITHIN = timedelta(seconds=2)
"""Time after its first event within which a session is processed, however steadily events come."""
RESUMED_WITHIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """The id of a stored event, and whether it had been stored before."""

    event_id: MessageId
    repeated: bool


class IngestEvent:
    """Stores an event as a message of a session that is processed within seconds."""

    def __init__(self, users: UserStore, sessions: SessionStore, names: EventNames) -> None:
        """Keep the stores and the names of events."""
        self._users = users
        self._sessions = sessions
        self._names = names

    async def __call__(self, project_id: ProjectId, event: NewEvent) -> Ingested:
        """
        Return the event; it is durable then. A user that does not exist is created.

        Of events with one name in the project the first is stored, of events without a name the first of exactly these words.
        An event that was forgotten counts as one that never came. Raises InvalidRequest.
        """
        if event.happened_at is not None:
            check_time("event_time", event.happened_at)
        if event.metadata is not None:
            check_metadata("metadata", event.metadata)
        once = f"named {event.name}" if event.name else f"said {_words(event)}"
        if event.name:
            owner = await self._names.claim(project_id, event.name, event.user_id)
            theirs = await self._of_another(project_id, owner, once) if owner != event.user_id else None
            if theirs is not None:
                return Ingested(event_id=message_id_of(theirs), repeated=True)
        user = await self._user(project_id, event.user_id)
        return await self._store(user.scope, event, once)

    async def _of_another(self, project_id: ProjectId, owner: UserId, once: str) -> Source | None:
        """Return the event of another user that has the name; None when that user has none any more."""
        with suppress(UserNotFound):
            user = await self._users.get(project_id, owner)
            known, _ = await self._known(user.scope, once)
            return known
        return None

    async def _user(self, project_id: ProjectId, user_id: UserId) -> User:
        try:
            return await self._users.get(project_id, user_id)
        except UserNotFound:
            with suppress(UserAlreadyExists):
                new = NewUser(user_id=user_id, metadata={}, merge_conflict_enabled=None)
                return await self._users.create(project_id, new)
            # another event of the same user came at the same time
            return await self._users.get(project_id, user_id)

    async def _store(self, scope: Scope, event: NewEvent, once: str) -> Ingested:
        known, once = await self._known(scope, once)
        if known is not None:
            return Ingested(event_id=message_id_of(known), repeated=True)
        message = NewMessage(
            role=event.role,
            content=event.content,
            timestamp=event.happened_at,
            kind=event.kind,
            document_id=event.document_id,
            metadata=event.metadata,
        )
        wanted = NewSession(metadata={}, auto_process_after=SETTLED_AFTER, process_within=PROCESSED_WITHIN, origin=event.origin)
        while True:
            session, _ = await self._sessions.resume(scope, RESUMED_WITHIN, wanted)
            # one that falls due between the look at it and the write is not found again
            with suppress(SessionNotWritable):
                stored, repeated = await self._sessions.add_once(scope, session.session_id, message, name=once)
                return Ingested(event_id=message_id_of(stored), repeated=repeated)

    async def _known(self, scope: Scope, once: str) -> tuple[Source | None, str]:
        """Return where the event is, if it came before and is not forgotten, or None, and the name to store it by."""
        while (known := await self._sessions.added_once(scope, once)) is not None:
            (message,) = await self._sessions.messages_at(scope, [known])
            if message is not None and message.forgotten_at is None:
                return known, once
            once = f"{once} after {known.session_id} {known.message_index}"
        return None, once


def _words(event: NewEvent) -> str:
    """Return a digest of what makes an event the same as another."""
    bare = replace(event, document_name="", name="")
    when = None if bare.happened_at is None else bare.happened_at.isoformat()
    said = [bare.role, bare.kind, bare.content, bare.origin.thread, when]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()
