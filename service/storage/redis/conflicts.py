"""Merge conflicts of a user."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from service.domain.conflicts import Conflict, ConflictFilter
from service.domain.errors import ConcurrentChange, ConflictNotFound
from service.domain.ids import ConflictId, Scope
from service.domain.values import Page, PageRequest
from service.storage.redis.conflict_codec import job_subject, read_conflict, write_conflict
from service.storage.redis.database import Database
from service.storage.redis.keys import Keyspace
from service.storage.redis.names import quoted


@dataclass(frozen=True, slots=True)
class RedisConflicts:
    """
    Implements `ConflictStore`.

    Every change of a conflict also raises the revision of the user's memories, so whoever read the revision before a conflict
    changes nothing that has moved on.
    """

    database: Database
    keyspace: Keyspace

    async def get(self, scope: Scope, conflict_id: ConflictId) -> Conflict:
        """Return the conflict. Raises ConflictNotFound."""
        text = await self.database.get("HGET", self.keyspace.user(scope).conflicts, conflict_id)
        if not text:
            raise ConflictNotFound(conflict_id=conflict_id)
        return read_conflict(conflict_id, text)

    async def list(self, scope: Scope, page: PageRequest, wanted: ConflictFilter) -> Page[Conflict]:
        """Return one page of conflicts."""
        found = [conflict for conflict in await self.every(scope) if wanted.status in {None, conflict.status}]
        if wanted.by_resolution:
            # the order by creation stays among those without the time
            ended = sorted((each for each in found if each.resolved_at), key=_resolution, reverse=not wanted.oldest_first)
            found = [*ended, *(each for each in found if not each.resolved_at)]
        elif wanted.oldest_first:
            found.reverse()
        return Page(items=found[page.offset : page.offset + page.limit], offset=page.offset, total=len(found))

    async def every(self, scope: Scope) -> Sequence[Conflict]:
        """Return every conflict of the user, newest first."""
        texts = await self.database.get("HGETALL", self.keyspace.user(scope).conflicts)
        return _newest_first(read_conflict(ConflictId(id_), text) for id_, text in texts.items())

    async def open(self, scope: Scope) -> Sequence[Conflict]:
        """Return every conflict that is not settled yet, newest first. One round trip while there is none."""
        keys = self.keyspace.user(scope)
        ids = await self.database.get("SMEMBERS", keys.open_conflicts)
        if not ids:
            return []
        ids = sorted(ids)
        texts = await self.database.get("HMGET", keys.conflicts, *ids)
        found = (read_conflict(ConflictId(id_), text) for id_, text in zip(ids, texts, strict=True) if text)
        return _newest_first(conflict for conflict in found if conflict.is_open)

    async def enqueue(self, before: Conflict, after: Conflict, scope: Scope) -> None:
        """
        Store *after* in place of *before* and queue its resolution, in one step, as a change of the memories of its own.

        Raises ConcurrentChange when the conflict is not as it was *before*.
        """
        keys = self.keyspace.user(scope)
        texts = [write_conflict(before), write_conflict(after)]
        about = [quoted(scope.project_id), scope.user_key, job_subject(after)]
        shared = [keys.record, keys.revision, keys.conflicts, keys.bucket.jobs]
        if not await self.database.run("enqueue_conflict", shared, [after.conflict_id, *texts, *about]):
            raise ConcurrentChange


def _newest_first(conflicts: Iterable[Conflict]) -> list[Conflict]:
    return sorted(conflicts, key=lambda each: (each.created_at, each.conflict_id), reverse=True)


def _resolution(conflict: Conflict) -> tuple[bool, object, str]:
    return conflict.resolved_at is not None, conflict.resolved_at, conflict.conflict_id
