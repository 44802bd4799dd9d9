"""The serving end: what generated code registers servicers with, over frames."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypeAlias, cast

import grpc
from grpc.aio import AbortError
from mneme.internal.v1.frame_pb2 import RequestHead, ResponseHead

from frames.wire import FrameProtocol, Kind, Metadata, WrongFrame, packed, unpacked

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

_MOST_CALLS = 1_000

_log = logging.getLogger("mneme.frames")


class Server:
    """
    Serves the unary methods of servicers on a Unix socket. Streams are left to gRPC: here they are UNIMPLEMENTED.

    A call that its caller leaves, by its deadline too, is cancelled. A call that fails with anything but an abort is UNKNOWN to
    the caller, and in the log.
    """

    def __init__(
        self, *, limit: int, most_calls: int = _MOST_CALLS, around: Callable[[str, Handler], Handler] | None = None
    ) -> None:
        """
        Refuse requests of more than *limit* bytes, and more than *most_calls* at a time, as RESOURCE_EXHAUSTED. *around* puts
        something around the handler of the method at a path.
        """
        self.methods: dict[str, Handler] = {}
        self.connections: set[_Connection] = set()
        self.running: set[asyncio.Task[bytes]] = set()
        self.stopping = False
        self.limit = limit
        self.most_calls = most_calls
        self._around = around
        self._listener: asyncio.Server | None = None
        self._path: Path | None = None

    def add_generic_rpc_handlers(self, generic_rpc_handlers: object) -> None:
        """Do nothing: generated code goes on to register the same handlers by their names."""

    def add_registered_method_handlers(self, service: str, method_handlers: Mapping[str, Handler]) -> None:
        """Serve the unary ones of the methods of a service."""
        for name, handler in method_handlers.items():
            if handler.unary_unary is not None:
                method = f"/{service}/{name}"
                self.methods[method] = handler if self._around is None else self._around(method, handler)

    async def start(self, path: Path) -> None:
        """Listen at *path*, for this user only. Raises OSError when another process does."""
        listening = _bound(path)
        self._path = path
        self._listener = await asyncio.get_running_loop().create_unix_server(lambda: _Connection(self), sock=listening)

    async def stop(self, grace: float) -> None:
        """Take no more calls, give those that run *grace* seconds to end, then cancel them."""
        self.stopping = True
        if self._path is not None and self._listener is not None:
            self._listener.close()
            self._path.unlink(missing_ok=True)
            # once: the next server may listen there by now
            self._path = None
        for connection in self.connections:
            connection.send(0, Kind.GOODBYE)
        # a client hangs up when it has the last of its answers
        if over := [connection.lost for connection in self.connections]:
            await asyncio.wait(over, timeout=grace)
        for connection in list(self.connections):
            connection.transport.abort()
            await connection.lost
        if self.running:
            await asyncio.wait(self.running)


class Context:
    """What a servicer and what is around it use of a `grpc.aio.ServicerContext`."""

    def __init__(self, request: RequestHead) -> None:
        """Begin a call."""
        self._request = request
        self._response = ResponseHead()

    def invocation_metadata(self) -> Metadata:
        """Return the metadata of the request."""
        return unpacked(self._request.metadata)

    async def send_initial_metadata(self, initial_metadata: Metadata) -> None:
        """Say something ahead of the response, with which it is sent."""
        self._response.initial.extend(packed(initial_metadata))

    def set_trailing_metadata(self, trailing_metadata: Metadata) -> None:
        """Say something behind the response, in place of what was to be said."""
        del self._response.trailing[:]
        self._response.trailing.extend(packed(trailing_metadata))

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Metadata = ()) -> NoReturn:
        """End the call with an error, by raising AbortError."""
        if trailing_metadata:
            self.set_trailing_metadata(trailing_metadata)
        self.fail(code, details)
        raise AbortError

    def fail(self, code: grpc.StatusCode, details: str) -> None:
        """Set the status."""
        self._response.code, self._response.details = code.value[0], details

    def head(self) -> bytes:
        """Return the head of the response."""
        return self._response.SerializeToString()


class _Connection(FrameProtocol):
    """The calls that run for one client."""

    def __init__(self, server: Server) -> None:
        """Take the calls of a client for *server*."""
        super().__init__(limit=server.limit)
        self._server = server
        self._calls: dict[int, asyncio.Task[bytes]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        super().connection_made(transport)
        self._server.connections.add(self)
        self.send(0, Kind.HELLO)

    def connection_lost(self, error: Exception | None) -> None:
        """Cancel what nobody waits for any more."""
        self._server.connections.discard(self)
        for task in self._calls.values():
            task.cancel()
        super().connection_lost(error)

    def pause_writing(self) -> None:
        """Take no calls of a client that does not take its answers."""
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        self.transport.resume_reading()

    def frame_received(self, call: int, kind: int, head: bytes, payload: bytes | None) -> None:
        """Begin a call, or cancel one."""
        if kind == Kind.CANCEL:
            if (task := self._calls.get(call)) is not None:
                task.cancel()
        elif kind != Kind.REQUEST or call in self._calls:
            raise WrongFrame(f"a frame of kind {kind} for a server")
        elif self._server.stopping:
            self.send(call, Kind.GOODBYE)
        else:
            self._begin(call, RequestHead.FromString(head), payload)

    def _begin(self, call: int, request: RequestHead, payload: bytes | None) -> None:
        context, server = Context(request), self._server
        handler = server.methods.get(request.method)
        if payload is None:
            context.fail(grpc.StatusCode.RESOURCE_EXHAUSTED, "the request is too long")
        elif handler is None:
            context.fail(grpc.StatusCode.UNIMPLEMENTED, "there is no such method")
        elif len(server.running) >= server.most_calls:
            context.fail(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many calls at a time")
        else:
            # a task has a context of its own: what a servicer sets there is seen by this call alone
            task = asyncio.get_running_loop().create_task(_answer(handler, payload, context))
            self._calls[call] = task
            server.running.add(task)
            task.add_done_callback(partial(self._end, call, request.method, context))
            return
        self.send(call, Kind.RESPONSE, context.head())

    def _end(self, call: int, method: str, context: Context, task: asyncio.Task[bytes]) -> None:
        """Send what came of a call."""
        del self._calls[call]
        self._server.running.discard(task)
        payload = b""
        if task.cancelled():
            context.fail(grpc.StatusCode.CANCELLED, "the call was cancelled")
        elif (error := task.exception()) is None:
            payload = task.result()
        elif not isinstance(error, AbortError):
            _log.error("a call of %s failed", method, exc_info=error)
            context.fail(grpc.StatusCode.UNKNOWN, f"Unexpected {type(error)}")
        self.send(call, Kind.RESPONSE, context.head(), payload)


async def _answer(handler: Handler, payload: bytes, context: Context) -> bytes:
    # a handler has all that it needs; without a serializer it returns bytes
    unary = cast("Any", handler)
    response = await unary.unary_unary(unary.request_deserializer(payload), context)
    return cast("bytes", response if unary.response_serializer is None else unary.response_serializer(response))


def _bound(path: Path) -> socket.socket:
    """Return a socket at *path* that only this user can connect to. What a dead process left there is removed."""
    with socket.socket(socket.AF_UNIX) as probe, suppress(FileNotFoundError, ConnectionRefusedError):
        probe.connect(str(path))
        raise OSError(errno.EADDRINUSE, f"cannot listen on {path}: another process does")
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX)
    try:
        bound.bind(str(path))
        # nobody can connect before it listens
        path.chmod(0o600)
    except OSError:
        bound.close()
        raise
    return bound
