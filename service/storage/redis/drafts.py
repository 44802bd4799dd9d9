"""
What becomes of a draft, a user that is being restored from an archive.

Its records lie under a uuid that no claim names, so nobody sees them. In one script it becomes a user, or it is removed.
"""

from __future__ import annotations

from dataclasses import dataclass

from service.domain.conflicts import ANSWERED
from service.domain.ids import ConflictId, SessionId
from service.domain.sessions import SessionStatus
from service.storage.redis.conflict_codec import job_subject, read_conflict
from service.storage.redis.database import Command, Database
from service.storage.redis.keys import UserKeys
from service.storage.redis.names import quoted
from service.storage.redis.outbox import queue_records

BATCH = 500
"""Sessions that are looked at in one round trip."""


@dataclass(frozen=True, slots=True)
class Drafts:
    """Finishes drafts that were committed, and removes those that were not. Both can be repeated."""

    database: Database

    async def finish(self, keys: UserKeys) -> None:
        """
        Queue the index entries of a restored user, arm the timers of its sessions, queue those to be processed and the conflicts
        to be resolved.
        """
        if not await self.database.get("EXISTS", keys.record):
            return
        await queue_records(self.database, keys)
        ids = [SessionId(id_) for id_ in await self.database.get("ZRANGE", keys.sessions, 0, -1)]
        for start in range(0, len(ids), BATCH):
            await self._wake(keys, ids[start : start + BATCH])
        await self._resolve(keys)

    async def remove(self, keys: UserKeys, draft: str, purge: str) -> bool:
        """Remove what was written, unless it was committed: then False. The intent *draft* gives way to the intent *purge*."""
        shared = [keys.record, keys.bucket.intents, keys.sessions, keys.grave]
        return bool(await self.database.run("discard_draft", [*shared, *keys.removed_whole()], [draft, purge]))

    async def _wake(self, keys: UserKeys, ids: list[SessionId]) -> None:
        fields = ("status", "auto_process_after", "last_active_at", "message_count", "generation")
        found = await self.database.send(*(("HMGET", keys.session(id_), *fields) for id_ in ids))
        commands: list[Command] = []
        for id_, (status, after, active, count, generation) in zip(ids, found, strict=True):
            if status == SessionStatus.PENDING and after and count != "0":
                # NX: one that was armed since by a new message stays
                commands.append(("ZADD", keys.bucket.timers, "NX", int(active) + int(after), keys.timer(id_)))
            if status == SessionStatus.PROCESSING:
                commands.append(_job(keys, id_, generation))
        await self.database.send(*commands)

    async def _resolve(self, keys: UserKeys) -> None:
        ids = [ConflictId(id_) for id_ in sorted(await self.database.get("SMEMBERS", keys.open_conflicts))]
        for start in range(0, len(ids), BATCH):
            texts = await self.database.get("HMGET", keys.conflicts, *ids[start : start + BATCH])
            found = [read_conflict(id_, text) for id_, text in zip(ids[start:], texts, strict=False) if text]
            answered = (conflict for conflict in found if conflict.status in ANSWERED)
            await self.database.send(*(_job(keys, job_subject(conflict), "0") for conflict in answered))


def _job(keys: UserKeys, subject: str, generation: str) -> Command:
    """Return what queues a session or a conflict; a second entry is refused when it is claimed or committed."""
    about = ("project", quoted(keys.scope.project_id), "user", keys.scope.user_key, "session", subject)
    return ("XADD", keys.bucket.jobs, "*", *about, "generation", generation, "attempts", 0)
