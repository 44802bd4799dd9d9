"""The composition root: the only place that knows which adapter stands behind which port."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import structlog
from prometheus_client import CollectorRegistry, start_http_server

from service.domain.errors import StorageUnavailable
from service.domain.ports.index import VectorIndex
from service.domain.ports.models import Clock, Embedder, Extractor
from service.domain.values import JsonObject
from service.extraction.embedded import EmbeddedExtractor
from service.extractors import open_extractor
from service.models import open_embedder
from service.recall.context import ContextBuilder
from service.recall.recaller import Recaller
from service.rpc.archives import ArchiveCalls, ArchivesServicer
from service.rpc.conflicts import ConflictCalls, ConflictsServicer
from service.rpc.interceptors import layers
from service.rpc.interceptors.log import RpcMetrics
from service.rpc.memory import MemoryCalls, MemoryServicer
from service.rpc.projects import ProjectCalls, ProjectsServicer
from service.rpc.server import Servicers, running_server
from service.rpc.sessions import SessionCalls, SessionsServicer
from service.rpc.turns import TurnCalls, TurnsServicer
from service.rpc.users import UserCalls, UsersServicer
from service.settings import InvalidSetting, Settings
from service.storage import embedded
from service.storage.redis import RedisStores, open_stores
from service.usecases.archives.export import ExportUser
from service.usecases.archives.restore import ImportMemories
from service.usecases.conflicts.get import GetConflict
from service.usecases.conflicts.list import ListConflicts
from service.usecases.conflicts.resolve import ResolveConflict
from service.usecases.conflicts.settle import SettleConflict
from service.usecases.conflicts.wording import Wording
from service.usecases.indexing.points import PointMaker
from service.usecases.indexing.reindex import Reindex
from service.usecases.indexing.sync import SyncIndex
from service.usecases.indexing.truth import TruthReader
from service.usecases.memory.delete import DeleteMemory
from service.usecases.memory.get import GetMemory
from service.usecases.memory.get_context import GetContext
from service.usecases.memory.get_system_prompt import GetSystemPrompt
from service.usecases.memory.list import ListMemories
from service.usecases.memory.recall import Recall
from service.usecases.memory.stream_context import StreamContext
from service.usecases.processing.plan import Planner
from service.usecases.processing.process_session import ProcessSession
from service.usecases.projects.authenticate import Authenticate
from service.usecases.projects.bootstrap import Bootstrap, Bootstrapped
from service.usecases.projects.create import CreateProject
from service.usecases.projects.create_key import CreateKey
from service.usecases.projects.get import GetProject
from service.usecases.projects.list import ListProjects
from service.usecases.projects.list_keys import ListKeys
from service.usecases.projects.revoke_key import RevokeKey
from service.usecases.projects.update import UpdateProject
from service.usecases.sessions.add_messages import AddMessages
from service.usecases.sessions.create import CreateSession
from service.usecases.sessions.delete import DeleteSession
from service.usecases.sessions.get import GetSession
from service.usecases.sessions.list import ListSessions
from service.usecases.sessions.list_messages import ListMessages
from service.usecases.sessions.process import StartProcessing
from service.usecases.sessions.resume import ResumeSession
from service.usecases.sessions.update import UpdateSession
from service.usecases.turns.open import OpenTurn
from service.usecases.turns.places import Places
from service.usecases.turns.store import StoreTurn
from service.usecases.users.create import CreateUser
from service.usecases.users.delete import DeleteUser
from service.usecases.users.get import GetUser
from service.usecases.users.list import ListUsers
from service.usecases.users.list_recent_messages import ListRecentMessages
from service.usecases.users.update import UpdateUser
from service.worker import Worker, WorkerMetrics, WorkerOptions, working

T = TypeVar("T")

_PEPPER_FILE = "key_pepper"
_START_PATIENCE = timedelta(seconds=60)
_START_PAUSE = 0.1


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the present, in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """Everything that Mneme does, without a server: what the servicers, the worker and the command line call."""

    stores: RedisStores
    index: VectorIndex
    embedder: Embedder
    users: UserCalls
    sessions: SessionCalls
    memory: MemoryCalls
    conflicts: ConflictCalls
    projects: ProjectCalls
    turns: TurnCalls
    archives: ArchiveCalls
    authenticate: Authenticate
    bootstrap: Bootstrap
    process_session: ProcessSession
    settle_conflict: SettleConflict
    sync_index: SyncIndex
    reindex: Reindex

    async def prepare_index(self) -> None:
        """Make the index ready for the configured embedder, waiting for it to come up. Raises IndexModelMismatch."""
        await _patiently(lambda: self.index.prepare(model=self.embedder.model, dimension=self.embedder.dimension))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningService:
    """A service that takes calls at *address*, `host:port` or `unix:<path>`."""

    address: str
    application: Application
    bootstrapped: Bootstrapped

    def events(self) -> Iterator[JsonObject]:
        """Yield what whoever started the process must know, to be written to standard output as one JSON object a line."""
        made = self.bootstrapped
        yield {"event": "bootstrap", "project_id": made.project_id, "api_key": made.api_key}
        yield {"event": "listening", "grpc": self.address}


@asynccontextmanager
async def open_application(
    settings: Settings, *, clock: Clock | None = None, registry: CollectorRegistry | None = None
) -> AsyncIterator[Application]:
    """
    Connect to the stores and build the use cases, whose metrics go to *registry*.

    Raises InvalidSetting when no store or no index is named, StorageUnavailable when the store does not come up.
    """
    if settings.redis_url is None:
        raise InvalidSetting("MNEME_REDIS_URL", "is not set: name a server, or run `mneme serve`, which brings one along")
    open_index = _index_opener(settings)
    async with AsyncExitStack() as stack:
        stores = await _entered(stack, lambda: open_stores(str(settings.redis_url), buckets=settings.buckets))
        index = await stack.enter_async_context(open_index)
        embedder = await stack.enter_async_context(open_embedder(settings.embedder, threads=settings.embedder_threads))
        extractor = await stack.enter_async_context(open_extractor(settings, embedder, registry or CollectorRegistry()))
        clock = clock or SystemClock()
        yield build_application(stores, index, embedder, clock, pepper=_pepper(settings), extractor=extractor)


@asynccontextmanager
async def running_service(
    settings: Settings, *, worker: bool = True, clock: Clock | None = None
) -> AsyncIterator[RunningService]:
    """
    Serve gRPC, and do the worker's part unless *worker* is False, until the block is left.

    Raises what `open_application` raises, IndexModelMismatch, and OSError when the address cannot be had.
    """
    log = structlog.get_logger("service")
    registry = CollectorRegistry()
    async with AsyncExitStack() as stack:
        application = await stack.enter_async_context(open_application(settings, clock=clock, registry=registry))
        await application.prepare_index()
        bootstrapped = await application.bootstrap(project_id=settings.bootstrap_project_id, api_key=settings.bootstrap_api_key)
        _serve_metrics(stack, settings, registry)
        if worker:
            await stack.enter_async_context(_working(application, settings, registry))
        # entered last: new calls are refused before the worker stops
        address = await stack.enter_async_context(
            running_server(
                settings.grpc_listen,
                _servicers(application),
                layers(
                    log=log,
                    metrics=RpcMetrics(registry),
                    authenticate=application.authenticate,
                    deadline=settings.call_timeout,
                ),
                grace=settings.shutdown_grace,
            )
        )
        log.info("service started", address=address, worker=worker)
        yield RunningService(address=address, application=application, bootstrapped=bootstrapped)
        log.info("service stopping")


@asynccontextmanager
async def running_worker(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Application]:
    """Do the worker's part alone until the block is left. Raises what `open_application` raises, and IndexModelMismatch."""
    registry = CollectorRegistry()
    async with AsyncExitStack() as stack:
        application = await stack.enter_async_context(open_application(settings, clock=clock, registry=registry))
        await application.prepare_index()
        _serve_metrics(stack, settings, registry)
        await stack.enter_async_context(_working(application, settings, registry))
        yield application


