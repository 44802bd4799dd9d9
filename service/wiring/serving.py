"""The processes: a service with its server and worker, or a worker alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog
from prometheus_client import CollectorRegistry, start_http_server

from service.domain.ports.models import Clock
from service.domain.values import JsonObject
from service.rpc.archives import ArchivesServicer
from service.rpc.claiv_deletions import ClaivDeletionsServicer
from service.rpc.claiv_documents import ClaivDocumentsServicer
from service.rpc.claiv_events import ClaivEventsServicer
from service.rpc.claiv_recall import ClaivRecallServicer
from service.rpc.claiv_usage import ClaivUsageServicer
from service.rpc.conflicts import ConflictsServicer
from service.rpc.deletions import DeletionsServicer
from service.rpc.documents import DocumentsServicer
from service.rpc.interceptors import layers
from service.rpc.interceptors.log import RpcMetrics
from service.rpc.memory import MemoryServicer
from service.rpc.projects import ProjectsServicer
from service.rpc.reconify import ReconifyServicer
from service.rpc.server import Servicers, running_server
from service.rpc.sessions import SessionsServicer
from service.rpc.turns import TurnsServicer
from service.rpc.usage import UsageServicer
from service.rpc.users import UsersServicer
from service.rpc.webhooks import WebhooksServicer
from service.settings import InvalidSetting, Settings
from service.usecases.projects.bootstrap import Bootstrapped
from service.usecases.usage.record import recording
from service.wiring.application import Application, open_application
from service.worker import Worker, WorkerMetrics, WorkerOptions, working


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
        await stack.enter_async_context(recording(application.usage.record))
        # entered last: new calls are refused before the worker stops
        address = await stack.enter_async_context(serving_calls(application, settings, registry))
        log.info("service started", address=address, worker=worker)
        yield RunningService(address=address, application=application, bootstrapped=bootstrapped)
        log.info("service stopping")


def serving_calls(application: Application, settings: Settings, registry: CollectorRegistry) -> AbstractAsyncContextManager[str]:
    """Serve every call of the contract over *application* inside the layers, and give the address that a client dials."""
    around = layers(
        # bound once: what `get_logger` returns binds itself anew for each line
        log=structlog.get_logger("service").bind(),
        metrics=RpcMetrics(registry),
        authenticate=application.authenticate,
        admit=application.usage.admit,
        record=application.usage.record,
        deadline=settings.call_timeout,
    )
    return running_server(
        settings.grpc_listen, _servicers(application), around, grace=settings.shutdown_grace, socket=settings.service_socket
    )


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


def _servicers(application: Application) -> Servicers:
    usage = UsageServicer(application.usage)
    return Servicers(
        users=UsersServicer(application.users),
        sessions=SessionsServicer(application.sessions),
        memory=MemoryServicer(application.memory),
        conflicts=ConflictsServicer(application.conflicts),
        projects=ProjectsServicer(application.projects),
        turns=TurnsServicer(application.turns),
        archives=ArchivesServicer(application.archives),
        documents=DocumentsServicer(application.documents),
        claiv_documents=ClaivDocumentsServicer(application.documents),
        usage=usage,
        claiv_usage=ClaivUsageServicer(usage),
        webhooks=WebhooksServicer(application.webhooks),
        reconify=ReconifyServicer(application.track),
        claiv_deletions=ClaivDeletionsServicer(application.deletions),
        claiv_events=ClaivEventsServicer(application.ingest),
        claiv_recall=ClaivRecallServicer(application.claiv_recall),
        deletions=DeletionsServicer(application.deletions),
    )


def _working(application: Application, settings: Settings, registry: CollectorRegistry) -> AbstractAsyncContextManager[None]:
    worker = Worker(
        jobs=application.stores.jobs,
        process_session=application.process_session,
        settle_conflict=application.settle_conflict,
        sync_index=application.sync_index,
        sync_bulk=application.sync_bulk,
        apply_retention=application.apply_retention,
        deliveries=application.stores.deliveries,
        deliver_event=application.deliver_event,
        expire_deliveries=application.expire_deliveries,
        clock=application.clock,
        log=structlog.get_logger("worker"),
        metrics=WorkerMetrics(registry),
        options=WorkerOptions(concurrency=settings.workers, max_attempts=settings.max_attempts),
    )
    return working(worker, grace=settings.shutdown_grace)


def _serve_metrics(stack: AsyncExitStack, settings: Settings, registry: CollectorRegistry) -> None:
    if settings.metrics_listen is None:
        return
    host, _, port = settings.metrics_listen.rpartition(":")
    if not port.isdecimal():
        raise InvalidSetting("MNEME_METRICS_LISTEN", "must be host:port")
    server, _ = start_http_server(int(port), addr=host or "127.0.0.1", registry=registry)
    stack.callback(server.shutdown)
