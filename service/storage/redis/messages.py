"""Messages of a user's sessions: one list per session, and a sorted set that tells where the newest are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from service.domain.errors import IdempotencyKeyReused, SessionNotFound, SessionNotWritable
from service.domain.ids import Scope, SessionId, UserId
from service.domain.memories import Source
from service.domain.sessions import HELD, Message, NewMessage
from service.domain.values import Page, PageRequest
from service.storage.redis.codec import digest, micros, moment, read_message, write_message, write_places
from service.storage.redis.database import Database, span
from service.storage.redis.forgotten import read_forgotten
from service.storage.redis.keys import Keyspace, UserKeys
from service.storage.redis.names import quoted

ONCE = "once"
"""What stands for the digest of a message that is appended once, whatever else comes under its name."""
WINDOW = 2
"""Turns either side of one whose index entries change with it, because they are indexed together with those around them."""


GAP = 8
"""So many messages that nobody asked for are read along rather than asked around."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """
    Messages as they are written, and the *name* of the answer that is kept for them. *wanted* is the digest of the request, empty
    where none is kept.
    """

    bodies: Sequence[str]
    name: str
    wanted: str


@dataclass(slots=True, kw_only=True)
class _Stretch:
    """Messages of one session, from index *first* to *last*, both among them."""

    session_id: SessionId
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Messages:
    """Appends and reads messages."""

    database: Database
    keyspace: Keyspace

    async def add(
        self, scope: Scope, session_id: SessionId, messages: Sequence[NewMessage], *, idempotency_key: str | None
    ) -> Sequence[Message]:
        """Append at least one message. Raises SessionNotFound, SessionNotWritable, IdempotencyKeyReused."""
        part = _keyed(session_id, messages, idempotency_key)
        ((kind, *said),) = await self._append(scope, session_id, [part], held=_held(messages))
        if kind == "reused":
            raise IdempotencyKeyReused(idempotency_key=idempotency_key or "")
        return _added(session_id, messages, *said)

    async def add_parts(
        self, scope: Scope, session_id: SessionId, parts: Sequence[tuple[str, Sequence[NewMessage]]], *, owner: UserId
    ) -> None:
        """
        Append what is new of some parts, each the key of its messages and these, for a user with the id *owner*.

        Raises SessionNotFound, also when the user has another id, and SessionNotWritable.
        """
        keyed = [_keyed(session_id, messages, key) for key, messages in parts]
        await self._append(scope, session_id, keyed, held=None, owner=owner)

    async def added(self, scope: Scope, idempotency_key: str) -> bool:
        """Return whether messages came with this key within a day, to any session of the user."""
        return bool(await self.database.get("EXISTS", self.keyspace.user(scope).answer(_key(idempotency_key))))

    async def add_once(self, scope: Scope, session_id: SessionId, message: NewMessage, *, name: str) -> tuple[Source, bool]:
        """
        Append a message, unless one of this *name* came to any session of the user within a day.

        Return where the first of this name is, and whether it had come before. Raises SessionNotFound, SessionNotWritable.
        """
        part = _Part(bodies=_bodies([message]), name=_once(name), wanted=ONCE)
        ((kind, said),) = await self._append(scope, session_id, [part], held=_held([message]))
        return _place(said), kind == "repeat"

    async def added_once(self, scope: Scope, name: str) -> Source | None:
        """Return where the message of this *name* is that came within a day, or None."""
        kept = await self.database.get("GET", self.keyspace.user(scope).answer(_once(name)))
        return _place(kept.removeprefix(f"{ONCE} ")) if kept else None

    async def _append(
        self, scope: Scope, session_id: SessionId, parts: Sequence[_Part], *, held: frozenset[int] | None, owner: str = ""
    ) -> Sequence[Sequence[str]]:
        """
        Run the script and return for each part the kind of its answer, and the answer. *held* are the places among the messages
        of those that are held for legal reasons. Raises SessionNotFound, SessionNotWritable.
        """
        keys = self.keyspace.user(scope)
        answers = await self.database.run(
            "add_messages",
            [
                keys.record,
                keys.session(session_id),
                keys.messages(session_id),
                keys.spoken,
                keys.pending,
                keys.bucket.timers,
                keys.bucket.outbox,
                keys.answers,
                keys.holds,
                *(keys.answer(part.name) for part in parts),
            ],
            [
                session_id,
                owner,
                keys.timer(session_id),
                quoted(scope.project_id),
                scope.user_key,
                WINDOW,
                write_places(held),
                *(field for part in parts for field in (part.wanted, len(part.bodies))),
                *(body for part in parts for body in part.bodies),
            ],
        )
        match answers:
            case ["gone"]:
                raise SessionNotFound(session_id=session_id)
            case ["status", status]:
                raise SessionNotWritable(session_id=session_id, status=status)
        told: Sequence[Sequence[str]] = answers
        return told

    async def page(self, scope: Scope, session_id: SessionId, page: PageRequest, *, with_forgotten: bool) -> Page[Message]:
        """Return one page of messages, oldest first, those that are forgotten only if asked for. Raises SessionNotFound."""
        keys = self.keyspace.user(scope)
        known, total, texts, text = await self.database.send(
            ("EXISTS", keys.record),
            ("HGET", keys.session(session_id), "message_count"),
            ("LRANGE", keys.messages(session_id), *span(page.offset, page.limit)),
            ("HGET", keys.forgotten, session_id),
        )
        if not known or total is None:
            raise SessionNotFound(session_id=session_id)
        forgotten = read_forgotten(text)
        if forgotten and not with_forgotten:
            return await self._remembered(keys, session_id, page, forgotten)
        items = [
            replace(read_message(session_id, index, text), forgotten_at=forgotten[index])
            if index in forgotten
            else read_message(session_id, index, text)
            for index, text in enumerate(texts, page.offset)
        ]
        return Page(items=items, offset=page.offset, total=int(total))

    async def at(self, scope: Scope, sources: Sequence[Source]) -> Sequence[Message | None]:
        """Return the messages at *sources*, None where there is none or it is forgotten, in the same order, in one round trip."""
        if not sources:
            return []
        keys = self.keyspace.user(scope)
        stretches = _stretches(sources)
        places = {session_id: place for place, session_id in enumerate(dict.fromkeys(one.session_id for one in stretches), 1)}
        # a script though it only reads: one command for each stretch costs this process five times as much
        marks, *answers = await self.database.run(
            "read_messages",
            [keys.record, keys.forgotten, *(keys.messages(session_id) for session_id in places)],
            [len(places), *places, *(number for one in stretches for number in (places[one.session_id], one.first, one.last))],
        ) or ((),)
        forgotten = {session_id: read_forgotten(mark) for session_id, mark in zip(places, marks, strict=False) if mark}
        # pairs, which are the same as sources and made faster: more is read than was asked for
        found: dict[tuple[SessionId, int], str] = {
            (stretch.session_id, index): text
            for stretch, texts in zip(stretches, answers, strict=False)
            for index, text in enumerate(texts, stretch.first)
        }
        for session_id, indexes in forgotten.items():
            for index in indexes:
                found.pop((session_id, index), None)
        return [read_message(*source, found[source]) if source in found else None for source in sources]

    async def recent(
        self, scope: Scope, limit: int, *, exclude: frozenset[SessionId], only: frozenset[SessionId] | None = None
    ) -> Sequence[Message]:
        """Return the newest *limit* messages over all sessions, or those of *only*, but *exclude*, oldest of them first."""
        if limit <= 0:
            return []
        keys = self.keyspace.user(scope)
        # the newest messages lie in the sessions with the newest last messages, one session each at worst
        if only is None:
            newest = await self.database.get("ZREVRANGE", keys.spoken, 0, limit + len(exclude) - 1)
        else:
            newest = await self._newest(keys, sorted(only))
        wanted = [SessionId(id_) for id_ in newest if id_ not in exclude][:limit]
        if not wanted:
            return []
        # counted first and read by place: a message that comes in between cannot shift the others
        marks, *counts = await self.database.send(
            ("HMGET", keys.forgotten, *wanted), *(("LLEN", keys.messages(id_)) for id_ in wanted)
        )
        places = [_newest(count, read_forgotten(mark), limit) for count, mark in zip(counts, marks, strict=True)]
        sources = [Source(session_id=id_, message_index=i) for id_, indexes in zip(wanted, places, strict=True) for i in indexes]
        found = [message for message in await self.at(scope, sources) if message is not None]
        found.sort(key=lambda message: (message.timestamp, message.session_id, message.index))
        return found[-limit:]

    async def _remembered(
        self, keys: UserKeys, session_id: SessionId, page: PageRequest, forgotten: Mapping[int, datetime]
    ) -> Page[Message]:
        """Return a page of those messages that are not forgotten."""
        texts = await self.database.get("LRANGE", keys.messages(session_id), 0, -1)
        places = [index for index in range(len(texts)) if index not in forgotten]
        shown = places[page.offset : page.offset + page.limit]
        items = [read_message(session_id, index, texts[index]) for index in shown]
        return Page(items=items, offset=page.offset, total=len(places))

    async def _newest(self, keys: UserKeys, session_ids: Sequence[SessionId]) -> Sequence[SessionId]:
        """Return those of some sessions that have messages, by the newest of these, newest first."""
        times = await self.database.get("ZMSCORE", keys.spoken, *session_ids) if session_ids else []
        spoken = [(float(time), id_) for id_, time in zip(session_ids, times, strict=True) if time is not None]
        return [id_ for _, id_ in sorted(spoken, reverse=True)]


def _bodies(messages: Sequence[NewMessage]) -> Sequence[str]:
    """Return messages as the script takes them."""
    return [f"{_time(message)} {write_message(message)}" for message in messages]


def _keyed(session_id: SessionId, messages: Sequence[NewMessage], idempotency_key: str | None) -> _Part:
    """Return messages as a part that is appended once under its key; without a key, each time."""
    bodies = _bodies(messages)
    wanted = digest("messages", session_id, bodies) if idempotency_key else ""
    return _Part(bodies=bodies, name=_key(idempotency_key or ""), wanted=wanted)


def _key(idempotency_key: str) -> str:
    """Return the name of the kept answer of messages that came with a key."""
    return f"messages {idempotency_key}"


def _once(name: str) -> str:
    """Return the name of the kept answer of a message that is appended once."""
    return f"once {name}"


def _place(said: str) -> Source:
    """Return where the first message is, as the script says it."""
    session_id, first, *_ = said.split(" ")
    return Source(session_id=SessionId(session_id), message_index=int(first))


def _held(messages: Sequence[NewMessage]) -> frozenset[int] | None:
    """Return the places of the messages that come with a legal hold, None for none."""
    return frozenset(place for place, message in enumerate(messages) if message.kind == HELD) or None


def _time(message: NewMessage) -> str:
    return "" if message.timestamp is None else str(micros(message.timestamp))


def _newest(count: int, forgotten: Mapping[int, datetime], limit: int) -> Sequence[int]:
    """Return the places of the newest *limit* of *count* messages that are not forgotten."""
    return list(islice((index for index in reversed(range(count)) if index not in forgotten), limit))


def _stretches(sources: Iterable[Source]) -> list[_Stretch]:
    """Return stretches that hold all *sources*, few rather than tight."""
    stretches: list[_Stretch] = []
    for session_id, index in sorted(set(sources)):
        last = stretches[-1] if stretches else None
        if last and last.session_id == session_id and index - last.last <= GAP:
            last.last = index
        else:
            stretches.append(_Stretch(session_id=session_id, first=index, last=index))
    return stretches


def _added(session_id: SessionId, messages: Sequence[NewMessage], said: str) -> Sequence[Message]:
    """Return the messages as the script stored them: *said* is their session, the index of the first and the time of each."""
    _, first, *times = said.split(" ")
    return [
        Message(
            session_id=session_id,
            index=index,
            role=message.role,
            content=message.content,
            timestamp=moment(time),
            kind=message.kind,
            document_id=message.document_id,
            metadata=message.metadata,
        )
        for index, (message, time) in enumerate(zip(messages, times, strict=True), int(first))
    ]
