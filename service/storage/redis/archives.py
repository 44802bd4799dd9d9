"""Users that come from archives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import uuid4

from service.domain.archives import ArchivedCollection, ArchivedSession, ArchivedUser, RestoredSession
from service.domain.conflicts import Conflict
from service.domain.documents import NewCollection, NewDocument
from service.domain.errors import ConcurrentChange
from service.domain.ids import ProjectId, Scope, UserKey
from service.domain.memories import MemoryChain
from service.domain.ports.work import IndexedKind
from service.domain.sessions import HELD, SessionStatus, Summary
from service.domain.users import User
from service.storage.redis.changes import put_chain, put_conflict
from service.storage.redis.claims import ROUNDS, Claims
from service.storage.redis.codec import (
    MICROSECOND,
    dump_object,
    flag,
    micros,
    write_message,
    write_origin,
    write_places,
    write_summary,
)
from service.storage.redis.database import Argument, Command, Database
from service.storage.redis.document_codec import TIME, document_fields, upload_fields, write_collection
from service.storage.redis.intents import Intent, Settler
from service.storage.redis.keys import Keyspace, UserKeys
from service.storage.redis.names import name_of
from service.storage.redis.origins import put_origin
from service.storage.redis.writes import Writes

BATCH = 200
"""Messages that one command appends."""
FIELDS = 200
"""Fields and values of chunks that one command writes."""


class Unseen(Writes):
    """Writes of a draft: plain commands, and no index entries until the draft is a user."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__()
        self.commands: list[Command] = []

    def add(self, command: str, key: str, *arguments: Argument) -> None:
        """Append one command."""
        self.commands.append((command, key, *arguments))

    def index_entry(self, keys: UserKeys, kind: IndexedKind, record_id: str) -> None:
        """Leave the entry for later."""


@dataclass(frozen=True, slots=True)
class RedisArchives:
    """
    Implements `ArchiveStore`. A draft is written by plain commands under a uuid that nothing names; an intent, due after a day,
    removes what a crash leaves of it.
    """

    database: Database
    keyspace: Keyspace
    claims: Claims
    documents: Claims
    settler: Settler

    async def begin(self, project_id: ProjectId) -> Scope:
        """Begin a draft and return its scope, which becomes the user's."""
        scope = Scope(project_id=project_id, user_key=UserKey(str(uuid4())))
        keys = self.keyspace.user(scope)
        await self.database.run("begin_draft", [keys.bucket.intents], [_intent(scope, "discard").text])
        return scope

    async def add_session(self, scope: Scope, session: RestoredSession) -> None:
        """Add a session with its messages and summary."""
        keys, writes = self.keyspace.user(scope), Unseen()
        _put_session(writes, keys, session)
        bodies = [f"{micros(message.timestamp)} {write_message(message)}" for message in session.messages]
        for start in range(0, len(bodies), BATCH):
            writes.add("RPUSH", keys.messages(session.session.session_id), *bodies[start : start + BATCH])
        await self.database.send(*writes.commands)

    async def add_memories(self, scope: Scope, chains: Sequence[MemoryChain]) -> None:
        """Add memories."""
        if not chains:
            return
        keys, writes = self.keyspace.user(scope), Unseen()
        for chain in chains:
            put_chain(writes, keys, chain, None)
        named = {name for chain in chains for version in chain.versions for name in version.categories}
        if named:
            writes.add("SADD", keys.categories, *sorted(named))
        writes.add("SET", keys.revision, 1)
        await self.database.send(*writes.commands)

    async def add_conflicts(self, scope: Scope, conflicts: Sequence[Conflict]) -> None:
        """Add merge conflicts, as they stand."""
        if not conflicts:
            return
        keys, writes = self.keyspace.user(scope), Unseen()
        for conflict in conflicts:
            put_conflict(writes, keys, conflict)
        writes.add("SET", keys.revision, 1)
        await self.database.send(*writes.commands)

    async def add_document(self, scope: Scope, document: NewDocument, *, created_at: datetime, uploaded_at: datetime) -> None:
        """Add a document with its chunks. Raises DocumentOfAnotherUser."""
        keys, id_ = self.keyspace.user(scope), document.document_id
        upload = keys.upload(document.upload_id)
        times: list[Argument] = [
            "created_at",
            micros(created_at),
            "uploaded_at",
            micros(uploaded_at),
            "upload",
            document.upload_id,
        ]
        # before the claim: a claim whose holder has no such document could be given to someone else
        await self.database.send(
            ("ZADD", keys.documents, micros(created_at), id_),
            ("HSET", keys.document(id_), *document_fields(document, ""), *times),
        )
        token = await self.documents.take(scope, id_)
        parts = list(upload_fields(document))
        await self.database.send(
            ("HSET", keys.document(id_), "claim", token),
            ("HSET", upload, TIME, micros(uploaded_at)),
            *(("HSET", upload, *parts[start : start + FIELDS]) for start in range(0, len(parts), FIELDS)),
        )

    async def add_collection(self, scope: Scope, collection: ArchivedCollection) -> None:
        """Add a collection of documents that were added before."""
        keys, writes, name = self.keyspace.user(scope), Unseen(), name_of(collection.collection_id)
        new = NewCollection(
            collection_id=collection.collection_id, name=collection.name, group=collection.group, ordered=collection.ordered
        )
        writes.add("HSET", keys.collections, name, f"{micros(collection.created_at)} {write_collection(new)}")
        for member in collection.members:
            document, position = name_of(member.document_id), "" if member.position is None else member.position
            writes.add("HSET", keys.members, f"{name}:{document}", f"{micros(member.added_at)} {position}")
            writes.add("ZADD", keys.held, 0, f"{name}:{document}")
            writes.add("ZADD", keys.holders, 0, f"{document}:{name}")
        await self.database.send(*writes.commands)

    async def commit(self, scope: Scope, user: ArchivedUser) -> User:
        """
        Make the draft a user, queue its index entries, arm its timers, queue sessions that were being processed and conflicts
        that were answered.

        Raises UserAlreadyExists; ConcurrentChange when the draft is gone.
        """
        keys = self.keyspace.user(scope)
        draft, finish = _intent(scope, "discard"), _intent(scope, "restore")
        documents = await self.database.get("ZCARD", keys.documents)
        token = ""
        for _ in range(ROUNDS):
            token = await self.claims.take(scope, user.user_id, spent=token)
            outcome = await self.database.run(
                "commit_draft",
                [keys.record, keys.bucket.void, keys.bucket.intents],
                [token, draft.text, finish.text, *_record(user), "documents", documents],
            )
            if outcome == "gone":
                raise ConcurrentChange
            if outcome == "restored":
                await self.settler.settle(finish)
                return _restored(scope, user, has_documents=documents > 0)
        raise ConcurrentChange

    async def discard(self, scope: Scope) -> None:
        """Remove a draft. One that was committed stays."""
        await self.settler.settle(_intent(scope, "discard"))


