"""
The way to the service: one gRPC channel and, when the service is on this machine, frames on a socket for all but streams.

A service that restarts is waited for, for a bounded time, so that requests which were not sent yet do not notice. A call that was
sent and lost its connection is repeated once, and only when the contract says that a repeat is harmless.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2

from frames.client import Channel, open_channel
from gateway.status import CallFailed, failure_of, unreachable

Metadata = Sequence[tuple[str, str]]
Ready = Callable[[], Awaitable[None]]
Listener = Callable[[Any], None]
"""Takes the metadata that the service sends ahead of an answer: pairs of a key and a value."""

_OPTIONS: list[tuple[str, int | str]] = [
    # what the HTTP side lets in, and what the service sends, is bounded there
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # a restarted service is found again within a second
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
    # a name with several addresses is several services: calls go to each in turn
    ("grpc.service_config", '{"loadBalancingConfig": [{"round_robin": {}}]}'),
    # the service is ours: a proxy meant for the outside world must not see it
    ("grpc.enable_http_proxy", 0),
    ("grpc.primary_user_agent", "mneme-gateway"),
]
_HEALTH_CHECK = "/grpc.health.v1.Health/Check"
_HEALTH_TIMEOUT = timedelta(seconds=2)


def _unheard(_metadata: Any) -> None:
    """Take no notice."""


class ServiceClient:
    """Calls of the service by method path and message types."""

    def __init__(
        self, channel: grpc.aio.Channel, frames: Channel | None, *, connect_timeout: timedelta, call_timeout: timedelta
    ) -> None:
        """
        Call over *channel*, for all but streams over *frames* if there are any; wait *connect_timeout* for a connection, and
        *call_timeout* for a unary answer, waiting included.
        """
        self._channel = channel
        self._unary = channel if frames is None else frames
        self._connect_timeout = connect_timeout.total_seconds()
        self._call_timeout = call_timeout.total_seconds()

    def unary(self, path: str, request: Descriptor, response: Descriptor, *, repeatable: bool) -> UnaryMethod:
        """Return the unary method at *path*. A *repeatable* one is sent again when its connection breaks."""
        callable_ = self._unary.unary_unary(path, *_serializers(request, response))
        ready = partial(self._ready, self._unary)
        return UnaryMethod(ready, callable_, repeatable=repeatable, timeout=self._call_timeout)

    def stream(self, path: str, request: Descriptor, response: Descriptor) -> StreamMethod:
        """Return the server-streaming method at *path*."""
        callable_ = self._channel.unary_stream(path, *_serializers(request, response))
        return StreamMethod(partial(self._ready, self._channel), callable_)

    async def _ready(self, channel: grpc.aio.Channel | Channel) -> None:
        """Return when the *channel* is connected. CallFailed when that takes longer than the connect timeout."""
        if channel.get_state(try_to_connect=True) is grpc.ChannelConnectivity.READY:
            return
        try:
            async with asyncio.timeout(self._connect_timeout):
                await channel.channel_ready()
        except TimeoutError as error:
            raise CallFailed(unreachable()) from error

    async def is_serving(self) -> bool:
        """Tell whether the service says that it can take calls."""
        check = self._unary.unary_unary(
            _HEALTH_CHECK, health_pb2.HealthCheckRequest.SerializeToString, health_pb2.HealthCheckResponse.FromString
        )
        try:
            answer = await check(health_pb2.HealthCheckRequest(), timeout=_HEALTH_TIMEOUT.total_seconds())
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


class UnaryMethod:
    """One unary method of the service."""

    def __init__(self, ready: Ready, callable_: Any, *, repeatable: bool, timeout: float) -> None:
        """Wrap the *callable_* of a channel; *timeout* in seconds covers all of a call."""
        self._ready = ready
        self._callable = callable_
        self._repeatable = repeatable
        self._timeout = timeout

    async def __call__(self, request: Message, metadata: Metadata, listen: Listener = _unheard) -> Message:
        """Return the answer, after *listen* was told what came ahead of it. CallFailed otherwise."""
        deadline = asyncio.get_running_loop().time() + self._timeout
        await self._ready()
        try:
            return await self._send(request, metadata, deadline, listen)
        except CallFailed as error:
            lost = error.failure.code is grpc.StatusCode.UNAVAILABLE and not error.failure.answered
            if not (lost and self._repeatable):
                raise
        await self._ready()
        return await self._send(request, metadata, deadline, listen)

    async def _send(self, request: Message, metadata: Metadata, deadline: float, listen: Listener) -> Message:
        """Send the request once. *deadline* is in the time of the event loop."""
        remaining = deadline - asyncio.get_running_loop().time()
        try:
            # wait_for_ready: the connection may break between the look at its state and the call
            call = self._callable(request, metadata=metadata, timeout=remaining, wait_for_ready=True)
            answer: Message = await call
            listen(await call.initial_metadata())
        except grpc.aio.AioRpcError as error:
            listen(error.initial_metadata())
            raise CallFailed(failure_of(error)) from error
        return answer


class StreamMethod:
    """One server-streaming method of the service."""

    def __init__(self, ready: Ready, callable_: Any) -> None:
        """Wrap the *callable_* of a channel."""
        self._ready = ready
        self._callable = callable_

    async def __call__(self, request: Message, metadata: Metadata, listen: Listener = _unheard) -> AsyncIterator[Message]:
        """
        Yield the messages as they come, after *listen* was told what came ahead of them. CallFailed when the stream breaks;
        leaving the iteration cancels the call.
        """
        await self._ready()
        call = self._callable(request, metadata=metadata)
        heard = False
        try:
            async for message in call:
                if not heard:
                    listen(await call.initial_metadata())
                    heard = True
                yield message
        except grpc.aio.AioRpcError as error:
            listen(error.initial_metadata())
            raise CallFailed(failure_of(error)) from error
        finally:
            call.cancel()


@asynccontextmanager
async def open_client(
    target: str, *, socket: Path | None, connect_timeout: timedelta, call_timeout: timedelta
) -> AsyncIterator[ServiceClient]:
    """
    Yield a client of the service at *target*, `host:port` or `unix:path`, and at *socket*, where it takes frames. Connections are
    made when they are first used.
    """
    async with AsyncExitStack() as stack:
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(target, options=_OPTIONS))
        frames = None if socket is None else await stack.enter_async_context(open_channel(socket))
        yield ServiceClient(channel, frames, connect_timeout=connect_timeout, call_timeout=call_timeout)


def _serializers(request: Descriptor, response: Descriptor) -> tuple[Callable[[Any], bytes], Callable[[bytes], Any]]:
    """Return what writes a *request* and reads a *response*."""
    return GetMessageClass(request).SerializeToString, GetMessageClass(response).FromString
