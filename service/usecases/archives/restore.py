"""Import a user."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterable
from dataclasses import dataclass, replace
from uuid import UUID, uuid5

from service.domain.archives import (
    ArchivedChunk,
    ArchivedCollection,
    ArchivedConflict,
    ArchivedDocument,
    ArchivedMemory,
    ArchivedSession,
    ArchivedUser,
    ArchiveRecord,
    RestoredSession,
)
from service.domain.conflicts import Conflict
from service.domain.ids import ChainId, MemoryId, ProjectId, Scope, UserId
from service.domain.memories import MemoryChain
from service.domain.ports.stores import ArchiveStore
from service.domain.sessions import Message
from service.usecases.archives.checks import ArchiveChecks
from service.usecases.archives.library import restored

_BATCH = 500
_NAMESPACE = UUID("5e0e0a0c-5d3a-4d0b-8a43-0d7d3f1f7b60")


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What came in."""

    user_id: UserId
    sessions: int
    messages: int
    memories: int
    documents: int


class ImportMemories:
    """Makes a user of an archive, whole or not at all."""

    def __init__(self, archives: ArchiveStore) -> None:
        """Keep the store."""
        self._archives = archives

    async def __call__(self, project_id: ProjectId, records: AsyncIterable[ArchiveRecord]) -> Imported:
        """
        Write the records where nobody sees them and, when the last one is in, make them a user of the project.

        Raises InvalidRequest about the first bad record, UserAlreadyExists, DocumentOfAnotherUser, ConcurrentChange when it took
        longer than a day. What was written then, or before a crash, is removed.
        """
        scope = await self._archives.begin(project_id)
        committed = False
        try:
            draft = _Draft(self._archives, scope)
            async for record in records:
                await draft.add(record)
            imported = await draft.commit()
            committed = True
            return imported
        finally:
            if not committed:
                await self._archives.discard(scope)


class _Draft:
    """What has been read of an archive: stored, but for the session, the memories and the document that are gathered."""

    def __init__(self, archives: ArchiveStore, scope: Scope) -> None:
        self._archives = archives
        self._scope = scope
        self._checks = ArchiveChecks()
        self._user: ArchivedUser | None = None
        self._session: ArchivedSession | None = None
        self._messages: list[Message] = []
        self._memories: list[MemoryChain] = []
        self._conflicts: list[Conflict] = []
        self._document: ArchivedDocument | None = None
        self._chunks: list[ArchivedChunk] = []
        self._counts: Counter[type[ArchiveRecord]] = Counter()

    async def add(self, record: ArchiveRecord) -> None:
        """Take one record. Raises BadRecord."""
        self._checks.next(record)
        if isinstance(record, ArchivedUser):
            self._user = record
            return
        self._counts[type(record)] += 1
        if isinstance(record, Message):
            self._messages.append(record)
            return
        if isinstance(record, ArchivedChunk):
            self._chunks.append(record)
            return
        await self._store_gathered()
        match record:
            case ArchivedSession():
                self._session = record
            case ArchivedConflict():
                self._conflicts.append(_conflict(record))
            case ArchivedMemory():
                self._memories.append(_chain(record))
            case ArchivedDocument():
                self._document = record
            case ArchivedCollection():
                await self._archives.add_collection(self._scope, record)
        if _BATCH in {len(self._memories), len(self._conflicts)}:
            await self._store_memories()

    async def commit(self) -> Imported:
        """Make the user of it. Raises BadRecord, UserAlreadyExists, ConcurrentChange."""
        self._checks.end()
        await self._store_gathered()
        await self._store_memories()
        if self._user is None:
            raise AssertionError("an archive whose end was checked has a user")
        await self._archives.commit(self._scope, self._user)
        return Imported(
            user_id=self._user.user_id,
            sessions=self._counts[ArchivedSession],
            messages=self._counts[Message],
            memories=self._counts[ArchivedMemory],
            documents=self._counts[ArchivedDocument],
        )

    async def _store_gathered(self) -> None:
        """Store the session or the document whose last message or chunk has come."""
        if self._session is not None:
            await self._archives.add_session(self._scope, RestoredSession(session=self._session, messages=self._messages))
        if self._document is not None:
            await self._archives.add_document(
                self._scope,
                restored(self._document, self._chunks),
                created_at=self._document.created_at,
                uploaded_at=self._document.uploaded_at,
            )
        self._session, self._messages = None, []
        self._document, self._chunks = None, []

    async def _store_memories(self) -> None:
        await self._archives.add_conflicts(self._scope, self._conflicts)
        await self._archives.add_memories(self._scope, self._memories)
        self._conflicts, self._memories = [], []


def _chain(memory: ArchivedMemory) -> MemoryChain:
    return MemoryChain(
        chain_id=_chain_id(memory.versions[-1].memory_id),
        versions=memory.versions,
        connections=tuple(map(_chain_id, memory.connected)),
    )


def _conflict(archived: ArchivedConflict) -> Conflict:
    """Return the conflict about the chains that this draft has; a chain that is gone gets an id that no other has."""
    named = zip(archived.conflict.conflicting, archived.newest, strict=True)
    conflicting = tuple(replace(memory, chain_id=_chain_id(newest or memory.memory_id)) for memory, newest in named)
    return replace(archived.conflict, conflicting=conflicting)


def _chain_id(current: MemoryId) -> ChainId:
    """Return the id of the chain with this newest version, so that memories can name others that are still to come."""
    return ChainId(str(uuid5(_NAMESPACE, current)))
