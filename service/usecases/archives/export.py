"""Export a user."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from service.domain.archives import ArchivedConflict, ArchivedMemory, ArchivedSession, ArchivedUser, ArchiveRecord
from service.domain.errors import ConcurrentChange
from service.domain.ids import ChainId, MemoryId, ProjectId, Scope, SessionId, UserId
from service.domain.memories import MemoryChain, MemoryFilter, Source, source_of
from service.domain.ports.documents import DocumentStore
from service.domain.ports.stores import ConflictStore, MemoryStore, SessionStore, UserStore
from service.domain.sessions import HELD, Message, Session, SessionFilter, Summary
from service.domain.users import User
from service.usecases.archives.library import ArchivedLibrary
from service.usecases.paging import every
from service.usecases.transcripts import all_messages

_PAGE = 500


class ExportUser:
    """Turns a user into the records of an archive. The same user gives the same records, wherever it was imported from."""

    def __init__(
        self,
        users: UserStore,
        sessions: SessionStore,
        memories: MemoryStore,
        conflicts: ConflictStore,
        documents: DocumentStore,
    ) -> None:
        """Keep the stores."""
        self._library = ArchivedLibrary(documents)
        self._conflicts = conflicts
        self._users = users
        self._sessions = sessions
        self._memories = memories

    async def __call__(self, project_id: ProjectId, user_id: UserId) -> AsyncIterator[ArchiveRecord]:
        """
        Yield the user, each session with its messages, each merge conflict, each memory, each document with its chunks and each
        collection.

        Raises UserNotFound, SessionNotFound when one is deleted meanwhile, and ConcurrentChange when memories or documents were
        changed meanwhile: what was yielded is then no whole archive.
        """
        user = await self._users.get(project_id, user_id)
        scope = user.scope
        revision = await self._memories.revision(scope)
        yield _user(user)
        moved = _Moved()
        for session_id in await self._session_ids(scope):
            session = await self._sessions.get(scope, session_id)
            (summary,) = await self._sessions.summaries(scope, [session_id])
            told = await all_messages(self._sessions, scope, session_id)
            # after the messages: of one that came meanwhile it is known, too, whether it is held
            held = await self._sessions.held(scope)
            messages = moved.up(_as_held(told, held.get(session_id, frozenset())))
            yield moved.session(_session(session, summary))
            for message in messages:
                yield message
        async for conflict in self._archived_conflicts(scope):
            yield moved.conflict(conflict)
        async for memory in self._archived_memories(scope):
            yield moved.memory(memory)
        async for record in self._library(scope):
            yield record
        if await self._memories.revision(scope) != revision:
            raise ConcurrentChange

    async def _session_ids(self, scope: Scope) -> Sequence[SessionId]:
        """Return the ids of all sessions, oldest first; of one time, by id."""
        sessions = every(partial(self._sessions.list, scope, wanted=SessionFilter()), size=_PAGE)
        found = {session.session_id: session.created_at async for session in sessions}
        return sorted(found, key=lambda session_id: (found[session_id], session_id))

    async def _archived_conflicts(self, scope: Scope) -> AsyncIterator[ArchivedConflict]:
        """Yield every merge conflict, oldest first; of one time, by id."""
        conflicts = sorted(await self._conflicts.every(scope), key=lambda each: (each.created_at, each.conflict_id))
        for start in range(0, len(conflicts), _PAGE):
            page = conflicts[start : start + _PAGE]
            ids = sorted(frozenset().union(*(conflict.chain_ids for conflict in page)))
            chains = {chain.chain_id: chain for chain in await self._memories.chains(scope, ids) if chain is not None}
            for conflict in page:
                found = (chains.get(memory.chain_id) for memory in conflict.conflicting)
                newest = tuple(None if chain is None else chain.current.memory_id for chain in found)
                yield ArchivedConflict(conflict=conflict, newest=newest)

    async def _archived_memories(self, scope: Scope) -> AsyncIterator[ArchivedMemory]:
        """Yield every memory, oldest first; of one time, by the id of its first version. Only ids are held, not the memories."""
        places: dict[ChainId, tuple[datetime, MemoryId]] = {}
        current: dict[ChainId, MemoryId] = {}
        async for chain in every(partial(self._memories.list, scope, wanted=MemoryFilter()), size=_PAGE):
            places[chain.chain_id] = (chain.versions[0].created_at, chain.versions[0].memory_id)
            current[chain.chain_id] = chain.current.memory_id
        ordered = sorted(places, key=lambda chain_id: places[chain_id])
        for start in range(0, len(ordered), _PAGE):
            for found in await self._memories.chains(scope, ordered[start : start + _PAGE]):
                if found is not None:
                    yield _memory(found, current)


class _Moved:
    """The messages that stand at other places in the archive, because forgotten ones before them are not in it."""

    def __init__(self) -> None:
        self._places: dict[Source, int] = {}

    def up(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Return a session's messages at their places in the archive."""
        self._places |= {source_of(message): place for place, message in enumerate(messages) if message.index != place}
        return [replace(message, index=place) for place, message in enumerate(messages)]

    def session(self, session: ArchivedSession) -> ArchivedSession:
        """Return a session whose messages were moved up before, and what is missing in it are places in the archive."""
        if session.missing is None:
            return session
        missing = self._sources([Source(session.session_id, place) for place in session.missing])
        return replace(session, missing=frozenset(source.message_index for source in missing))

    def memory(self, memory: ArchivedMemory) -> ArchivedMemory:
        """Return a memory whose sources are places in the archive."""
        return replace(
            memory, versions=tuple(replace(version, sources=self._sources(version.sources)) for version in memory.versions)
        )

    def conflict(self, archived: ArchivedConflict) -> ArchivedConflict:
        """Return a conflict whose sources are places in the archive."""
        candidate = archived.conflict.candidate
        candidate = replace(candidate, sources=self._sources(candidate.sources))
        return replace(archived, conflict=replace(archived.conflict, candidate=candidate))

    def _sources(self, sources: Sequence[Source]) -> tuple[Source, ...]:
        return tuple(source._replace(message_index=self._places.get(source, source.message_index)) for source in sources)


def _user(user: User) -> ArchivedUser:
    return ArchivedUser(
        user_id=user.user_id,
        metadata=user.metadata,
        merge_conflict_enabled=user.merge_conflict_enabled,
        created_at=user.created_at,
        last_active_at=user.last_active_at,
    )


def _session(session: Session, summary: Summary | None) -> ArchivedSession:
    return ArchivedSession(
        session_id=session.session_id,
        status=session.status,
        created_at=session.created_at,
        custom_created_at=session.custom_created_at,
        metadata=session.metadata,
        auto_process_after=session.auto_process_after,
        processed_at=session.processed_at,
        last_active_at=session.last_active_at,
        summary=None if summary is None else summary.content,
        origin=session.origin,
        remembered_at=session.remembered_at,
        missing=session.missing,
    )


def _as_held(messages: Sequence[Message], held: frozenset[int]) -> Sequence[Message]:
    """Return messages of which only those are told as held that still are: an import holds what it is told so."""
    return [replace(message, kind="") if message.kind == HELD and message.index not in held else message for message in messages]


def _memory(chain: MemoryChain, current: Mapping[ChainId, MemoryId]) -> ArchivedMemory:
    connected = tuple(current[other] for other in chain.connections if other in current)
    return ArchivedMemory(versions=chain.versions, connected=connected)