def build_application(
    stores: RedisStores,
    index: VectorIndex,
    embedder: Embedder,
    clock: Clock,
    *,
    pepper: bytes,
    extractor: Extractor | None = None,
) -> Application:
    """Return the use cases over these adapters; *pepper* is what API keys are hashed under, *extractor* by default embedded."""
    projects, users, sessions, memories = stores.projects, stores.users, stores.sessions, stores.memories
    project_calls = _project_calls(stores, clock, pepper=pepper)
    extractor = extractor or EmbeddedExtractor(embedder)
    recaller = Recaller(index=index, embedder=embedder, sessions=sessions, memories=memories)
    builder = ContextBuilder(sessions=sessions, conflicts=stores.conflicts, embedder=embedder)
    places = Places(users, sessions)
    planner = Planner(
        memories=memories, conflicts=stores.conflicts, index=index, outbox=stores.outbox, embedder=embedder, extractor=extractor
    )
    return Application(
        stores=stores,
        index=index,
        embedder=embedder,
        users=UserCalls(
            create=CreateUser(users),
            list=ListUsers(users),
            get=GetUser(users),
            update=UpdateUser(users),
            delete=DeleteUser(users),
            list_recent_messages=ListRecentMessages(users, sessions),
        ),
        sessions=_session_calls(stores),
        memory=_memory_calls(stores, recaller, builder, clock),
        conflicts=_conflict_calls(stores),
        projects=project_calls,
        turns=TurnCalls(open=OpenTurn(places, recaller, builder, clock), store=StoreTurn(places, sessions)),
        archives=ArchiveCalls(export=ExportUser(users, sessions, memories), restore=ImportMemories(stores.archives)),
        authenticate=Authenticate(projects, pepper=pepper),
        bootstrap=Bootstrap(projects, project_calls.create, project_calls.create_key, pepper=pepper),
        process_session=ProcessSession(
            projects=projects, users=users, sessions=sessions, jobs=stores.jobs, extractor=extractor, planner=planner, clock=clock
        ),
        settle_conflict=SettleConflict(
            conflicts=stores.conflicts,
            memories=memories,
            jobs=stores.jobs,
            wording=Wording(extractor, embedder, clock),
            clock=clock,
        ),
        sync_index=SyncIndex(
            outbox=stores.outbox,
            index=index,
            reader=TruthReader(sessions, memories),
            points=PointMaker(sessions, embedder),
        ),
        reindex=Reindex(index=index, embedder=embedder, outbox=stores.outbox),
    )


