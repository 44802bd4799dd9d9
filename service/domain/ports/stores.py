"""
The record stores: the truth of Mneme.

Every call takes a `Scope` or a project id and can reach nothing outside it. Every write is atomic and durable when it returns.
A store that cannot be reached raises StorageUnavailable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from service.domain.archives import ArchivedCollection, ArchivedUser, RestoredSession
from service.domain.conflicts import Conflict, ConflictFilter
from service.domain.deletions import Deletion
from service.domain.documents import NewDocument
from service.domain.ids import (
    ChainId,
    ConflictId,
    KeyId,
    MemoryId,
    ProjectId,
    Scope,
    SessionId,
    UserId,
)
from service.domain.memories import MemoryChain, MemoryChange, MemoryFilter, Source
from service.domain.projects import ApiKey, Project, ProjectSettings
from service.domain.sessions import Message, NewMessage, NewSession, Session, SessionFilter, Summary
from service.domain.users import NewUser, User, UserUpdate
from service.domain.values import JsonObject, Page, PageRequest


class ProjectStore(Protocol):
    """Projects and their keys."""

    async def create(self, project: Project) -> Project:
        """Store a new project; its `created_at` is kept. Raises ProjectAlreadyExists."""
        ...

    async def get(self, project_id: ProjectId) -> Project:
        """Return the project. Raises ProjectNotFound."""
        ...

    async def list(self, page: PageRequest) -> Page[Project]:
        """Return one page of projects, newest first."""
        ...

    async def update(self, project_id: ProjectId, *, name: str | None, settings: ProjectSettings | None) -> Project:
        """Replace what is not None. Raises ProjectNotFound."""
        ...

    async def add_key(self, key: ApiKey) -> None:
        """Store a new key of an existing project. Raises ProjectNotFound."""
        ...

    async def get_key(self, key_id: KeyId) -> ApiKey | None:
        """Return the key, revoked or not, or None."""
        ...

    async def list_keys(self, project_id: ProjectId) -> Sequence[ApiKey]:
        """Return every key of the project, newest first. Raises ProjectNotFound."""
        ...

    async def revoke_key(self, project_id: ProjectId, key_id: KeyId) -> None:
        """Mark the key as revoked now; a revoked one keeps its time. Raises ApiKeyNotFound."""
        ...


class UserStore(Protocol):
    """Users. The id that a caller gives is a claim that only one user of a project can hold."""

    async def create(self, project_id: ProjectId, user: NewUser, *, idempotency_key: str | None = None) -> User:
        """Store a new user. Raises UserAlreadyExists, IdempotencyKeyReused."""
        ...

    async def get(self, project_id: ProjectId, user_id: UserId) -> User:
        """Return the user. Raises UserNotFound."""
        ...

    async def of(self, scope: Scope) -> User:
        """Return the user of a scope that was made before. Raises UserNotFound when it was deleted since."""
        ...

    async def list(self, project_id: ProjectId, page: PageRequest, *, metadata: JsonObject | None = None) -> Page[User]:
        """Return one page of the users whose metadata contains *metadata*, newest first."""
        ...

    async def update(self, project_id: ProjectId, user_id: UserId, update: UserUpdate) -> User:
        """Change a user and return it as it is then. Raises UserNotFound, UserAlreadyExists."""
        ...

    async def delete(self, project_id: ProjectId, user_id: UserId, *, deletion: Deletion | None = None) -> None:
        """
        Remove the user and everything under its scope; index entries go through the outbox.

        With a *deletion* a receipt of it follows, with the counts of what went. Raises UserNotFound, LegalHold.
        """
        ...


class SessionStore(Protocol):
    """Sessions, messages and summaries of one user."""

    async def create(self, scope: Scope, session: NewSession, *, idempotency_key: str | None = None) -> Session:
        """Open a session and mark the user as active. Raises IdempotencyKeyReused."""
        ...

    async def resume(
        self,
        scope: Scope,
        timeout: timedelta,  # noqa: ASYNC109 - a span of inactivity, no deadline of the call
        session: NewSession,
        *,
        at: datetime | None = None,
    ) -> tuple[Session, bool]:
        """
        Return the newest pending session active within *timeout* and False, or open *session* and return it and True.

        Only a session with the origin of *session* is continued, the same thread, group and visibility, and with its
        `process_within`. With *at*, a session was active from its start to its newest message, by their own times, and *timeout*
        is counted from *at* in both directions.
        """
        ...

    async def get(self, scope: Scope, session_id: SessionId) -> Session:
        """Return the session. Raises SessionNotFound."""
        ...

    async def within(self, scope: Scope, *, thread: str | None = None, group: str | None = None) -> frozenset[SessionId]:
        """Return the sessions of a thread, of a group, or of both at once. At least one must be given."""
        ...

    async def hidden(self, scope: Scope, *, thread: str = "", group: str = "") -> frozenset[SessionId]:
        """Return the sessions that are not to be recalled from within this thread and group, by their visibility."""
        ...

    async def list(self, scope: Scope, page: PageRequest, wanted: SessionFilter) -> Page[Session]:
        """Return one page of sessions, newest first."""
        ...

    async def update(self, scope: Scope, session_id: SessionId, metadata: JsonObject) -> Session:
        """Replace the metadata, in any status. Raises SessionNotFound."""
        ...

    async def delete(self, scope: Scope, session_id: SessionId, memories: MemoryChange) -> None:
        """
        Remove the session, its messages and summary, and change the memories that it created. Whatever breaks off, all of it
        is done or nothing.

        Raises SessionNotFound; LegalHold when messages of it are held; ConcurrentChange when the memories moved on.
        """
        ...

    async def held(self, scope: Scope) -> Mapping[SessionId, frozenset[int]]:
        """Return the places of the messages that are held for legal reasons, by their session; most users have none."""
        ...

    async def release(self, scope: Scope, session_id: SessionId, places: frozenset[int]) -> None:
        """End the legal hold of the messages at some *places*. Raises ConcurrentChange when others came under it meanwhile."""
        ...

    async def add_messages(
        self, scope: Scope, session_id: SessionId, messages: Sequence[NewMessage], *, idempotency_key: str | None = None
    ) -> Sequence[Message]:
        """
        Append messages, restart the timer, mark the user as active and queue index entries, in one step.

        The time of a message that has none is the server's, or in a session with a custom start that time plus one second per
        message. Raises SessionNotFound, SessionNotWritable, IdempotencyKeyReused.
        """
        ...

    async def added(self, scope: Scope, idempotency_key: str) -> bool:
        """Return whether messages came with this key within a day, to any session of the user."""
        ...

    async def add_once(self, scope: Scope, session_id: SessionId, message: NewMessage, *, name: str) -> tuple[Source, bool]:
        """
        Append a message as `add_messages` does, unless one of this *name* came to any session of the user within a day.

        Return where the first of this name is, and whether it had come before. Raises SessionNotFound, SessionNotWritable.
        """
        ...

    async def added_once(self, scope: Scope, name: str) -> Source | None:
        """Return where the message of this *name* is that came within a day, or None."""
        ...

    async def messages(
        self, scope: Scope, session_id: SessionId, page: PageRequest, *, with_forgotten: bool = False
    ) -> Page[Message]:
        """Return one page of messages, oldest first, those that are forgotten only if asked for. Raises SessionNotFound."""
        ...

    async def messages_at(self, scope: Scope, sources: Sequence[Source]) -> Sequence[Message | None]:
        """Return the messages at *sources* in their order, None for what is not there (any more) or forgotten. One round trip."""
        ...

    async def recent_messages(
        self,
        scope: Scope,
        limit: int,
        *,
        exclude: frozenset[SessionId] = frozenset(),
        only: frozenset[SessionId] | None = None,
    ) -> Sequence[Message]:
        """
        Return the newest *limit* messages over all sessions, or those of *only*, but *exclude*, oldest of them first; none that
        is forgotten.
        """
        ...

    async def summaries(self, scope: Scope, session_ids: Sequence[SessionId]) -> Sequence[Summary | None]:
        """Return the summaries of sessions, None where there is none, in the same order, in one round trip."""
        ...

    async def recent_summaries(
        self, scope: Scope, limit: int, *, exclude: frozenset[SessionId] = frozenset()
    ) -> Sequence[Summary]:
        """Return the newest *limit* summaries, oldest of them first."""
        ...

    async def start_processing(self, scope: Scope, session_id: SessionId) -> Session:
        """
        Mark the session as processing, raise its generation and queue its job, in one step.

        Raises SessionNotFound, SessionNotProcessable.
        """
        ...


class TurnStore(Protocol):
    """What brackets a call of a model. For a user whom the process has met before, each takes one round trip."""

    async def resume(
        self,
        project_id: ProjectId,
        user_id: UserId,
        timeout: timedelta,  # noqa: ASYNC109 - a span of inactivity, no deadline of the call
        session: NewSession,
    ) -> tuple[User, Session, bool]:
        """Return the user, and its session as `SessionStore.resume` does. Raises UserNotFound."""
        ...

    async def add(
        self, project_id: ProjectId, user_id: UserId, session_id: SessionId, parts: Sequence[tuple[str, Sequence[NewMessage]]]
    ) -> None:
        """
        Append *parts*, each a name and messages, in one step; one of whose name some came within a day is passed over.

        Raises UserNotFound, SessionNotFound, SessionNotWritable.
        """
        ...


class MemoryStore(Protocol):
    """Memories of one user. What is shown of a memory always comes from here, never from the index."""

    async def revision(self, scope: Scope) -> int:
        """Return the revision of the user's memories: 0 at first, one more with each change."""
        ...

    async def chains(self, scope: Scope, chain_ids: Sequence[ChainId]) -> Sequence[MemoryChain | None]:
        """Return chains, None where there is none (any more), in the same order, in one round trip."""
        ...

    async def chain_of(self, scope: Scope, memory_id: MemoryId) -> MemoryChain:
        """Return the chain that holds a version. Raises MemoryNotFound."""
        ...

    async def chains_of_session(self, scope: Scope, session_id: SessionId) -> Sequence[MemoryChain]:
        """Return every chain with a version that the session created or that has a source in it."""
        ...

    async def chains_of_sessions(self, scope: Scope, session_ids: Sequence[SessionId]) -> Sequence[MemoryChain]:
        """Return every chain with a version that any of the sessions created or that has a source in any, each once."""
        ...

    async def list(self, scope: Scope, page: PageRequest, wanted: MemoryFilter) -> Page[MemoryChain]:
        """Return one page of chains, newest current version first."""
        ...

    async def categories_in_use(self, project_id: ProjectId) -> frozenset[str]:
        """Return the names of the categories that any memory of the project has had."""
        ...

    async def apply(self, scope: Scope, change: MemoryChange) -> None:
        """Make *change* and queue index entries, in one step. Raises ConcurrentChange when the memories moved on."""
        ...


