"""Sessions of a user: opening, reading, listing, changing, processing, deleting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from service.domain.errors import ConcurrentChange, IdempotencyKeyReused, SessionNotFound, SessionNotProcessable
from service.domain.event_errors import LegalHold
from service.domain.ids import Scope, SessionId, UserId
from service.domain.memories import MemoryChange, Source
from service.domain.ports.work import IndexedKind
from service.domain.sessions import PROCESSABLE, Message, NewMessage, NewSession, Session, SessionFilter, SessionStatus, Summary
from service.domain.users import User
from service.domain.values import JsonObject, Page, PageRequest, contains
from service.storage.redis.changes import MemoryChanges
from service.storage.redis.codec import (
    MICROSECOND,
    digest,
    dump_object,
    hash_of,
    micros,
    moment,
    read_origin,
    read_places,
    read_session,
    read_user,
    write_origin,
    write_places,
)
from service.storage.redis.database import Database, span
from service.storage.redis.events import Events
from service.storage.redis.intents import parts_intent
from service.storage.redis.keys import Keyspace, UserKeys
from service.storage.redis.messages import Messages
from service.storage.redis.names import quoted
from service.storage.redis.origins import Origins, drop_origin, places
from service.storage.redis.parts import Parts
from service.storage.redis.summaries import Summaries
from service.storage.redis.writes import Writes

SCANNED = 500
"""Sessions that a filtered list reads in one round trip."""


@dataclass(frozen=True, slots=True)
class RedisSessions:
    """Implements `SessionStore`."""

    database: Database
    keyspace: Keyspace
    changes: MemoryChanges
    said: Messages
    summed: Summaries
    origins: Origins
    events: Events
    parts: Parts

    async def create(self, scope: Scope, session: NewSession, *, idempotency_key: str | None = None) -> Session:
        """Open a session and mark the user as active. Raises IdempotencyKeyReused; ConcurrentChange when the user is gone."""
        kind, *answer = await self._open(scope, session, idempotency_key=idempotency_key)
        if kind == "reused":
            raise IdempotencyKeyReused(idempotency_key=idempotency_key or "")
        return _opened(session, *answer)

    async def resume(
        self,
        scope: Scope,
        timeout: timedelta,  # noqa: ASYNC109 - a span of inactivity, no deadline of the call
        session: NewSession,
        *,
        at: datetime | None = None,
    ) -> tuple[Session, bool]:
        """
        Return the newest pending session active within *timeout* and False, or open *session* and return it and True.

        Only a session with the origin of *session* is continued, and with its `process_within`. With *at*, activity is told by
        the times of the messages.
        """
        return _resumed(session, await self._open(scope, session, within=timeout, at=at))

    async def resume_of(
        self,
        scope: Scope,
        owner: UserId,
        timeout: timedelta,  # noqa: ASYNC109 - as above
        session: NewSession,
    ) -> tuple[User, Session, bool]:
        """Do as `resume` for a user whose id is *owner*, and return the user too. Raises ConcurrentChange when it is another."""
        *answer, record = await self._open(scope, session, within=timeout, owner=owner)
        return read_user(scope, hash_of(record)), *_resumed(session, answer)

    async def get(self, scope: Scope, session_id: SessionId) -> Session:
        """Return the session. Raises SessionNotFound."""
        keys = self.keyspace.user(scope)
        known, record = await self.database.send(("EXISTS", keys.record), ("HGETALL", keys.session(session_id)))
        if not known or not record:
            raise SessionNotFound(session_id=session_id)
        return read_session(session_id, record)

    async def within(self, scope: Scope, *, thread: str | None = None, group: str | None = None) -> frozenset[SessionId]:
        """Return the sessions of a thread, of a group, or of both at once. At least one must be given."""
        return await self.origins.within(scope, thread=thread, group=group)

    async def hidden(self, scope: Scope, *, thread: str = "", group: str = "") -> frozenset[SessionId]:
        """Return the sessions that are not to be recalled from within this thread and group, by their visibility."""
        return await self.origins.hidden(scope, thread=thread, group=group)

    async def list(self, scope: Scope, page: PageRequest, wanted: SessionFilter) -> Page[Session]:
        """Return one page of sessions, newest first."""
        keys = self.keyspace.user(scope)
        count = await self.database.get("ZCARD", keys.sessions)
        if not wanted.statuses and not wanted.metadata:
            return Page(items=await self._read(keys, page.offset, page.limit), offset=page.offset, total=count)
        matching: list[Session] = []
        for start in range(0, count, SCANNED):
            matching += [session for session in await self._read(keys, start, SCANNED) if _wanted(session, wanted)]
        return Page(items=matching[page.offset : page.offset + page.limit], offset=page.offset, total=len(matching))

    async def update(self, scope: Scope, session_id: SessionId, metadata: JsonObject) -> Session:
        """Replace the metadata, in any status. Raises SessionNotFound."""
        keys = self.keyspace.user(scope)
        if not await self.database.run("update_session", [keys.record, keys.session(session_id)], [dump_object(metadata)]):
            raise SessionNotFound(session_id=session_id)
        return await self.get(scope, session_id)

    async def delete(self, scope: Scope, session_id: SessionId, memories: MemoryChange) -> None:
        """
        Remove the session, its messages and summary, and change the memories that it created: decided for in one step,
        and where they are many made in parts.

        Raises SessionNotFound; LegalHold when messages of it are held; ConcurrentChange when the memories moved on.
        """
        keys, chains = self.keyspace.user(scope), Writes()
        plan = await self.changes.plan(scope, memories, chains=chains)
        plan.writes.index_entry(keys, IndexedKind.TURN, f"{session_id}:*")
        plan.writes.index_entry(keys, IndexedKind.SUMMARY, session_id)
        await self.events.withdraw(plan.writes, scope, [session_id])
        # neither changes while there is a session
        origin = await self.database.get("HGET", keys.session(session_id), "origin")
        drop_origin(plan.writes, keys, session_id, read_origin(origin or ""))
        plan.writes.add("HDEL", keys.forgotten, session_id)
        own = [keys.session(session_id), keys.messages(session_id), keys.steps(session_id)]
        lists = [keys.sessions, keys.pending, keys.spoken, keys.summaries, keys.summary_times, keys.bucket.timers]
        staged, intent = await self.parts.stage(keys, chains), parts_intent(scope)
        deciding = [keys.holds, keys.bucket.intents, staged.key, keys.parts]
        outcome = await self.database.run(
            "delete_session",
            [keys.record, keys.revision, *own, *lists, *deciding, *staged.keys(plan.writes)],
            [memories.revision, plan.changes, session_id, keys.timer(session_id), *staged.arguments(intent.text, plan.writes)],
        )
        await self.parts.discard(staged)
        if outcome == "gone":
            raise SessionNotFound(session_id=session_id)
        if outcome == "held":
            raise LegalHold
        if outcome == "stale":
            raise ConcurrentChange
        await self.changes.settle(plan)
        if staged.length:
            await self.changes.settler.carry_out(intent)

    async def held(self, scope: Scope) -> Mapping[SessionId, frozenset[int]]:
        """Return the places of the messages that are held for legal reasons, by their session; most users have none."""
        found = await self.database.get("HGETALL", self.keyspace.user(scope).holds)
        return {SessionId(id_): read_places(text) or frozenset() for id_, text in found.items()}

    async def release(self, scope: Scope, session_id: SessionId, places: frozenset[int]) -> None:
        """End the legal hold of the messages at some *places*. Raises ConcurrentChange when others came under it meanwhile."""
        key = self.keyspace.user(scope).holds
        held = await self.database.get("HGET", key, session_id)
        left = (read_places(held or "") or frozenset()) - places
        if held and not await self.database.run("release_hold", [key], [session_id, held, write_places(left or None)]):
            raise ConcurrentChange

    async def add_messages(
        self, scope: Scope, session_id: SessionId, messages: Sequence[NewMessage], *, idempotency_key: str | None = None
    ) -> Sequence[Message]:
        """
        Append messages, restart the timer, mark the user as active and queue index entries, in one step.

        Raises SessionNotFound, SessionNotWritable, IdempotencyKeyReused.
        """
        if not messages:
            await self.get(scope, session_id)
            return ()
        return await self.said.add(scope, session_id, messages, idempotency_key=idempotency_key)

    async def added(self, scope: Scope, idempotency_key: str) -> bool:
        """Return whether messages came with this key within a day, to any session of the user."""
        return await self.said.added(scope, idempotency_key)

    async def add_once(self, scope: Scope, session_id: SessionId, message: NewMessage, *, name: str) -> tuple[Source, bool]:
        """
        Append a message as `add_messages` does, unless one of this *name* came to any session of the user within a day.

        Return where the first of this name is, and whether it had come before. Raises SessionNotFound, SessionNotWritable.
        """
        return await self.said.add_once(scope, session_id, message, name=name)

    async def added_once(self, scope: Scope, name: str) -> Source | None:
        """Return where the message of this *name* is that came within a day, or None."""
        return await self.said.added_once(scope, name)

    async def messages(
        self, scope: Scope, session_id: SessionId, page: PageRequest, *, with_forgotten: bool = False
    ) -> Page[Message]:
        """Return one page of messages, oldest first, those that are forgotten only if asked for. Raises SessionNotFound."""
        return await self.said.page(scope, session_id, page, with_forgotten=with_forgotten)

    async def messages_at(self, scope: Scope, sources: Sequence[Source]) -> Sequence[Message | None]:
        """Return the messages at *sources* in their order, None for what is not there (any more) or forgotten. One round trip."""
        return await self.said.at(scope, sources)

    async def recent_messages(
        self,
        scope: Scope,
        limit: int,
        *,
        exclude: frozenset[SessionId] = frozenset(),
        only: frozenset[SessionId] | None = None,
    ) -> Sequence[Message]:
        """
        Return the newest *limit* messages over all sessions, or those of *only*, but *exclude*, oldest of them first; none that
        is forgotten.
        """
        return await self.said.recent(scope, limit, exclude=exclude, only=only)

    async def summaries(self, scope: Scope, session_ids: Sequence[SessionId]) -> Sequence[Summary | None]:
        """Return the summaries of sessions, None where there is none, in the same order, in one round trip."""
        return await self.summed.of(scope, session_ids)

    async def recent_summaries(
        self, scope: Scope, limit: int, *, exclude: frozenset[SessionId] = frozenset()
    ) -> Sequence[Summary]:
        """Return the newest *limit* summaries, oldest of them first."""
        return await self.summed.recent(scope, limit, exclude=exclude)

    async def start_processing(self, scope: Scope, session_id: SessionId) -> Session:
        """
        Mark the session as processing, raise its generation and queue its job, in one step.

        Raises SessionNotFound, SessionNotProcessable.
        """
        keys = self.keyspace.user(scope)
        outcome = await self.database.run(
            "start_processing",
            [keys.record, keys.session(session_id), keys.pending, keys.bucket.timers, keys.bucket.jobs],
            [keys.timer(session_id), quoted(scope.project_id), scope.user_key, session_id, *sorted(PROCESSABLE)],
        )
        if outcome == "gone":
            raise SessionNotFound(session_id=session_id)
        if outcome != "started":
            raise SessionNotProcessable(session_id=session_id, status=outcome)
        return await self.get(scope, session_id)

    async def _open(
        self,
        scope: Scope,
        session: NewSession,
        *,
        idempotency_key: str | None = None,
        within: timedelta | None = None,
        at: datetime | None = None,
        owner: str = "",
    ) -> Sequence[Any]:
        """Run the script and return its answer. Raises ConcurrentChange when the user is gone, or has another id than *owner*."""
        keys = self.keyspace.user(scope)
        session_id = SessionId(str(uuid4()))
        after = None if session.auto_process_after is None else session.auto_process_after // MICROSECOND
        origin = write_origin(session.origin)
        wanted = digest("session", session.metadata, after, session.created_at, origin, str(session.process_within))
        answer: Sequence[Any] = await self.database.run(
            "open_session",
            [
                keys.record,
                keys.session(session_id),
                keys.sessions,
                keys.pending,
                keys.answer(f"session {idempotency_key}"),
                keys.answers,
                keys.origins,
                keys.places,
                keys.spoken,
            ],
            [
                session_id,
                wanted if idempotency_key else "",
                "" if session.created_at is None else micros(session.created_at),
                int(session.created_at is not None),
                dump_object(session.metadata),
                "" if after is None else after,
                "" if within is None else within // MICROSECOND,
                origin,
                "" if at is None else micros(at),
                "" if session.process_within is None else session.process_within // MICROSECOND,
                owner,
                *places(session_id, session.origin),
            ],
        )
        if answer[0] == "gone":
            raise ConcurrentChange
        return answer

    async def _read(self, keys: UserKeys, start: int, count: int) -> Sequence[Session]:
        ids = [SessionId(id_) for id_ in await self.database.get("ZREVRANGE", keys.sessions, *span(start, count))]
        records = await self.database.send(*(("HGETALL", keys.session(id_)) for id_ in ids))
        # one that was deleted between the two reads is skipped
        return [read_session(id_, record) for id_, record in zip(ids, records, strict=True) if record]


def _wanted(session: Session, wanted: SessionFilter) -> bool:
    if wanted.statuses and session.status not in wanted.statuses:
        return False
    return wanted.metadata is None or contains(session.metadata, wanted.metadata)


def _resumed(session: NewSession, answer: Sequence[Any]) -> tuple[Session, bool]:
    """Return the session that the script found and False, or the one that it opened and True."""
    match answer:
        case ["resumed", session_id, record]:
            return read_session(SessionId(session_id), hash_of(record)), False
        case [_, opened]:
            return _opened(session, opened), True
    raise AssertionError(answer)


def _opened(session: NewSession, answer: str) -> Session:
    """Return the session as it was when it was opened."""
    session_id, created_at, now = answer.split(" ")
    return Session(
        session_id=SessionId(session_id),
        status=SessionStatus.PENDING,
        created_at=moment(created_at),
        custom_created_at=session.created_at is not None,
        metadata=session.metadata,
        auto_process_after=session.auto_process_after,
        processed_at=None,
        last_active_at=moment(now),
        message_count=0,
        generation=0,
        origin=session.origin,
        process_within=session.process_within,
    )
