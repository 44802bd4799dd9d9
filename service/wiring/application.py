"""The use cases over the adapters, without a server: what the servicers, the worker and the command line call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from threadpoolctl import threadpool_limits

from service.domain.ports.index import VectorIndex
from service.domain.ports.models import Clock, Embedder, Extractor
from service.domain.ports.webhooks import WebhookSender
from service.extraction.embedded import EmbeddedExtractor
from service.recall.context import ContextBuilder
from service.recall.documents import DocumentRecaller
from service.recall.recaller import Recaller
from service.rpc.archives import ArchiveCalls
from service.rpc.claiv_recall import ClaivRecallCalls
from service.rpc.conflicts import ConflictCalls
from service.rpc.deletions import DeletionCalls
from service.rpc.documents import DocumentCalls
from service.rpc.memory import MemoryCalls
from service.rpc.projects import ProjectCalls
from service.rpc.sessions import SessionCalls
from service.rpc.turns import TurnCalls
from service.rpc.usage import UsageCalls
from service.rpc.users import UserCalls
from service.rpc.webhooks import WebhookCalls
from service.settings import InvalidSetting, Settings
from service.storage.redis import RedisStores, open_stores
from service.usecases.archives.export import ExportUser
from service.usecases.archives.restore import ImportMemories
from service.usecases.conflicts.get import GetConflict
from service.usecases.conflicts.list import ListConflicts
from service.usecases.conflicts.resolve import ResolveConflict
from service.usecases.conflicts.settle import SettleConflict
from service.usecases.conflicts.wording import Wording
from service.usecases.deletions.forget import Forget
from service.usecases.deletions.get_receipt import GetReceipt
from service.usecases.deletions.holds import Holds
from service.usecases.deletions.list_receipts import ListReceipts
from service.usecases.deletions.plan import ForgetPlanner
from service.usecases.deletions.release_hold import ReleaseHold
from service.usecases.deletions.verify_receipts import VerifyReceipts
from service.usecases.documents.erase import EraseDocuments
from service.usecases.events.ingest import IngestEvent
from service.usecases.indexing.points import PointMaker
from service.usecases.indexing.reindex import Reindex
from service.usecases.indexing.sync import BATCH, BULK_BATCH, SyncIndex
from service.usecases.indexing.truth import TruthReader
from service.usecases.interactions.track import TrackInteraction
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
from service.usecases.projects.bootstrap import Bootstrap
from service.usecases.projects.create import CreateProject
from service.usecases.projects.create_key import CreateKey
from service.usecases.projects.get import GetProject
from service.usecases.projects.list import ListProjects
from service.usecases.projects.list_keys import ListKeys
from service.usecases.projects.retain import ApplyRetention
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
from service.usecases.usage.admit import Admit
from service.usecases.usage.get import GetUsage
from service.usecases.usage.limits import GetUsageLimits
from service.usecases.usage.record import RecordUsage
from service.usecases.users.create import CreateUser
from service.usecases.users.delete import DeleteUser
from service.usecases.users.get import GetUser
from service.usecases.users.list import ListUsers
from service.usecases.users.list_recent_messages import ListRecentMessages
from service.usecases.users.update import UpdateUser
from service.usecases.webhooks.deliver import DeliverEvent
from service.usecases.webhooks.expire import ExpireDeliveries
from service.webhooks import HttpSender
from service.wiring.adapters import SystemClock, configured_embedder, entered, open_index, patiently, pepper_of
from service.wiring.claiv import claiv_recall_calls
from service.wiring.documents import document_calls
from service.wiring.language import Readers, open_readers
from service.wiring.webhooks import configured_sender, told_webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """Everything that Mneme does, without a server: what the servicers, the worker and the command line call."""

    stores: RedisStores
    index: VectorIndex
    embedder: Embedder
    clock: Clock
    users: UserCalls
    sessions: SessionCalls
    memory: MemoryCalls
    conflicts: ConflictCalls
    projects: ProjectCalls
    turns: TurnCalls
    archives: ArchiveCalls
    documents: DocumentCalls
    usage: UsageCalls
    webhooks: WebhookCalls
    track: TrackInteraction
    ingest: IngestEvent
    claiv_recall: ClaivRecallCalls
    deletions: DeletionCalls
    authenticate: Authenticate
    bootstrap: Bootstrap
    process_session: ProcessSession
    settle_conflict: SettleConflict
    sync_index: SyncIndex
    sync_bulk: SyncIndex
    apply_retention: ApplyRetention
    deliver_event: DeliverEvent
    expire_deliveries: ExpireDeliveries
    reindex: Reindex

    async def prepare_index(self) -> None:
        """Make the index ready for the configured embedder, waiting for it to come up. Raises IndexModelMismatch."""
        await patiently(lambda: self.index.prepare(model=self.embedder.model, dimension=self.embedder.dimension))


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
    index_opener = open_index(settings)
    async with AsyncExitStack() as stack:
        # small products gain nothing by more threads, which wait for each other on the processors that embed
        stack.enter_context(threadpool_limits(limits=1, user_api="blas"))
        stores = await entered(stack, lambda: open_stores(str(settings.redis_url), buckets=settings.buckets))
        index = await stack.enter_async_context(index_opener)
        embedder = await entered(stack, lambda: configured_embedder(settings))
        readers = await stack.enter_async_context(open_readers(settings, embedder, registry or CollectorRegistry()))
        sender = await stack.enter_async_context(aclosing(configured_sender(settings)))
        clock = clock or SystemClock()
        yield build_application(stores, index, embedder, clock, pepper=pepper_of(settings), readers=readers, sender=sender)


def build_application(
    stores: RedisStores,
    index: VectorIndex,
    embedder: Embedder,
    clock: Clock,
    *,
    pepper: bytes,
    readers: Readers | None = None,
    sender: WebhookSender | None = None,
) -> Application:
    """
    Return the use cases over these adapters.

    *pepper* is what API keys are hashed under and webhook secrets are made with. *readers* are by default rules, and *sender* one
    that no origin is listed for.
    """
    projects, users, sessions, memories = stores.projects, stores.users, stores.sessions, stores.memories
    project_calls = _project_calls(stores, clock, pepper=pepper)
    readers = readers or Readers(extractor=EmbeddedExtractor(embedder))
    recaller = Recaller(index=index, embedder=embedder, sessions=sessions, memories=memories, driver=readers.driver)
    found = DocumentRecaller(index=index, embedder=embedder, documents=stores.documents)
    builder = ContextBuilder(sessions=sessions, conflicts=stores.conflicts, embedder=embedder, documents=found)
    session_calls = _session_calls(stores)
    told = told_webhooks(stores, sender or HttpSender(), clock, pepper=pepper)
    planner = _planner(stores, index, embedder, readers.extractor)
    sync_index = index_sync(stores, index, embedder)
    return Application(
        stores=stores,
        index=index,
        embedder=embedder,
        clock=clock,
        users=_user_calls(stores, sync_index, clock),
        sessions=session_calls,
        memory=_memory_calls(stores, recaller, builder, clock),
        conflicts=_conflict_calls(stores),
        projects=project_calls,
        turns=_turn_calls(stores, recaller, builder, clock),
        ingest=IngestEvent(users, sessions, stores.event_names),
        claiv_recall=claiv_recall_calls(stores, recaller, found, index, embedder=embedder, clock=clock),
        archives=_archive_calls(stores),
        documents=document_calls(stores, found),
        usage=_usage_calls(stores, clock),
        webhooks=told.calls,
        track=TrackInteraction(users, sessions),
        deletions=_deletion_calls(stores, index, sync_index, clock),
        authenticate=Authenticate(projects, pepper=pepper),
        bootstrap=Bootstrap(projects, project_calls.create, project_calls.create_key, pepper=pepper),
        process_session=_process_session(stores, planner, readers.extractor, clock),
        settle_conflict=_settle_conflict(stores, readers.extractor, embedder, clock),
        sync_index=sync_index,
        sync_bulk=index_sync(stores, index, embedder, bulk=True),
        apply_retention=ApplyRetention(projects, users, sessions, session_calls.delete, clock),
        deliver_event=told.deliver,
        expire_deliveries=told.expire,
        reindex=Reindex(index=index, embedder=embedder, outbox=stores.outbox),
    )


def _process_session(stores: RedisStores, planner: Planner, extractor: Extractor, clock: Clock) -> ProcessSession:
    return ProcessSession(
        projects=stores.projects,
        users=stores.users,
        sessions=stores.sessions,
        memories=stores.memories,
        jobs=stores.jobs,
        extractor=extractor,
        planner=planner,
        clock=clock,
    )


def _settle_conflict(stores: RedisStores, extractor: Extractor, embedder: Embedder, clock: Clock) -> SettleConflict:
    return SettleConflict(
        conflicts=stores.conflicts,
        memories=stores.memories,
        jobs=stores.jobs,
        wording=Wording(extractor, embedder, clock),
        clock=clock,
    )


def _user_calls(stores: RedisStores, sync_index: SyncIndex, clock: Clock) -> UserCalls:
    users = stores.users
    return UserCalls(
        create=CreateUser(users),
        list=ListUsers(users),
        get=GetUser(users),
        update=UpdateUser(users),
        delete=DeleteUser(users, stores.forgets, sync_index, clock),
        list_recent_messages=ListRecentMessages(users, stores.sessions),
    )


def index_sync(stores: RedisStores, index: VectorIndex, embedder: Embedder, *, bulk: bool = False) -> SyncIndex:
    """Return what brings the index up to date, or with *bulk* the part of it that may take long."""
    return SyncIndex(
        outbox=stores.bulk if bulk else stores.outbox,
        index=index,
        reader=TruthReader(stores.sessions, stores.memories, stores.documents),
        points=PointMaker(stores.sessions, embedder),
        batch=BULK_BATCH if bulk else BATCH,
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
        recall=Recall(users, sessions, recaller, clock),
        get_context=get_context,
        stream_context=StreamContext(get_context),
        get_system_prompt=GetSystemPrompt(),
        list=ListMemories(stores.projects, users, memories, stores.conflicts),
        get=GetMemory(users, memories, stores.conflicts),
        delete=DeleteMemory(users, memories, stores.conflicts, Holds(sessions)),
    )


def _deletion_calls(stores: RedisStores, index: VectorIndex, sync_index: SyncIndex, clock: Clock) -> DeletionCalls:
    receipts = stores.receipts
    return DeletionCalls(
        forget=Forget(
            users=stores.users,
            forgets=stores.forgets,
            receipts=receipts,
            planner=ForgetPlanner(stores.sessions, stores.memories, stores.conflicts),
            holds=Holds(stores.sessions),
            sync=sync_index,
            clock=clock,
            documents=EraseDocuments(stores.documents, index, stores.bulk),
        ),
        list_receipts=ListReceipts(receipts),
        get_receipt=GetReceipt(receipts),
        verify_receipts=VerifyReceipts(receipts),
        release_hold=ReleaseHold(stores.users, stores.sessions),
    )


def _conflict_calls(stores: RedisStores) -> ConflictCalls:
    users, conflicts = stores.users, stores.conflicts
    return ConflictCalls(
        list=ListConflicts(users, conflicts), get=GetConflict(users, conflicts), resolve=ResolveConflict(users, conflicts)
    )


def _planner(stores: RedisStores, index: VectorIndex, embedder: Embedder, extractor: Extractor) -> Planner:
    return Planner(
        memories=stores.memories,
        conflicts=stores.conflicts,
        index=index,
        outbox=stores.outbox,
        embedder=embedder,
        extractor=extractor,
    )


def _turn_calls(stores: RedisStores, recaller: Recaller, builder: ContextBuilder, clock: Clock) -> TurnCalls:
    places = Places(stores.users, stores.sessions, stores.turns)
    return TurnCalls(open=OpenTurn(places, stores.sessions, recaller, builder, clock), store=StoreTurn(places, stores.turns))


def _archive_calls(stores: RedisStores) -> ArchiveCalls:
    export = ExportUser(stores.users, stores.sessions, stores.memories, stores.conflicts, stores.documents)
    return ArchiveCalls(export=export, restore=ImportMemories(stores.archives))


def _usage_calls(stores: RedisStores, clock: Clock) -> UsageCalls:
    get = GetUsage(stores.usage, clock)
    return UsageCalls(
        get=get,
        limits=GetUsageLimits(stores.projects, stores.usage, get, clock),
        admit=Admit(stores.projects, stores.usage, clock),
        record=RecordUsage(stores.usage, clock),
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
