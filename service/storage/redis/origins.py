"""Where the sessions of a user belong: the index by thread, by group, and of those that are not to be seen from everywhere."""

from __future__ import annotations

from dataclasses import dataclass

from service.domain.ids import Scope, SessionId
from service.domain.sessions import SessionOrigin, Visibility
from service.storage.redis.codec import write_origin
from service.storage.redis.database import Command, Database
from service.storage.redis.keys import Keyspace, UserKeys
from service.storage.redis.names import name_of
from service.storage.redis.writes import Writes

_LIMITED = "limited "


@dataclass(frozen=True, slots=True)
class Origins:
    """Reads the index; it is written with the session."""

    database: Database
    keyspace: Keyspace

    async def within(self, scope: Scope, *, thread: str | None, group: str | None) -> frozenset[SessionId]:
        """Return the sessions of a thread, of a group, or of both at once."""
        places = [] if thread is None else [_thread(thread)]
        places += [] if group is None else [_group(group)]
        answers = await self.database.send(*(_prefixed(self.keyspace.user(scope), f"{place}:") for place in places))
        found = [frozenset(_session(member) for member in members) for members in answers]
        return frozenset.intersection(*found)

    async def hidden(self, scope: Scope, *, thread: str, group: str) -> frozenset[SessionId]:
        """Return the sessions that are seen from one thread or group alone, and not from this thread or this group."""
        (members,) = await self.database.send(_prefixed(self.keyspace.user(scope), _LIMITED))
        here = (f"{_LIMITED}{_thread(thread)}:", f"{_LIMITED}{_group(group)}:")
        return frozenset(_session(member) for member in members if not member.startswith(here))


def places(session_id: SessionId, origin: SessionOrigin) -> list[str]:
    """Return the members of the index that stand for a session."""
    found = [_thread(origin.thread)] if origin.thread else []
    found += [_group(origin.group)] if origin.group else []
    match origin.visibility:
        case Visibility.THREAD:
            found.append(_LIMITED + _thread(origin.thread))
        case Visibility.GROUP:
            found.append(_LIMITED + _group(origin.group))
    return [f"{place}:{session_id}" for place in found]


def put_origin(writes: Writes, keys: UserKeys, session_id: SessionId, origin: SessionOrigin) -> None:
    """Enter a session into the index."""
    if text := write_origin(origin):
        writes.add("HSET", keys.origins, session_id, text)
    for place in places(session_id, origin):
        writes.add("ZADD", keys.places, 0, place)


def drop_origin(writes: Writes, keys: UserKeys, session_id: SessionId, origin: SessionOrigin) -> None:
    """Take a session out of the index."""
    writes.add("HDEL", keys.origins, session_id)
    for place in places(session_id, origin):
        writes.add("ZREM", keys.places, place)


def _thread(name: str) -> str:
    return f"thread {name_of(name)}"


def _group(name: str) -> str:
    return f"group {name_of(name)}"


def _prefixed(keys: UserKeys, prefix: str) -> Command:
    """Return the command that reads the members of the index that begin with *prefix*."""
    return "ZRANGEBYLEX", keys.places, f"[{prefix}", f"({prefix[:-1]}{chr(ord(prefix[-1]) + 1)}"


def _session(member: str) -> SessionId:
    return SessionId(member.rpartition(":")[2])
