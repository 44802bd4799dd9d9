"""The composition root of the gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from mneme.compat.v1 import (
    claiv_deletions_service_pb2,
    claiv_documents_service_pb2,
    claiv_events_service_pb2,
    claiv_recall_service_pb2,
    claiv_usage_service_pb2,
    reconify_service_pb2,
)
from mneme.v1 import (
    archives_service_pb2,
    conflicts_service_pb2,
    deletions_service_pb2,
    documents_service_pb2,
    memory_service_pb2,
    projects_service_pb2,
    sessions_service_pb2,
    turns_service_pb2,
    usage_service_pb2,
    users_service_pb2,
    webhooks_service_pb2,
)

from gateway.app import Gateway, Mount
from gateway.client import open_client
from gateway.forward.app import PREFIX as FORWARD
from gateway.forward.app import open_forward
from gateway.forward.limits import ForwardLimits
from gateway.logs import open_log
from gateway.metrics import Metrics
from gateway.operations import operation_mounts
from gateway.server import serving
from gateway.settings import Settings
from gateway.transcode.app import Transcoder
from gateway.transcode.openapi import openapi_document

# the files of the contract whose services are served; their order is that of the OpenAPI document
CONTRACT = (
    users_service_pb2.DESCRIPTOR,
    sessions_service_pb2.DESCRIPTOR,
    memory_service_pb2.DESCRIPTOR,
    conflicts_service_pb2.DESCRIPTOR,
    projects_service_pb2.DESCRIPTOR,
    turns_service_pb2.DESCRIPTOR,
    archives_service_pb2.DESCRIPTOR,
    deletions_service_pb2.DESCRIPTOR,
    documents_service_pb2.DESCRIPTOR,
    usage_service_pb2.DESCRIPTOR,
    claiv_documents_service_pb2.DESCRIPTOR,
    claiv_usage_service_pb2.DESCRIPTOR,
    webhooks_service_pb2.DESCRIPTOR,
    reconify_service_pb2.DESCRIPTOR,
    claiv_deletions_service_pb2.DESCRIPTOR,
    claiv_events_service_pb2.DESCRIPTOR,
    claiv_recall_service_pb2.DESCRIPTOR,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningGateway:
    """A gateway that takes requests at *url*, `http://host:port` without a slash at the end."""

    url: str


@asynccontextmanager
async def running_gateway(settings: Settings) -> AsyncIterator[RunningGateway]:
    """
    Build the gateway from *settings*, serve it, and drain it on leaving.

    It starts whether or not the service is there. OSError when the address is taken.
    """
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            open_client(
                settings.grpc_target,
                socket=settings.service_socket,
                connect_timeout=settings.connect_timeout,
                call_timeout=settings.call_timeout,
            )
        )
        metrics = Metrics()
        log = open_log(settings.log_level)
        forward = await stack.enter_async_context(
            open_forward(
                client,
                origins=settings.forward_origins,
                limits=_forward_limits(settings),
                registry=metrics.registry,
                log=log,
                drain=settings.drain,
            )
        )
        transcoder = Transcoder(CONTRACT, client, max_body_bytes=settings.max_body_bytes, keep_alive=settings.keep_alive)
        app = Gateway(
            # the first mount that takes a path serves it; the transcoder answers for every path that nobody else has
            mounts=[
                *operation_mounts(metrics=metrics, is_serving=client.is_serving, openapi=openapi_document(CONTRACT)),
                Mount(prefix=FORWARD, handler=forward),
                Mount(prefix=b"", handler=transcoder, broken=transcoder.broken),
            ],
            log=log,
            metrics=metrics,
        )
        host, port = await stack.enter_async_context(
            serving(
                app,
                host=settings.listen.host,
                port=settings.listen.port,
                max_head_bytes=settings.max_head_bytes,
                drain=settings.drain,
            )
        )
        yield RunningGateway(url=f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")


def _forward_limits(settings: Settings) -> ForwardLimits:
    """Return the bounds of the forward proxy."""
    return ForwardLimits(
        recall=settings.forward_recall,
        connect=settings.forward_connect,
        first_byte=settings.forward_first_byte,
        idle=settings.forward_idle,
        drain=settings.forward_drain,
        store_wait=settings.forward_store_wait,
        max_body_bytes=settings.forward_max_body_bytes,
        max_requests=settings.forward_max_requests,
    )
