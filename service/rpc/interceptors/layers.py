"""
Interceptors as layers: each is an asynchronous context manager around a call, unary or streaming alike.

gRPC's own interceptors wrap handlers, and each would need one wrapper for unary calls and another for streams. Here one
interceptor does that once and enters the layers in their order.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import Message

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


@dataclass(slots=True, kw_only=True)
class Call:
    """
    One call on its way through the layers, which fill in what they find out. It has one *request*, or *requests* that are still
    coming in and that a layer may put an iterator of its own around. Each of *watchers* sees each response before it is sent.
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
    watchers: list[Callable[[Message], None]] = field(default_factory=list)

    def watched(self, response: Message) -> Message:
        """Return a *response* that the watchers have seen."""
        for watch in self.watchers:
            watch(response)
        return response


Layer: TypeAlias = Callable[[Call], AbstractAsyncContextManager[None]]


class LayeredInterceptor(grpc.aio.ServerInterceptor):
    """Puts the layers around every call of our own services; health checks and reflection are public and pass."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        """Keep the layers, outermost first."""
        self._layers = layers

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the handler of the method, inside the layers."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or not method.startswith("/mneme."):
            return handler
        coding = (handler.request_deserializer, handler.response_serializer)
        if handler.unary_stream is not None:
            return grpc.unary_stream_rpc_method_handler(self._stream(method, handler.unary_stream), *coding)
        if handler.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(self._unary(method, handler.unary_unary), *coding)
        if handler.stream_unary is not None:
            return grpc.stream_unary_rpc_method_handler(self._requests(method, handler.stream_unary), *coding)
        raise NotImplementedError(f"{method}: the contract has no streams both ways")

    def _unary(self, method: str, inner: Callable[..., Any]) -> Callable[..., Any]:
        async def behaviour(request: Message, context: Context) -> Message:
            async with self._around(method, request, context) as call:
                return call.watched(await inner(request, context))

        return behaviour

    def _requests(self, method: str, inner: Callable[..., Any]) -> Callable[..., Any]:
        async def behaviour(requests: AsyncIterator[Message], context: Context) -> Message:
            async with self._around(method, None, context, requests) as call:
                return call.watched(await inner(call.requests, context))

        return behaviour

    def _stream(self, method: str, inner: Callable[..., Any]) -> Callable[..., Any]:
        async def behaviour(request: Message, context: Context) -> AsyncIterator[Message]:
            async with self._around(method, request, context) as call, aclosing(inner(request, context)) as responses:
                async for response in responses:
                    yield call.watched(response)

        return behaviour

    @asynccontextmanager
    async def _around(
        self, method: str, request: Message | None, context: Context, requests: AsyncIterator[Message] | None = None
    ) -> AsyncIterator[Call]:
        metadata = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
        call = Call(method=method, request=request, requests=requests, context=context, metadata=metadata)
        async with AsyncExitStack() as stack:
            for layer in self._layers:
                await stack.enter_async_context(layer(call))
            yield call
