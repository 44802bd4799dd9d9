"""The service behind the gateway in these tests: a real gRPC server that answers every method of the contract as it is told."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_status import rpc_status

from frames.server import Server
from frames.wire import MEBIBYTE
from gateway.transcode.methods import Method, methods_of
from gateway.wiring import CONTRACT


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An error to answer with. *details* are messages for the `google.rpc.Status`; without them the status is bare."""

    code: grpc.StatusCode
    message: str
    details: Sequence[Message] = ()


def refusal(code: grpc.StatusCode, message: str, reason: str, **metadata: str) -> Refusal:
    """Return an error with an ErrorInfo, as Mneme's service sends it."""
    info = error_details_pb2.ErrorInfo(reason=reason, domain="mneme", metadata=metadata)
    return Refusal(code=code, message=message, details=[info])


def violations(*fields: tuple[str, str]) -> Refusal:
    """Return a validation error of (field path, description) pairs."""
    bad = error_details_pb2.BadRequest(
        field_violations=[error_details_pb2.BadRequest.FieldViolation(field=name, description=text) for name, text in fields]
    )
    info = error_details_pb2.ErrorInfo(reason="VALIDATION_FAILED", domain="mneme")
    return Refusal(code=grpc.StatusCode.INVALID_ARGUMENT, message="invalid request", details=[info, bad])


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that arrived: the method's name, the request and the metadata."""

    method: str
    request: Any
    metadata: Mapping[str, str]


# a message, an error, or for what takes time an async function (unary) or async generator function (stream) of the request
Reply = Message | Refusal | Callable[[Any], Any]


@dataclass(slots=True)
class Peer:
    """
    What the server heard and what it says.

    A method without a reply answers with *otherwise*, else with the empty message, and sends *ahead* before it. *cancelled*
    counts calls whose caller left.
    """

    calls: list[Call] = field(default_factory=list)
    replies: dict[str, Reply] = field(default_factory=dict)
    otherwise: Reply | None = None
    ahead: Sequence[tuple[str, str]] = ()
    cancelled: int = 0

    def reset(self) -> None:
        """Forget everything."""
        self.calls.clear()
        self.replies.clear()
        self.otherwise = None
        self.ahead = ()
        self.cancelled = 0

    @property
    def last(self) -> Call:
        """The newest call."""
        return self.calls[-1]

    def handlers(self) -> dict[str, dict[str, grpc.RpcMethodHandler[Any, Any]]]:
        """Return the handlers of the methods of each service of the contract."""
        services: dict[str, dict[str, grpc.RpcMethodHandler[Any, Any]]] = {}
        for method in methods_of(CONTRACT):
            service, name = method.path.strip("/").split("/")
            services.setdefault(service, {})[name] = self._handler(name, method)
        return services

    def _handler(self, name: str, method: Method) -> grpc.RpcMethodHandler[Any, Any]:
        serializers: dict[str, Any] = {
            "request_deserializer": GetMessageClass(method.input).FromString,
            "response_serializer": GetMessageClass(method.output).SerializeToString,
        }
        empty = GetMessageClass(method.output)()

        async def unary(request: Any, context: Any) -> Any:
            reply = await self._reply(name, request, context)
            try:
                if callable(reply):
                    reply = await reply(request)
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
            return empty if reply is None else reply

        async def stream(request: Any, context: Any) -> Any:
            reply = await self._reply(name, request, context)
            try:
                async for message in reply(request):
                    if isinstance(message, Refusal):
                        await _refuse(context, message)
                    yield message
            except BaseException:
                self.cancelled += 1
                raise

        if method.streams:
            return grpc.unary_stream_rpc_method_handler(stream, **serializers)
        return grpc.unary_unary_rpc_method_handler(unary, **serializers)

    async def _reply(self, name: str, request: Any, context: Any) -> Any:
        """Write the call down and return the reply, unless that is an error."""
        metadata = {str(key): str(value) for key, value in context.invocation_metadata()}
        self.calls.append(Call(method=name, request=request, metadata=metadata))
        if self.ahead:
            await context.send_initial_metadata(self.ahead)
        reply = self.replies.get(name, self.otherwise)
        if isinstance(reply, Refusal):
            await _refuse(context, reply)
        assert reply is None or isinstance(reply, Message) or inspect.isfunction(reply)
        return reply


async def _refuse(context: Any, refused: Refusal) -> None:
    """End the call with an error."""
    if not refused.details:
        await context.abort(refused.code, refused.message)
    status = status_pb2.Status(code=refused.code.value[0], message=refused.message)
    for detail in refused.details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        # a detail that is an Any already is of a type that nobody knows
        status.details.append(detail if isinstance(detail, any_pb2.Any) else packed)
    await context.abort(refused.code, refused.message, rpc_status.to_status(status).trailing_metadata)


@asynccontextmanager
async def serving_peer(peer: Peer, address: str = "127.0.0.1:0", socket: Path | None = None) -> AsyncIterator[str]:
    """Serve *peer* over gRPC, and on *socket* in frames, and yield the address it is bound to."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", -1)])
    frames = Server(limit=64 * MEBIBYTE)
    health = HealthServicer()
    await health.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    health_pb2_grpc.add_HealthServicer_to_server(health, cast("grpc.aio.Server", frames))
    for service, methods in peer.handlers().items():
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, methods),))
        frames.add_registered_method_handlers(service, methods)
    port = server.add_insecure_port(address)
    await server.start()
    if socket is not None:
        await frames.start(socket)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await asyncio.gather(server.stop(None), frames.stop(0))
