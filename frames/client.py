"""The calling end: what generated stubs need of a `grpc.aio.Channel`, over frames."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

import grpc
from grpc.aio import AioRpcError
from mneme.internal.v1.frame_pb2 import RequestHead, ResponseHead

from frames.wire import MEBIBYTE, FrameProtocol, Kind, Metadata, WrongFrame, packed, unpacked

Request = TypeVar("Request")
Response = TypeVar("Response")

_LIMIT = 256 * MEBIBYTE
_RETRY_SECONDS = 0.05
_CODES = {code.value[0]: code for code in grpc.StatusCode}
_NOTHING = ResponseHead()


# not set as an exception: of a caller that leaves in the same moment nobody would take it, which is a line in the log
_Outcome: TypeAlias = tuple[ResponseHead, bytes] | Exception


class NotTaken(Exception):
    """The server did not begin with a call: it is on its way out."""


class Channel:
    """
    A connection to one server, made when it is first needed and again after it broke; any number of calls share it.

    Without a server calls fail with UNAVAILABLE, or wait for it within their deadline when they are told to. What is under way
    when the connection breaks is UNAVAILABLE too, whether the server has done it or not.
    """

    def __init__(self, socket: Path, *, limit: int = _LIMIT) -> None:
        """Call the server on *socket*. A response of more than *limit* bytes is RESOURCE_EXHAUSTED."""
        self._socket = socket
        self._limit = limit
        self._connection: _Connection | None = None
        # those that no more calls are made on too, until their last answer
        self._connections: set[_Connection] = set()
        self._opening = asyncio.Lock()
        self._closed = False

    def unary_unary(
        self,
        method: str,
        request_serializer: Callable[[Request], bytes],
        response_deserializer: Callable[[bytes], Response],
        _registered_method: bool = False,  # noqa: FBT001, FBT002 - generated stubs pass it
    ) -> UnaryUnary[Request, Response]:
        """Return the unary method at a path."""
        return UnaryUnary(self, method, request_serializer, response_deserializer)

    def get_state(self, *, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """Return READY or IDLE. It connects by `channel_ready` and by calls alone."""
        del try_to_connect
        return grpc.ChannelConnectivity.IDLE if self._connection is None else grpc.ChannelConnectivity.READY

    async def channel_ready(self, *, patient: bool = True) -> None:
        """Return when there is a connection. AioRpcError when the channel is closed or, unless *patient*, no server is there."""
        # whoever has the lock tries for all who wait; nobody tries when nobody waits
        async with self._opening:
            while self._connection is None:
                if self._closed:
                    raise _failed(grpc.StatusCode.CANCELLED, "the channel is closed")
                try:
                    await self._connect()
                except OSError as error:
                    if not patient:
                        raise _failed(grpc.StatusCode.UNAVAILABLE, "the server is not there") from error
                    await asyncio.sleep(_RETRY_SECONDS)

    async def send(self, head: bytes, payload: bytes, seconds: float | None, *, patient: bool) -> tuple[ResponseHead, bytes]:
        """Make a call and return what the server answers within so many *seconds*. Raises AioRpcError when it does not."""
        deadline = None if seconds is None else asyncio.get_running_loop().time() + seconds
        while True:
            while (connection := self._connection) is None:
                await self._wait(deadline, patient=patient)
            try:
                return await connection.exchange(head, payload, deadline)
            except NotTaken:
                continue

    async def close(self) -> None:
        """Disconnect for good; what is under way fails."""
        self._closed = True
        for connection in list(self._connections):
            connection.transport.abort()
            await connection.lost

    async def _wait(self, deadline: float | None, *, patient: bool) -> None:
        try:
            async with asyncio.timeout_at(deadline):
                await self.channel_ready(patient=patient)
        except TimeoutError:
            raise _failed(grpc.StatusCode.DEADLINE_EXCEEDED, "the server is not there") from None

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_unix_connection(lambda: _Connection(self._retire, limit=self._limit), str(self._socket))
        self._connections.add(connection)
        connection.lost.add_done_callback(lambda _: self._connections.discard(connection))
        try:
            await connection.greeted.wait()
        except asyncio.CancelledError:
            connection.transport.abort()
            raise
        if connection.is_retired:
            raise ConnectionError("the server went away")
        self._connection = connection

    def _retire(self, connection: _Connection) -> None:
        """Make no more calls on a connection."""
        if self._connection is connection:
            self._connection = None


class UnaryUnary(Generic[Request, Response]):
    """One unary method."""

    def __init__(
        self, channel: Channel, method: str, serialize: Callable[[Request], bytes], deserialize: Callable[[bytes], Response]
    ) -> None:
        """Call *method* over *channel*."""
        self._channel = channel
        self._method = method
        self._serialize = serialize
        self._deserialize = deserialize

    def __call__(
        self,
        request: Request,
        *,
        timeout: float | None = None,
        metadata: Metadata = (),
        wait_for_ready: bool | None = None,
    ) -> Call[Response]:
        """Return a call, which is made when it is awaited, within *timeout* seconds."""
        head = RequestHead(method=self._method, metadata=packed(metadata)).SerializeToString()
        send = partial(self._channel.send, head, self._serialize(request), timeout, patient=bool(wait_for_ready))
        return Call(send, self._deserialize)


class Call(Generic[Response]):
    """One call: to be awaited, once, for its response. Raises AioRpcError when it fails."""

    __slots__ = ("_deserialize", "_said", "_send")

    def __init__(
        self, send: Callable[[], Awaitable[tuple[ResponseHead, bytes]]], deserialize: Callable[[bytes], Response]
    ) -> None:
        """Keep what sends it and what reads its response."""
        self._send = send
        self._deserialize = deserialize
        self._said = _NOTHING

    def __await__(self) -> Generator[Any, Any, Response]:
        """Return the response."""
        return self._made().__await__()

    async def initial_metadata(self) -> Metadata:
        """Return the metadata that came ahead of the response."""
        return unpacked(self._said.initial)

    async def trailing_metadata(self) -> Metadata:
        """Return the metadata that came behind the response."""
        return unpacked(self._said.trailing)

    async def _made(self) -> Response:
        said, payload = await self._send()
        if said.code:
            raise _failed(_CODES.get(said.code, grpc.StatusCode.UNKNOWN), said.details, said)
        self._said = said
        return self._deserialize(payload)


class _Connection(FrameProtocol):
    """The calls that are under way on one connection."""

    def __init__(self, retire: Callable[[_Connection], None], *, limit: int) -> None:
        """Tell *retire* when no more calls can be made."""
        super().__init__(limit=limit)
        self.greeted = asyncio.Event()
        """Set when the server is there, or the connection over."""
        self.is_retired = False
        """Whether no more calls can be made."""
        self._retire = retire
        self._calls = count(1)
        self._waiting: dict[int, asyncio.Future[_Outcome]] = {}

    async def exchange(self, head: bytes, payload: bytes, deadline: float | None) -> tuple[ResponseHead, bytes]:
        """Send a request and return the response. Raises AioRpcError, NotTaken."""
        loop = asyncio.get_running_loop()
        call = next(self._calls)
        answer: asyncio.Future[_Outcome] = loop.create_future()
        self._waiting[call] = answer
        timer = None if deadline is None else loop.call_at(deadline, _expire, answer)
        self.send(call, Kind.REQUEST, head, payload)
        try:
            outcome = await answer
        finally:
            if timer is not None:
                timer.cancel()
            if self._waiting.pop(call, None) is not None:
                # the caller left or its time is over: the work is to stop
                self.send(call, Kind.CANCEL)
            self._hang_up()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def frame_received(self, call: int, kind: int, head: bytes, payload: bytes | None) -> None:
        """Take an answer, or the end of all calls."""
        outcome: _Outcome
        if kind == Kind.HELLO:
            self.greeted.set()
            return
        if kind == Kind.GOODBYE:
            self.is_retired = True
            self._retire(self)
            outcome = NotTaken()
        elif kind != Kind.RESPONSE:
            raise WrongFrame(f"a frame of kind {kind} for a client")
        elif payload is None:
            outcome = _failed(grpc.StatusCode.RESOURCE_EXHAUSTED, "the response is too long")
        else:
            outcome = (ResponseHead.FromString(head) if head else _NOTHING, payload)
        if (answer := self._waiting.pop(call, None)) is not None:
            _settle(answer, outcome)
        self._hang_up()

    def connection_lost(self, error: Exception | None) -> None:
        """Let everyone know who waits."""
        self.is_retired = True
        self._retire(self)
        self.greeted.set()
        waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            _settle(answer, _failed(grpc.StatusCode.UNAVAILABLE, "the connection broke"))
        super().connection_lost(error)

    def _hang_up(self) -> None:
        """Close a connection that is of no more use."""
        if self.is_retired and not self._waiting:
            self.transport.close()


@asynccontextmanager
async def open_channel(socket: Path, *, limit: int = _LIMIT) -> AsyncIterator[Channel]:
    """Yield a channel to the server on *socket*, which need not be there yet, and close it."""
    channel = Channel(socket, limit=limit)
    try:
        yield channel
    finally:
        await channel.close()


def _settle(answer: asyncio.Future[_Outcome], outcome: _Outcome) -> None:
    # its caller may have left
    if not answer.done():
        answer.set_result(outcome)


def _expire(answer: asyncio.Future[_Outcome]) -> None:
    _settle(answer, _failed(grpc.StatusCode.DEADLINE_EXCEEDED, "no answer in time"))


def _failed(code: grpc.StatusCode, details: str, said: ResponseHead = _NOTHING) -> AioRpcError:
    initial, trailing = (grpc.aio.Metadata.from_tuple(unpacked(said_of)) for said_of in (said.initial, said.trailing))
    return AioRpcError(code, initial_metadata=initial, trailing_metadata=trailing, details=details)