def _session_calls(stores: RedisStores) -> SessionCalls:
    users, sessions, memories = stores.users, stores.sessions, stores.memories
    return SessionCalls(
        create=CreateSession(users, sessions),
        resume=ResumeSession(users, sessions),
        list=ListSessions(users, sessions),
        get=GetSession(users, sessions, memories),
        update=UpdateSession(users, sessions),
        delete=DeleteSession(users, sessions, memories, stores.conflicts),
        add_messages=AddMessages(users, sessions),
        list_messages=ListMessages(users, sessions),
        process=StartProcessing(users, sessions),
    )


def _memory_calls(stores: RedisStores, recaller: Recaller, builder: ContextBuilder, clock: Clock) -> MemoryCalls:
    users, sessions, memories = stores.users, stores.sessions, stores.memories
    get_context = GetContext(users, sessions, recaller, builder, clock)
    return MemoryCalls(
        recall=Recall(users, recaller, clock),
        get_context=get_context,
        stream_context=StreamContext(get_context),
        get_system_prompt=GetSystemPrompt(),
        list=ListMemories(stores.projects, users, memories, stores.conflicts),
        get=GetMemory(users, memories, stores.conflicts),
        delete=DeleteMemory(users, memories, stores.conflicts),
    )


def _conflict_calls(stores: RedisStores) -> ConflictCalls:
    users, conflicts = stores.users, stores.conflicts
    return ConflictCalls(
        list=ListConflicts(users, conflicts), get=GetConflict(users, conflicts), resolve=ResolveConflict(users, conflicts)
    )


