"""
Server streams over HTTP: server-sent events or newline-delimited JSON.

The head of the answer waits for the first message, so that an error before it has its own status; but no longer than the
keep-alive interval, after which comments keep the connection warm. There is no sentinel: the stream closes after its last event.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from mneme.v1.http_pb2 import StreamFormat

from gateway.exchange import Exchange
from gateway.status import CallFailed, Failure
from gateway.transcode.errors import text_of
from gateway.transcode.methods import Method
from gateway.transcode.options import field_options


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """How one stream format writes itself. *ping* keeps a silent connection open; *event* and *failure* frame a JSON text."""

    content_type: bytes
    ping: bytes
    event: Callable[[bytes], bytes]
    failure: Callable[[bytes], bytes]


FRAMINGS = {
    StreamFormat.STREAM_FORMAT_SSE: Framing(
        content_type=b"text/event-stream; charset=utf-8",
        ping=b": ping\n\n",
        event=lambda text: b"data: " + text + b"\n\n",
        failure=lambda text: b"event: error\ndata: " + text + b"\n\n",
    ),
    StreamFormat.STREAM_FORMAT_NDJSON: Framing(
        content_type=b"application/x-ndjson",
        # an empty line is the one thing that every reader of lines of JSON skips
        ping=b"\n",
        event=lambda text: text + b"\n",
        failure=lambda text: text + b"\n",
    ),
}


class FailureEvent:
    """Makes the last event of a stream that failed after it had begun, when the contract says which fields carry it."""

    def __init__(self, method: Method) -> None:
        """Find the fields that *method* names. ValueError when its response has none of that name."""
        self._new = GetMessageClass(method.output)
        self._text = _find(method.output, method.stream_error_field) if method.stream_error_field else None
        self._final = _find(method.output, method.stream_final_field) if method.stream_final_field else None

    def __call__(self, failure: Failure) -> Message | None:
        """Return the event that tells of *failure*; None when the contract has none."""
        if self._text is None:
            return None
        message = self._new()
        _set(message, self._text, text_of(failure))
        if self._final is not None:
            _set(message, self._final, True)
        return message


class Relay:
    """Writes the streams of one method to its callers."""

    def __init__(
        self,
        *,
        method: Method,
        encode: Callable[[Message], bytes],
        encode_failure: Callable[[Failure, str], bytes],
        keep_alive: timedelta,
    ) -> None:
        """
        Frame messages as *method* says; *encode_failure* writes the error body of a request with
        an id, for a stream whose events cannot carry it.
        """
        self._framing = FRAMINGS[method.stream_format]
        self._failure_event = FailureEvent(method)
        self._encode = encode
        self._encode_failure = encode_failure
        self._keep_alive = keep_alive.total_seconds()

    async def __call__(self, exchange: Exchange, messages: AsyncIterator[Message]) -> None:
        """
        Write *messages* as they come, until they end or fail, or the client leaves: ClientGone, and the call is cancelled.

        CallFailed only while nothing has been sent.
        """
        closing = aclosing(messages)  # type: ignore[type-var] # an async generator, which the iterator type cannot say
        async with exchange.while_there(), closing:
            try:
                await self._write_all(exchange, messages)
            except CallFailed as error:
                if not exchange.status:
                    raise
                await exchange.write(self._framed_failure(error.failure, exchange.request_id), more=False)

    async def _write_all(self, exchange: Exchange, messages: AsyncIterator[Message]) -> None:
        """Write events and, whenever there is none for the keep-alive interval, a ping."""
        while True:
            following = asyncio.ensure_future(_next(messages))
            try:
                while not (await asyncio.wait({following}, timeout=self._keep_alive))[0]:
                    await self._begin(exchange)
                    await exchange.write(self._framing.ping)
                message = following.result()
            finally:
                await _cancel(following)
            await self._begin(exchange)
            if message is None:
                await exchange.write(b"", more=False)
                return
            await exchange.write(self._framing.event(self._encode(message)))

    async def _begin(self, exchange: Exchange) -> None:
        """Send the head, once."""
        if not exchange.status:
            # buffering proxies would hold events back
            headers = [(b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
            await exchange.begin(200, [(b"content-type", self._framing.content_type), *headers])

    def _framed_failure(self, failure: Failure, request_id: str) -> bytes:
        """Return the last event of a stream that failed."""
        event = self._failure_event(failure)
        if event is not None:
            return self._framing.event(self._encode(event))
        return self._framing.failure(self._encode_failure(failure, request_id))


async def _next(messages: AsyncIterator[Message]) -> Message | None:
    """Return the next message; None at the end."""
    return await anext(messages, None)


async def _cancel(*tasks: asyncio.Future[Any]) -> None:
    """Cancel what still runs and wait until it has stopped."""
    running = [task for task in tasks if not task.done()]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running)


def _find(message: Descriptor, name: str) -> tuple[str, ...]:
    """Return the way to the field that stands as *name* at the top level of the JSON of *message*."""
    if name in message.fields_by_name:
        return (name,)
    for field in message.fields:
        if field_options(field).inline and field.message_type is not None and name in field.message_type.fields_by_name:
            return (field.name, name)
    raise ValueError(f"{message.full_name} has no field {name!r} at its top level")


def _set(message: Any, way: tuple[str, ...], value: Any) -> None:
    """Set the field at *way*."""
    for step in way[:-1]:
        message = getattr(message, step)
    setattr(message, way[-1], value)
