"""Summaries of a user's sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.domain.ids import Scope, SessionId
from service.domain.sessions import Summary
from service.storage.redis.codec import read_summary
from service.storage.redis.database import Database
from service.storage.redis.keys import Keyspace


@dataclass(frozen=True, slots=True)
class Summaries:
    """Reads summaries; they are written by the commit of their session."""

    database: Database
    keyspace: Keyspace

    async def of(self, scope: Scope, session_ids: Sequence[SessionId]) -> Sequence[Summary | None]:
        """Return the summaries of sessions, None where there is none, in the same order, in one round trip."""
        if not session_ids:
            return []
        texts = await self.database.get("HMGET", self.keyspace.user(scope).summaries, *session_ids)
        return [read_summary(id_, text) if text else None for id_, text in zip(session_ids, texts, strict=True)]

    async def recent(self, scope: Scope, limit: int, *, exclude: frozenset[SessionId]) -> Sequence[Summary]:
        """Return the newest *limit* summaries, oldest of them first."""
        if limit <= 0:
            return []
        times = self.keyspace.user(scope).summary_times
        newest = await self.database.get("ZREVRANGE", times, 0, limit + len(exclude) - 1)
        wanted = [SessionId(id_) for id_ in newest if id_ not in exclude][:limit]
        found = await self.of(scope, wanted)
        return [summary for summary in reversed(found) if summary is not None]