def _project_calls(stores: RedisStores, clock: Clock, *, pepper: bytes) -> ProjectCalls:
    projects = stores.projects
    return ProjectCalls(
        create=CreateProject(projects, clock),
        list=ListProjects(projects),
        get=GetProject(projects),
        update=UpdateProject(projects),
        create_key=CreateKey(projects, clock, pepper=pepper),
        list_keys=ListKeys(projects),
        revoke_key=RevokeKey(projects),
    )


def _servicers(application: Application) -> Servicers:
    return Servicers(
        users=UsersServicer(application.users),
        sessions=SessionsServicer(application.sessions),
        memory=MemoryServicer(application.memory),
        conflicts=ConflictsServicer(application.conflicts),
        projects=ProjectsServicer(application.projects),
        turns=TurnsServicer(application.turns),
        archives=ArchivesServicer(application.archives),
    )


def _working(application: Application, settings: Settings, registry: CollectorRegistry) -> AbstractAsyncContextManager[None]:
    worker = Worker(
        jobs=application.stores.jobs,
        process_session=application.process_session,
        settle_conflict=application.settle_conflict,
        sync_index=application.sync_index,
        log=structlog.get_logger("worker"),
        metrics=WorkerMetrics(registry),
        options=WorkerOptions(concurrency=settings.workers, max_attempts=settings.max_attempts),
    )
    return working(worker, grace=settings.shutdown_grace)


def _index_opener(settings: Settings) -> AbstractAsyncContextManager[VectorIndex]:
    if settings.qdrant_url is not None:
        from service.storage import qdrant  # noqa: PLC0415 - its client takes as long to import as everything else together

        return qdrant.open_index(settings.qdrant_url, api_key=settings.qdrant_api_key)
    if settings.index_socket is not None:
        return embedded.open_index(settings.index_socket)
    raise InvalidSetting("MNEME_QDRANT_URL", "is not set: name a server, or run `mneme serve`, which brings an engine along")


async def _entered(stack: AsyncExitStack, opener: Callable[[], AbstractAsyncContextManager[T]]) -> T:
    return await _patiently(lambda: stack.enter_async_context(opener()))


async def _patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """Return what *attempt* returns, trying again while a store that starts at the same time is not up yet."""
    deadline = asyncio.get_running_loop().time() + _START_PATIENCE.total_seconds()
    while True:
        try:
            return await attempt()
        except StorageUnavailable:
            if asyncio.get_running_loop().time() >= deadline:
                raise
            await asyncio.sleep(_START_PAUSE)


def _serve_metrics(stack: AsyncExitStack, settings: Settings, registry: CollectorRegistry) -> None:
    if settings.metrics_listen is None:
        return
    host, _, port = settings.metrics_listen.rpartition(":")
    if not port.isdecimal():
        raise InvalidSetting("MNEME_METRICS_LISTEN", "must be host:port")
    server, _ = start_http_server(int(port), addr=host or "127.0.0.1", registry=registry)
    stack.callback(server.shutdown)


def _pepper(settings: Settings) -> bytes:
    """Return the pepper of API keys: the configured one, else the data directory's, made on the first start."""
    if settings.key_pepper is not None:
        return settings.key_pepper.encode()
    path = settings.data_dir / _PEPPER_FILE
    if not path.exists():
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_once(path, secrets.token_hex(32))
    return path.read_text().strip().encode()


def _write_once(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all, unless another process was first."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    try:
        # unlike a rename, a link does not take the place of what is there
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
