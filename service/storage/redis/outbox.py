"""The outboxes: index entries to bring up to date, a stream per bucket, and another one for chunks, which may take long."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from service.domain.documents import chunk_range
from service.domain.ids import DocumentId, ProjectId, Scope, SessionId, UploadId, UserKey
from service.domain.ports.work import CHUNKS_OF_ENTRY, IndexedKind, OutboxEntry
from service.storage.redis.database import Database
from service.storage.redis.keys import PROJECTS, Keyspace, ProjectKeys, UserKeys
from service.storage.redis.names import quoted
from service.storage.redis.streams import GROUP, MILLISECOND, Entry, Streams

BATCH = 500
"""Users read, and entries queued, in one round trip, about."""
SEARCHED = 2_000
"""Entries looked at in one script, so that a long outbox holds up nobody."""


@dataclass(frozen=True, slots=True)
class RedisOutbox:
    """Implements `Outbox`."""

    database: Database
    keyspace: Keyspace
    streams: Streams

    async def claim(self, consumer: str, limit: int) -> Sequence[OutboxEntry]:
        """Return up to *limit* entries that are new or whose lease ran out, oldest first. Does not wait."""
        return [self._entry(entry) for entry in await self.streams.claim(consumer, limit)]

    async def retire(self, entries: Sequence[OutboxEntry]) -> None:
        """Remove entries whose effect is durable in the index."""
        for bucket, group in groupby(sorted(entries, key=lambda entry: entry.bucket), key=lambda entry: entry.bucket):
            await self.streams.retire(bucket, [entry.entry_id for entry in group])

    async def pending(self, scope: Scope, kind: IndexedKind) -> Sequence[str]:
        """
        Return the ids of the records of a user whose index entry may trail the truth: queued or claimed, not retired yet.

        Read before a search, this and the hits of the search together miss no record that was committed before.
        """
        stream = self.streams.names[self.keyspace.user(scope).bucket.number]
        about = [quoted(scope.project_id), scope.user_key, kind]
        found: dict[str, None] = {}
        start = "-"
        while start:
            start, records = await self.database.run("find_entries", [stream], [*about, start, SEARCHED])
            found |= dict.fromkeys(records)
        return list(found)

    async def held(self, scope: Scope) -> frozenset[str]:
        """Return the ids of a user's entries that a worker is at: claimed, within their lease, and not retired yet."""
        stream = self.streams.names[self.keyspace.user(scope).bucket.number]
        lease = self.streams.lease // MILLISECOND
        about = [GROUP, quoted(scope.project_id), scope.user_key]
        return frozenset(await self.database.run("held_entries", [stream], [*about, lease, SEARCHED]))

    async def enqueue_all(self) -> int:
        """Queue an entry for every record there is, and return how many: the whole index will be rebuilt."""
        queued = 0
        async for keys in self._users():
            queued += await queue_records(self.database, keys)
        return queued

    def _entry(self, entry: Entry) -> OutboxEntry:
        return OutboxEntry(
            bucket=entry.place,
            entry_id=entry.entry_id,
            scope=self.keyspace.member(entry.fields["project"], entry.fields["user"]).scope,
            kind=IndexedKind(entry.fields["kind"]),
            record_id=entry.fields["record"],
        )

    async def _users(self) -> AsyncIterator[UserKeys]:
        """Yield every user of every project once."""
        for project_id in await self.database.get("ZRANGE", PROJECTS, 0, -1):
            seen: set[str] = set()
            cursor: int | None = None
            while cursor != 0:
                # a scan misses nobody when others are deleted meanwhile, as a walk by places would; it may meet somebody twice
                cursor, found = await self.database.get("ZSCAN", ProjectKeys(project_id).users, cursor or 0, "COUNT", BATCH)
                for user_key in {member for member, _ in found} - seen:
                    seen.add(user_key)
                    yield self.keyspace.user(Scope(project_id=ProjectId(project_id), user_key=UserKey(user_key)))


async def is_indexed(database: Database, keys: UserKeys) -> bool:
    """Return whether the index has followed all changes of a user."""
    about = [quoted(keys.scope.project_id), keys.scope.user_key]
    for kind in IndexedKind:
        start = "-"
        while start:
            start, records = await database.run("find_entries", [keys.bucket.outbox], [*about, kind, start, SEARCHED])
            if records:
                return False
    return True


async def queue_records(database: Database, keys: UserKeys) -> int:
    """Queue an entry for every record of a user, and return how many."""
    queued = 0
    for kind, record_ids in await _records(database, keys):
        about = [quoted(keys.scope.project_id), keys.scope.user_key, kind]
        stream = keys.bucket.bulk if kind is IndexedKind.CHUNK else keys.bucket.outbox
        for start in range(0, len(record_ids), BATCH):
            await database.run("enqueue", [stream], [*about, *record_ids[start : start + BATCH]])
        queued += len(record_ids)
    return queued


async def _records(database: Database, keys: UserKeys) -> Sequence[tuple[IndexedKind, Sequence[str]]]:
    """Return the ids of all records of a user, by kind."""
    chains, summaries, sessions, documents = await database.send(
        ("HKEYS", keys.chains),
        ("HKEYS", keys.summaries),
        ("ZRANGE", keys.sessions, 0, -1),
        ("ZRANGE", keys.documents, 0, -1),
    )
    counts = await database.send(*(("LLEN", keys.messages(SessionId(id_))) for id_ in sessions))
    turns = [f"{id_}:{index}" for id_, count in zip(sessions, counts, strict=True) for index in range(count)]
    uploads = await database.send(*(("HMGET", keys.document(DocumentId(id_)), "upload", "chunks") for id_ in documents))
    chunks = [range_ for upload, count in uploads if upload for range_ in entries_of(UploadId(upload), int(count))]
    return [
        (IndexedKind.MEMORY, chains),
        (IndexedKind.SUMMARY, summaries),
        (IndexedKind.TURN, turns),
        (IndexedKind.CHUNK, chunks),
    ]


def entries_of(upload_id: UploadId, count: int) -> Sequence[str]:
    """Return the record ids under which the *count* chunks of an upload are queued."""
    starts = range(0, count, CHUNKS_OF_ENTRY)
    return [chunk_range(upload_id, first, min(first + CHUNKS_OF_ENTRY, count) - 1) for first in starts]
