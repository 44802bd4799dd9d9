"""
Raising the events of webhooks.

An event is a few more writes of the step that brings about what it tells of, so it is there if and only if that took effect.
Whether a project wants an event is read before the step: who turns a webhook on gets the events of what begins after that.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from service.domain.conflicts import Conflict, ConflictStatus
from service.domain.ids import EventId, Scope, SessionId, UserId
from service.domain.sessions import SessionStatus
from service.domain.webhooks import CONFLICT_EVENTS, EventType
from service.storage.redis.codec import micros, moment
from service.storage.redis.database import Database
from service.storage.redis.event_codec import read_event, write_event
from service.storage.redis.keys import Keyspace, ProjectKeys, UserKeys
from service.storage.redis.names import quoted
from service.storage.redis.writes import Writes

TRIES = ":tries"
"""What stands behind the id of an event in the name of what was tried to deliver it."""
SESSION_EVENTS = {EventType.SESSION_PROCESSED: SessionStatus.PROCESSED, EventType.SESSION_FAILED: SessionStatus.FAILED}


@dataclass(frozen=True, slots=True)
class Teller:
    """Raises those events of one user, who is called *user_id* now, that its project *wanted* when this was made."""

    keys: UserKeys
    user_id: UserId
    wanted: frozenset[str]

    def conflict(self, writes: Writes, before: ConflictStatus | None, after: Conflict) -> None:
        """Tell of a conflict that comes from one status into another; None for a new one."""
        type_ = CONFLICT_EVENTS.get(after.status)
        if type_ is not None and type_ in self.wanted and before is not after.status:
            self._raise(writes, type_, after.resolved_at or after.created_at, conflict=after)

    def session(self, writes: Writes, type_: EventType, session_id: SessionId, record: dict[str, str], at: datetime) -> None:
        """Tell of the session with this hash that it is processed, or has failed."""
        record = {**record, "status": SESSION_EVENTS[type_]}
        if type_ is EventType.SESSION_PROCESSED:
            record["processed_at"] = str(micros(at))
        self._raise(writes, type_, at, session=(session_id, record))

    def forgotten(self, writes: Writes, at: datetime) -> None:
        """Tell that the user is gone. What was there of the user's events must go before, in the same step."""
        self._raise(writes, EventType.USER_FORGOTTEN, at)

    def _raise(
        self,
        writes: Writes,
        type_: EventType,
        at: datetime,
        *,
        conflict: Conflict | None = None,
        session: tuple[SessionId, dict[str, str]] | None = None,
    ) -> None:
        keys, scope = self.keys, self.keys.scope
        event_id = EventId(f"evt_{uuid4().hex}")
        text = write_event(type_, self.user_id, at, conflict=conflict, session=session)
        writes.add("HSET", keys.events, event_id, text)
        writes.add("RPUSH", keys.undelivered, event_id)
        writes.add("ZADD", keys.bucket.deliveries(scope.project_id), micros(at), f"{scope.user_key} {event_id}")
        # a user who waits for the next attempt, or is leased, goes on doing so
        writes.add("ZADD", keys.bucket.due(scope.project_id), "NX", 0, scope.user_key)
        # at once: whoever looks sets the true time
        writes.add("ZADD", keys.bucket.webhooks, 0, quoted(scope.project_id))


@dataclass(frozen=True, slots=True)
class Events:
    """Finds out what is to be told."""

    database: Database
    keyspace: Keyspace

    async def teller(self, scope: Scope) -> Teller:
        """Return what raises the events of a user."""
        keys = self.keyspace.user(scope)
        wanted, user_id = await self.database.send(
            ("HGET", ProjectKeys(scope.project_id).webhook, "wanted"), ("HGET", keys.record, "user_id")
        )
        # a user that is gone commits nothing, so nothing is told
        return Teller(keys, UserId(user_id or ""), frozenset((wanted or "").split()))

    async def now(self, scope: Scope) -> datetime:
        """Return the time of the server that has a user."""
        return moment(await self.database.run("now", [self.keyspace.user(scope).record]))

    async def withdraw(self, writes: Writes, scope: Scope, subjects: Collection[str] | None = None) -> None:
        """
        Remove the events about some conflicts or sessions of a user, or all of them, delivered or not.

        What they tell of is to be known no more.
        """
        keys, project_id = self.keyspace.user(scope), scope.project_id
        texts = await self.database.get("HGETALL", keys.events)
        events = (read_event(EventId(id_), project_id, text) for id_, text in texts.items() if not id_.endswith(TRIES))
        for event_id in (event.event_id for event in events if subjects is None or event.subject_id in subjects):
            writes.add("HDEL", keys.events, event_id, event_id + TRIES)
            writes.add("LREM", keys.undelivered, 0, event_id)
            for index in (keys.bucket.deliveries(project_id), keys.bucket.dead_deliveries(project_id)):
                writes.add("ZREM", index, f"{scope.user_key} {event_id}")

    async def session(self, writes: Writes, scope: Scope, session_id: SessionId, type_: EventType) -> datetime | None:
        """Tell of a session, and return the time at which that is said to have happened; None when nothing is told."""
        teller = await self.teller(scope)
        if type_ not in teller.wanted:
            return None
        record = await self.database.get("HGETALL", teller.keys.session(session_id))
        if not record:
            return None
        now = await self.now(scope)
        teller.session(writes, type_, session_id, record, now)
        return now