def _intent(scope: Scope, kind: Literal["discard", "restore"]) -> Intent:
    return Intent(kind=kind, project_id=scope.project_id, user_key=scope.user_key)


def _record(user: ArchivedUser) -> list[Argument]:
    return [
        *("user_id", user.user_id),
        *("metadata", dump_object(user.metadata)),
        *("merge_conflict", flag(value=user.merge_conflict_enabled)),
        *("idempotent", ""),
        *("created_at", micros(user.created_at)),
        *("last_active_at", micros(user.last_active_at)),
    ]


def _restored(scope: Scope, user: ArchivedUser, *, has_documents: bool) -> User:
    return User(
        project_id=scope.project_id,
        user_key=scope.user_key,
        user_id=user.user_id,
        metadata=user.metadata,
        merge_conflict_enabled=user.merge_conflict_enabled,
        created_at=user.created_at,
        last_active_at=user.last_active_at,
        has_documents=has_documents,
    )


def _put_session(writes: Writes, keys: UserKeys, restored: RestoredSession) -> None:
    session, messages = restored.session, restored.messages
    id_ = session.session_id
    writes.add("HSET", keys.session(id_), *_fields(session, len(messages)))
    writes.add("ZADD", keys.sessions, micros(session.created_at), id_)
    if session.status is SessionStatus.PENDING:
        writes.add("ZADD", keys.pending, micros(session.last_active_at), id_)
    if messages:
        writes.add("ZADD", keys.spoken, micros(max(message.timestamp for message in messages)), id_)
    if held := frozenset(message.index for message in messages if message.kind == HELD):
        writes.add("HSET", keys.holds, id_, write_places(held))
    put_origin(writes, keys, id_, session.origin)
    if session.summary is not None:
        summary = Summary(session_id=id_, content=session.summary, created_at=session.created_at, message_count=len(messages))
        writes.add("HSET", keys.summaries, id_, write_summary(summary))
        writes.add("ZADD", keys.summary_times, micros(session.created_at), id_)


def _fields(session: ArchivedSession, message_count: int) -> list[Argument]:
    after = session.auto_process_after
    return [
        *("status", session.status),
        *("created_at", micros(session.created_at)),
        *("custom", int(session.custom_created_at)),
        *("metadata", dump_object(session.metadata)),
        *("auto_process_after", "" if after is None else after // MICROSECOND),
        *("processed_at", "" if session.processed_at is None else micros(session.processed_at)),
        *("last_active_at", micros(session.last_active_at)),
        *("message_count", message_count),
        # the first job of a restored session has the generation that as many messages would have given it
        *("generation", message_count),
        *("origin", write_origin(session.origin)),
        *("remembered_at", "" if session.remembered_at is None else micros(session.remembered_at)),
        *([] if session.missing is None else ["missing", write_places(session.missing)]),
    ]