class ConflictStore(Protocol):
    """Merge conflicts of one user. They are raised, settled and removed together with memories, by a `MemoryChange`."""

    async def get(self, scope: Scope, conflict_id: ConflictId) -> Conflict:
        """Return the conflict. Raises ConflictNotFound."""
        ...

    async def list(self, scope: Scope, page: PageRequest, wanted: ConflictFilter) -> Page[Conflict]:
        """Return one page of conflicts."""
        ...

    async def every(self, scope: Scope) -> Sequence[Conflict]:
        """Return every conflict of the user, newest first."""
        ...

    async def open(self, scope: Scope) -> Sequence[Conflict]:
        """Return every conflict that is not settled yet, newest first."""
        ...

    async def enqueue(self, before: Conflict, after: Conflict, scope: Scope) -> None:
        """
        Store *after* in place of *before* and queue its resolution, in one step, as a change of the memories of its own.

        Raises ConcurrentChange when the conflict is not as it was *before*.
        """
        ...


class ArchiveStore(Protocol):
    """
    Users that come from archives. What is added to a draft is to be seen by nobody; `commit` makes it a user in one step. A draft
    that is neither committed nor discarded within a day is removed.
    """

    async def begin(self, project_id: ProjectId) -> Scope:
        """Begin a draft and return its scope, which becomes the user's."""
        ...

    async def add_session(self, scope: Scope, session: RestoredSession) -> None:
        """Add a session with its messages and summary."""
        ...

    async def add_memories(self, scope: Scope, chains: Sequence[MemoryChain]) -> None:
        """Add memories."""
        ...

    async def add_conflicts(self, scope: Scope, conflicts: Sequence[Conflict]) -> None:
        """Add merge conflicts, as they stand."""
        ...

    async def add_document(self, scope: Scope, document: NewDocument, *, created_at: datetime, uploaded_at: datetime) -> None:
        """Add a document with its chunks. Raises DocumentOfAnotherUser."""
        ...

    async def add_collection(self, scope: Scope, collection: ArchivedCollection) -> None:
        """Add a collection of documents that were added before."""
        ...

    async def commit(self, scope: Scope, user: ArchivedUser) -> User:
        """
        Make the draft a user, queue its index entries, arm its timers, queue sessions that were being processed and conflicts
        that were answered.

        Raises UserAlreadyExists; ConcurrentChange when the draft is gone.
        """
        ...

    async def discard(self, scope: Scope) -> None:
        """Remove a draft. One that was committed stays."""
        ...
