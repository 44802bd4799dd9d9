"""The gRPC server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import cast

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from mneme.compat.v1.claiv_deletions_service_pb2_grpc import (
    ClaivDeletionsServiceServicer,
    add_ClaivDeletionsServiceServicer_to_server,
)
from mneme.compat.v1.claiv_documents_service_pb2_grpc import (
    ClaivDocumentsServiceServicer,
    add_ClaivDocumentsServiceServicer_to_server,
)
from mneme.compat.v1.claiv_events_service_pb2_grpc import (
    ClaivEventsServiceServicer,
    add_ClaivEventsServiceServicer_to_server,
)
from mneme.compat.v1.claiv_recall_service_pb2_grpc import (
    ClaivRecallServiceServicer,
    add_ClaivRecallServiceServicer_to_server,
)
from mneme.compat.v1.claiv_usage_service_pb2_grpc import ClaivUsageServiceServicer, add_ClaivUsageServiceServicer_to_server
from mneme.compat.v1.reconify_service_pb2_grpc import ReconifyServiceServicer, add_ReconifyServiceServicer_to_server
from mneme.v1.archives_service_pb2_grpc import ArchivesServiceServicer, add_ArchivesServiceServicer_to_server
from mneme.v1.conflicts_service_pb2_grpc import ConflictsServiceServicer, add_ConflictsServiceServicer_to_server
from mneme.v1.deletions_service_pb2_grpc import DeletionsServiceServicer, add_DeletionsServiceServicer_to_server
from mneme.v1.documents_service_pb2_grpc import DocumentsServiceServicer, add_DocumentsServiceServicer_to_server
from mneme.v1.memory_service_pb2_grpc import MemoryServiceServicer, add_MemoryServiceServicer_to_server
from mneme.v1.projects_service_pb2_grpc import ProjectsServiceServicer, add_ProjectsServiceServicer_to_server
from mneme.v1.sessions_service_pb2_grpc import SessionsServiceServicer, add_SessionsServiceServicer_to_server
from mneme.v1.turns_service_pb2_grpc import TurnsServiceServicer, add_TurnsServiceServicer_to_server
from mneme.v1.usage_service_pb2_grpc import UsageServiceServicer, add_UsageServiceServicer_to_server
from mneme.v1.users_service_pb2_grpc import UsersServiceServicer, add_UsersServiceServicer_to_server
from mneme.v1.webhooks_service_pb2_grpc import WebhooksServiceServicer, add_WebhooksServiceServicer_to_server

from frames.server import Server
from frames.wire import MEBIBYTE
from service.rpc.interceptors.access import FILES
from service.rpc.interceptors.layers import Layer, LayeredInterceptor, layered

# whatever the gateway takes for a body, so that a document that is too long is told so
_LONGEST_REQUEST = 20 * MEBIBYTE

_OPTIONS: Sequence[tuple[str, int]] = (
    # 0: a second service on the same port would silently take half of the connections
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", _LONGEST_REQUEST),
    # a page of 500 long messages; the client's own limit decides what it takes
    ("grpc.max_send_message_length", 256 * MEBIBYTE),
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.absolute_max_metadata_size", 32 * 1024),
    # gateways keep idle channels open for long
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
)
_MAX_CONCURRENT_CALLS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Servicers:
    """The services of the contract."""

    users: UsersServiceServicer
    sessions: SessionsServiceServicer
    memory: MemoryServiceServicer
    conflicts: ConflictsServiceServicer
    projects: ProjectsServiceServicer
    turns: TurnsServiceServicer
    archives: ArchivesServiceServicer
    documents: DocumentsServiceServicer
    claiv_documents: ClaivDocumentsServiceServicer
    usage: UsageServiceServicer
    claiv_usage: ClaivUsageServiceServicer
    webhooks: WebhooksServiceServicer
    reconify: ReconifyServiceServicer
    claiv_deletions: ClaivDeletionsServiceServicer
    claiv_events: ClaivEventsServiceServicer
    claiv_recall: ClaivRecallServiceServicer
    deletions: DeletionsServiceServicer


@asynccontextmanager
async def running_server(
    listen: str, servicers: Servicers, layers: Sequence[Layer], *, grace: timedelta, socket: Path | None = None
) -> AsyncIterator[str]:
    """
    Serve on *listen*, `host:port` with port 0 for a free one, or `unix:<path>`, and yield the address that a client dials. On
    *socket* unary calls are served as frames too.

    On the way out the health service says NOT_SERVING, new calls are refused and running ones have *grace* to end. Raises
    OSError when the address or the socket cannot be had.
    """
    server = grpc.aio.server(
        interceptors=[LayeredInterceptor(layers)], options=_OPTIONS, maximum_concurrent_rpcs=_MAX_CONCURRENT_CALLS
    )
    frames = Server(limit=_LONGEST_REQUEST, most_calls=_MAX_CONCURRENT_CALLS, around=partial(layered, layers))
    healthy = await _health()
    for each in (server, cast("grpc.aio.Server", frames)):
        _add_services(each, servicers)
        health_pb2_grpc.add_HealthServicer_to_server(healthy, each)
    reflection.enable_server_reflection([*_names(), health.SERVICE_NAME, reflection.SERVICE_NAME], server)
    address = _bind(server, listen)
    async with _stopped(healthy, server, frames, grace=grace.total_seconds()):
        await server.start()
        if socket is not None:
            await frames.start(socket)
        yield address


@asynccontextmanager
async def _stopped(
    healthy: health.aio.HealthServicer, server: grpc.aio.Server, frames: Server, *, grace: float
) -> AsyncIterator[None]:
    """Stop both servers when the block is left, at once, in *grace* seconds."""
    try:
        yield
    finally:
        await healthy.enter_graceful_shutdown()
        async with asyncio.TaskGroup() as stopping:
            stopping.create_task(frames.stop(grace))
            # in the same moment in which health says so: a call that came between would be taken, and cancelled
            await server.stop(grace)


def _add_services(server: grpc.aio.Server, servicers: Servicers) -> None:
    """Add the services of the contract."""
    add_UsersServiceServicer_to_server(servicers.users, server)
    add_SessionsServiceServicer_to_server(servicers.sessions, server)
    add_MemoryServiceServicer_to_server(servicers.memory, server)
    add_ConflictsServiceServicer_to_server(servicers.conflicts, server)
    add_ProjectsServiceServicer_to_server(servicers.projects, server)
    add_TurnsServiceServicer_to_server(servicers.turns, server)
    add_ArchivesServiceServicer_to_server(servicers.archives, server)
    add_DocumentsServiceServicer_to_server(servicers.documents, server)
    add_ClaivDocumentsServiceServicer_to_server(servicers.claiv_documents, server)
    add_UsageServiceServicer_to_server(servicers.usage, server)
    add_ClaivUsageServiceServicer_to_server(servicers.claiv_usage, server)
    add_WebhooksServiceServicer_to_server(servicers.webhooks, server)
    add_ReconifyServiceServicer_to_server(servicers.reconify, server)
    add_ClaivDeletionsServiceServicer_to_server(servicers.claiv_deletions, server)
    add_ClaivEventsServiceServicer_to_server(servicers.claiv_events, server)
    add_ClaivRecallServiceServicer_to_server(servicers.claiv_recall, server)
    add_DeletionsServiceServicer_to_server(servicers.deletions, server)


def _names() -> list[str]:
    """Return the names of the services of the contract."""
    return [service.full_name for file in FILES for service in file.DESCRIPTOR.services_by_name.values()]


async def _health() -> health.aio.HealthServicer:
    """Return a health service that says that all of them are served. Like reflection, it needs no credential."""
    healthy = health.aio.HealthServicer()
    for name in _names():
        await healthy.set(name, health_pb2.HealthCheckResponse.SERVING)
    return healthy


def _bind(server: grpc.aio.Server, listen: str) -> str:
    try:
        port = server.add_insecure_port(listen)
    except RuntimeError as error:
        raise OSError(f"cannot listen on {listen}: {error}") from error
    return listen if listen.startswith("unix:") else f"{listen.rpartition(':')[0]}:{port}"
