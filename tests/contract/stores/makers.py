"""Makes records for the contract suite of the stores."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from service.domain.ids import ChainId, MemoryId, ProjectId, Scope, SessionId, UserId
from service.domain.memories import MemoryChain, MemoryChange, MemoryVersion, SessionCommit, Source, VersionReason
from service.domain.ports.work import Job
from service.domain.projects import ApiKey, KeyScope, Project
from service.domain.sessions import MessageRole, NewMessage, NewSession, Session, Summary
from service.domain.users import NewUser, User
from service.domain.values import JsonObject, PageRequest
from service.storage.redis import RedisStores

ACME = ProjectId("acme")
GLOBEX = ProjectId("globex {1}: %")
PAST = datetime(2024, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
FIRST_PAGE = PageRequest(offset=0, limit=100)
DAY = timedelta(days=1)

Opener = Callable[..., "object"]


def new_user(user_id: str = "ann", metadata: JsonObject | None = None) -> NewUser:
    """Return a user to create."""
    return NewUser(user_id=UserId(user_id), metadata=metadata or {}, merge_conflict_enabled=None)


def new_session(
    metadata: JsonObject | None = None, *, after: timedelta | None = timedelta(minutes=10), created_at: datetime | None = None
) -> NewSession:
    """Return a session to open."""
    return NewSession(metadata=metadata or {}, auto_process_after=after, created_at=created_at)


def said(*contents: str) -> Sequence[NewMessage]:
    """Return messages of a user."""
    return [NewMessage(role=MessageRole.USER, content=content) for content in contents]


def project(project_id: ProjectId = ACME, name: str = "Acme", created_at: datetime = PAST) -> Project:
    """Return a project."""
    return Project(project_id=project_id, name=name, created_at=created_at)


def api_key(key_id: str = "k1", project_id: ProjectId = ACME, created_at: datetime = PAST) -> ApiKey:
    """Return a key."""
    return ApiKey(
        key_id=key_id,  # type: ignore[arg-type] # NewType of str
        project_id=project_id,
        digest=bytes(range(32)),
        scopes=frozenset({KeyScope.PROJECT}),
        name="main",
        created_at=created_at,
    )


def version(
    content: str = "Ann likes tea",
    *,
    session_id: SessionId | None = None,
    categories: Sequence[str] = ("food",),
    created_at: datetime = PAST,
    sources: Sequence[Source] = (),
) -> MemoryVersion:
    """Return a version of a memory."""
    session_id = session_id or SessionId(str(uuid4()))
    return MemoryVersion(
        memory_id=MemoryId(str(uuid4())),
        content=content,
        categories=tuple(categories),
        entities=("Ann", "tea"),
        event_start=created_at - DAY,
        event_end=created_at,
        created_at=created_at,
        reason=VersionReason.INITIAL_MEMORY,
        session_id=session_id,
        sources=tuple(sources) or (Source(session_id=session_id, message_index=0),),
    )


def chain(*versions: MemoryVersion, connections: Sequence[ChainId] = ()) -> MemoryChain:
    """Return a chain of the versions, or of one made-up version."""
    return MemoryChain(chain_id=ChainId(str(uuid4())), versions=versions or (version(),), connections=tuple(connections))


def put(*chains: MemoryChain, revision: int = 0) -> MemoryChange:
    """Return the change that stores chains."""
    return MemoryChange(revision=revision, put=chains)


def commit(*chains: MemoryChain, revision: int = 0, summary: Summary | None = None) -> SessionCommit:
    """Return what a session brought about."""
    return SessionCommit(memories=put(*chains, revision=revision), summary=summary)


def summary(session: Session, content: str = "They spoke of tea.") -> Summary:
    """Return the summary of a session."""
    return Summary(
        session_id=session.session_id, content=content, created_at=session.created_at, message_count=session.message_count
    )


async def connect(stores: RedisStores) -> None:
    """Open many connections, so that the calls of a race that follows run side by side from their first command on."""
    await asyncio.gather(*(stores.jobs.depth() for _ in range(30)))


@dataclass(frozen=True)
class World:
    """Stores with a user in them, and the steps that many tests begin with."""

    stores: RedisStores
    user: User

    @property
    def scope(self) -> Scope:
        """The user's scope."""
        return self.user.scope

    async def session(self, *contents: str, **about: object) -> Session:
        """Open a session, say *contents* in it and return it as it is then."""
        session = await self.stores.sessions.create(self.scope, new_session(**about))  # type: ignore[arg-type] # passed on as given
        await self.stores.sessions.add_messages(self.scope, session.session_id, said(*contents))
        return await self.stores.sessions.get(self.scope, session.session_id)

    async def job(self, *contents: str, consumer: str = "w1") -> Job:
        """Say *contents* in a new session, start to process it and return its job, leased to *consumer*."""
        session = await self.session(*(contents or ("hello",)))
        await self.stores.sessions.start_processing(self.scope, session.session_id)
        (job,) = await self.stores.jobs.claim(consumer, 10)
        return job

    async def drained_outbox(self) -> set[tuple[str, str]]:
        """Retire every entry of the outbox and return their kinds and record ids."""
        found: set[tuple[str, str]] = set()
        while entries := await self.stores.outbox.claim("drain", 100):
            found |= {(entry.kind, entry.record_id) for entry in entries}
            await self.stores.outbox.retire(entries)
        return found
