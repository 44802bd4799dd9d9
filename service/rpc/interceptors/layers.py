"""
What surrounds every call, as layers: each is given the call and what is inside it, does its part, and returns what that returns.

gRPC's own interceptors wrap handlers, and each would need one wrapper for unary calls and another for streams. Here a handler
of either kind becomes one coroutine, which encodes its responses, and the layers are put around it once, when it is first called.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeAlias

import grpc
from google.protobuf.message import Message

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


@dataclass(slots=True, kw_only=True)
class Call:
    """
    One call on its way through the layers, which fill in what they find out. It has one *request*, or *requests* that are still
    coming in and that a layer may put an iterator of its own around. Each of *watchers* is told each response and its bytes
    before it is sent.
    """

    method: str
    request: Message | None
    requests: AsyncIterator[Message] | None
    context: Context
    metadata: Mapping[str, str]
    started: float = field(default_factory=time.perf_counter)
    request_id: str = ""
    project_id: str = ""
    code: grpc.StatusCode = grpc.StatusCode.OK
    reason: str = ""
    judged: bool = False
    """Whether a quota counted what the call brings in."""
    watchers: list[Callable[[Message, int], None]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The method as it is logged, without the slash before it."""
        return self.method[1:]


Inner: TypeAlias = Callable[[Call], Awaitable[bytes]]
"""What is inside a layer: returns the encoded response, nothing after a stream, which sent its responses itself."""


class Layer(Protocol):
    """A part of what surrounds a call."""

    async def __call__(self, call: Call, inner: Inner) -> bytes:
        """Return what *inner* returns for the call, or end it with an error."""
        ...


class LayeredInterceptor(grpc.aio.ServerInterceptor):
    """Puts the layers around every call that comes over gRPC."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        """Keep the layers, outermost first."""
        self._layers = layers
        self._known: dict[str, Handler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Return the handler of the method, inside the layers."""
        method = handler_call_details.method
        if (known := self._known.get(method)) is not None:
            return known
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        return self._known.setdefault(method, layered(self._layers, method, handler))


def layered(layers: Sequence[Layer], method: str, handler: Handler) -> Handler:
    """
    Return a handler of a *method* inside the layers; health and reflection are public, and get their own handlers back.

    It takes decoded requests and returns bytes; a stream is sent by `write` of its context, as bytes too. Of a context it needs
    that, `invocation_metadata`, `send_initial_metadata`, `set_trailing_metadata` and `abort`.
    """
    if not method.startswith("/mneme."):
        return handler
    decode, encode = handler.request_deserializer, handler.response_serializer or bytes
    if handler.unary_unary is not None:
        return grpc.unary_unary_rpc_method_handler(_entry(layers, method, _one(handler.unary_unary, encode)), decode)
    if handler.unary_stream is not None:
        return grpc.unary_stream_rpc_method_handler(_entry(layers, method, _many(handler.unary_stream, encode)), decode)
    if handler.stream_unary is not None:
        answer = _entry(layers, method, _one(handler.stream_unary, encode), streamed=True)
        return grpc.stream_unary_rpc_method_handler(answer, decode)
    raise NotImplementedError(f"{method}: the contract has no streams both ways")


def _entry(layers: Sequence[Layer], method: str, inner: Inner, *, streamed: bool = False) -> Callable[..., Any]:
    """Return what the transport calls, with a request or, where they are *streamed*, with its requests, and with the context."""
    for layer in reversed(layers):
        inner = partial(layer, inner=inner)

    async def answer(received: Any, context: Context) -> bytes:
        metadata = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
        request, requests = (None, received) if streamed else (received, None)
        return await inner(Call(method=method, request=request, requests=requests, context=context, metadata=metadata))

    return answer


def _one(behaviour: Callable[..., Any], encode: Callable[[Any], bytes]) -> Inner:
    async def inner(call: Call) -> bytes:
        return _encoded(call, await behaviour(call.requests if call.request is None else call.request, call.context), encode)

    return inner


def _many(behaviour: Callable[..., Any], encode: Callable[[Any], bytes]) -> Inner:
    async def inner(call: Call) -> bytes:
        # closed at once when the caller leaves, not when the garbage collector comes
        async with aclosing(behaviour(call.request, call.context)) as responses:
            async for response in responses:
                await _write(call.context, _encoded(call, response, encode))
        return b""

    return inner


def _encoded(call: Call, response: Message, encode: Callable[[Any], bytes]) -> bytes:
    encoded = encode(response)
    for watch in call.watchers:
        watch(response, len(encoded))
    return encoded


async def _write(context: Context, encoded: bytes) -> None:
    try:
        await context.write(encoded)
    except grpc.aio.BaseError as error:
        # the caller is gone, and gRPC is about to cancel the call
        raise asyncio.CancelledError from error
