"""A user's memory on real engines: a Valkey server, the Qdrant engine and the embedder, without a service around them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from service.domain.documents import DEFAULT_RULES, ChunkRules, Document, NewDocument
from service.domain.ids import ChainId, DocumentId, MemoryId, ProjectId, Scope, UploadId, UserId
from service.domain.memories import MemoryChain, MemoryChange, MemoryVersion, SessionCommit, Source, VersionReason
from service.domain.ports.index import IndexPoint, VectorIndex
from service.domain.ports.models import Embedder
from service.domain.ports.work import IndexedKind
from service.domain.recall import RecallQuery
from service.domain.sessions import MessageRole, NewMessage, NewSession, Session, SessionOrigin, Summary, Visibility
from service.domain.users import NewUser
from service.models import open_embedder
from service.models.splitting import SemanticSplitter
from service.recall.context import ContextBuilder
from service.recall.documents import DocumentRecaller
from service.recall.recaller import Recaller
from service.storage.embedded import open_index
from service.storage.embedded.valkey import Fsync, start_valkey
from service.storage.embedded.vector_engine import start_engine
from service.storage.redis import RedisStores, open_stores
from service.usecases.documents.cutting import cut
from service.usecases.indexing.points import PointMaker
from service.usecases.indexing.sync import SyncIndex
from service.usecases.indexing.truth import Record, TruthReader

PROJECT = ProjectId("recall-tests")
NOON = datetime(2023, 5, 8, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The engines, and what puts the index in step with the records."""

    stores: RedisStores
    index: VectorIndex
    embedder: Embedder
    sync: SyncIndex
    sync_bulk: SyncIndex

    @property
    def recaller(self) -> Recaller:
        """A recaller over all of it."""
        return Recaller(index=self.index, embedder=self.embedder, sessions=self.stores.sessions, memories=self.stores.memories)

    @property
    def documents(self) -> DocumentRecaller:
        """What finds passages of documents."""
        return DocumentRecaller(index=self.index, embedder=self.embedder, documents=self.stores.documents)

    @property
    def builder(self) -> ContextBuilder:
        """What builds contexts."""
        stores = self.stores
        return ContextBuilder(
            sessions=stores.sessions, conflicts=stores.conflicts, embedder=self.embedder, documents=self.documents
        )

    async def person(self) -> Person:
        """Return a new user."""
        user = await self.stores.users.create(
            PROJECT, NewUser(user_id=UserId(str(uuid4())), metadata={}, merge_conflict_enabled=None)
        )
        return Person(world=self, scope=user.scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One user whose memory a test fills."""

    world: World
    scope: Scope

    async def says(self, *contents: str, at: datetime = NOON, role: MessageRole = MessageRole.USER) -> Session:
        """Add a session of these messages, begun *at*, and return it. It can be recalled at once."""
        sessions = self.world.stores.sessions
        opened = await sessions.create(self.scope, NewSession(metadata={}, auto_process_after=None, created_at=at))
        messages = [NewMessage(role=role, content=content) for content in contents]
        await sessions.add_messages(self.scope, opened.session_id, messages)
        await self.catch_up()
        return await sessions.get(self.scope, opened.session_id)

    async def remembers(self, *contents: str, session: Session, index: int = 0) -> MemoryChain:
        """Add a memory whose versions say *contents*, oldest first, from one message of *session*, and return it."""
        source = Source(session_id=session.session_id, message_index=index)
        day = session.created_at.replace(hour=0, minute=0, second=0)
        versions = [
            MemoryVersion(
                memory_id=MemoryId(str(uuid4())),
                content=content,
                categories=(),
                entities=(),
                event_start=day,
                event_end=day,
                created_at=session.created_at + timedelta(days=place),
                reason=VersionReason.INITIAL_MEMORY if place == 0 else VersionReason.TEMPORAL_CONFLICT,
                session_id=session.session_id,
                sources=(source,),
            )
            for place, content in enumerate(contents)
        ]
        chain = MemoryChain(chain_id=ChainId(str(uuid4())), versions=(versions[0],))
        for version in versions[1:]:
            chain = chain.extended(version)
        await self.put(chain)
        return chain

    async def put(self, *chains: MemoryChain, drop: Sequence[ChainId] = ()) -> None:
        """Store *chains* as they are, and remove those to *drop*."""
        memories = self.world.stores.memories
        revision = await memories.revision(self.scope)
        await memories.apply(self.scope, MemoryChange(revision=revision, put=chains, drop=tuple(drop)))
        await self.catch_up()

    async def forgetting(self, chain: MemoryChain) -> MemoryChange:
        """Return the change that removes *chain*."""
        return MemoryChange(revision=await self.world.stores.memories.revision(self.scope), drop=(chain.chain_id,))

    def nothing(self, revision: int) -> MemoryChange:
        """Return the change that changes no memory."""
        return MemoryChange(revision=revision)

    async def connects(self, first: MemoryChain, second: MemoryChain) -> None:
        """Connect *first* to *second*."""
        await self.put(replace(first, connections=(second.chain_id,)))

    async def summarises(self, session: Session, content: str) -> None:
        """Process *session* with nothing but a summary."""
        stores = self.world.stores
        await stores.sessions.start_processing(self.scope, session.session_id)
        summary = Summary(
            session_id=session.session_id, content=content, created_at=session.created_at, message_count=session.message_count
        )
        jobs = await stores.jobs.claim("tests", 10)
        (job,) = [job for job in jobs if job.session_id == session.session_id]
        memories = MemoryChange(revision=await stores.memories.revision(self.scope))
        await stores.jobs.commit(job, SessionCommit(memories=memories, summary=summary))
        await self.catch_up()

    async def uploads(
        self, content: str, *, name: str = "notes", document_id: str = "", rules: ChunkRules = DEFAULT_RULES, group: str = ""
    ) -> Document:
        """Upload a document, which a *group* hides from others, and return it. It can be recalled at once."""
        upload_id = UploadId(str(uuid4()))
        pieces = cut(content, rules, upload_id, SemanticSplitter())
        new = NewDocument(
            document_id=DocumentId(document_id or str(uuid4())),
            name=name,
            origin=SessionOrigin(group=group, visibility=Visibility.GROUP if group else Visibility.GLOBAL),
            rules=rules,
            size_bytes=len(content.encode()),
            sections=pieces.sections,
            chunks=pieces.chunks,
            upload_id=upload_id,
        )
        document = await self.world.stores.documents.put(self.scope, new)
        await self.catch_up()
        return document

    async def rewrite_index(self, change: Callable[[IndexPoint], IndexPoint]) -> None:
        """Write every turn and memory of the user to the index again, each point as *change* makes it."""
        world, stores = self.world, self.world.stores
        records = [
            Record(kind, id_)
            for kind in (IndexedKind.TURN, IndexedKind.MEMORY)
            for id_ in await world.index.record_ids(kind, self.scope)
        ]
        truth = await TruthReader(stores.sessions, stores.memories, stores.documents)(self.scope, records)
        points = await PointMaker(stores.sessions, world.embedder)(
            self.scope, {record: one for record, one in truth.items() if one}
        )
        await world.index.upsert([change(point) for point in points])

    async def catch_up(self) -> None:
        """Bring the index in step with the records."""
        while await self.world.sync("tests") or await self.world.sync_bulk("tests"):
            pass

    def asks(self, text: str, **wanted: object) -> RecallQuery:
        """Return a query of this user."""
        query = RecallQuery(scope=self.scope, text=text, now=NOON + timedelta(days=90))
        return replace(query, **wanted)  # type: ignore[arg-type]  # fields by name, checked by the dataclass


@asynccontextmanager
async def open_world() -> AsyncIterator[World]:
    """Start the engines on a directory of their own and stop them at the end."""
    home = Path(tempfile.mkdtemp(prefix="mn", dir="/tmp"))
    async with (
        start_valkey(home / "valkey", home / "v.sock", fsync=Fsync.EVERY_SECOND) as valkey,
        start_engine(home / "index", home / "i.sock") as engine,
        open_stores(valkey.url, buckets=2) as stores,
        open_index(engine.socket) as index,
        open_embedder("minilm", threads=2) as embedder,
    ):
        await index.prepare(model=embedder.model, dimension=embedder.dimension)
        reader = TruthReader(stores.sessions, stores.memories, stores.documents)
        points = PointMaker(stores.sessions, embedder)
        sync, bulk = (SyncIndex(outbox=one, index=index, reader=reader, points=points) for one in (stores.outbox, stores.bulk))
        yield World(stores=stores, index=index, embedder=embedder, sync=sync, sync_bulk=bulk)
    shutil.rmtree(home)
