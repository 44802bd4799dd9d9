"""
Changes that are too long for one script.

All of such a change is decided for in one script, as of any other; but what it writes is staged before, in parts, and made part
by part after it. Until the last is made the user's revision stands above any that can be known, so that no other change of the
memories comes in between; whoever asks for the revision makes what is left first. So does a worker when everybody died.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

import orjson

from service.storage.redis.codec import dump
from service.storage.redis.database import Argument, Database
from service.storage.redis.keys import UserKeys
from service.storage.redis.names import quoted
from service.storage.redis.writes import Writes

MOST = 2_000
"""How long a part is, about, in the words of its commands: some two milliseconds of the server."""
UNDER_WAY = 1 << 52
"""A revision from here on is that of a user with parts that are still to be made; the scripts' library has the same."""
KEPT_SECONDS = 600
"""After so long what was staged and never decided for is removed."""

_SESSION_WEIGHT = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPart:
    """What becomes of one session, as `forget_session` of the scripts' library reads it, with its keys."""

    about: Mapping[str, str]
    keys: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The keys of a part, and what `make_part` of the scripts' library reads."""

    keys: Sequence[str]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A change that is ready to be decided for: *length* elements are staged under *key*, or else the one part is *at_once*."""

    key: str
    length: int
    at_once: Part | None

    def arguments(self, intent: str, writes: Writes) -> list[Argument]:
        """Return what a script reads of it, and the other *writes* of the change; the *intent* is that to make the parts."""
        text = "" if self.at_once is None else self.at_once.text
        return [self.length, intent, len(writes.keys), text, *writes.arguments]

    def keys(self, writes: Writes) -> list[str]:
        """Return the keys of the *writes* and those of the part."""
        return [*writes.keys, *(() if self.at_once is None else self.at_once.keys)]


@dataclass(frozen=True, slots=True)
class Parts:
    """Stages changes, and makes those that were decided for."""

    database: Database
    most: int = MOST

    async def stage(self, keys: UserKeys, writes: Writes, sessions: Sequence[SessionPart] = ()) -> Staged:
        """Stage a change, unless it is short enough to be made at once. What is done to sessions comes before the *writes*."""
        key, length = keys.staged(str(uuid4())), 0
        if len(sessions) * _SESSION_WEIGHT + writes.weight <= self.most:
            return Staged(key=key, length=0, at_once=_part(keys, sessions, *next(writes.cut(self.most), ((), ()))))
        for part in _cut(keys, sessions, writes, self.most):
            staging = ("RPUSH", key, dump(part.keys), part.text), ("EXPIRE", key, KEPT_SECONDS)
            length, _ = await self.database.send(*staging)
        return Staged(key=key, length=length, at_once=None)

    async def discard(self, staged: Staged) -> None:
        """Remove what is still staged of a change that was decided about: nothing, unless it was refused."""
        if staged.length:
            await self.database.get("UNLINK", staged.key)

    async def finish(self, keys: UserKeys) -> None:
        """Make what is left of a change. Any number of callers may do so at a time."""
        names = await self.database.run("make_part", [keys.revision, keys.parts], [""])
        while names:
            names = await self.database.run("make_part", [keys.revision, keys.parts, *orjson.loads(names)], [names])


def _cut(keys: UserKeys, sessions: Sequence[SessionPart], writes: Writes, most: int) -> Iterator[Part]:
    """Yield the parts of a change, each of about *most*."""
    together = max(1, most // _SESSION_WEIGHT)
    for start in range(0, len(sessions), together):
        yield _part(keys, sessions[start : start + together], (), ())
    for names, commands in writes.cut(most):
        yield _part(keys, (), names, commands)


def _part(keys: UserKeys, sessions: Sequence[SessionPart], names: Sequence[str], commands: Sequence[object]) -> Part:
    bucket, scope = keys.bucket, keys.scope
    lists = [bucket.outbox, bucket.jobs, keys.pending, bucket.timers, keys.spoken]
    lists += [keys.summaries, keys.summary_times, keys.forgotten]
    about = {
        "project": quoted(scope.project_id),
        "user": scope.user_key,
        "sessions": [one.about for one in sessions],
        "writes": commands,
    }
    return Part(keys=[*lists, *(key for one in sessions for key in one.keys), *names], text=dump(about))
