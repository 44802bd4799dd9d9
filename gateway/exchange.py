"""One HTTP request and its answer, over raw ASGI."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"

# status in logs and metrics of a request whose client left before the answer, as proxies write it
CLIENT_CLOSED = 499

# most calls are over by then; a task for each would cost them more than it could save
_WATCHED_AFTER_SECONDS = 0.01

_QUOTA = "x-quota-"
_PERCENT = b"x-quota-ingests-pct"
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class ClientGone(Exception):
    """The client left before its request was read, or before it was answered."""


class BodyTooLarge(Exception):
    """The body is longer than *limit* bytes."""

    def __init__(self, limit: int) -> None:
        """Keep the *limit*."""
        super().__init__(f"Request body is larger than {limit} bytes")
        self.limit = limit


class Exchange:
    """
    A request and its answer.

    *headers* holds the first value of each request header by lower-case name. *route* is the template that the path matched, for
    logs and metrics; *status* is that of the answer, or 0 while there is none. *quota* holds headers about the quota of the
    caller's project, which go with every answer.
    """

    __slots__ = ("_send", "headers", "quota", "receive", "request_id", "route", "scope", "status")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the three of an ASGI call. The request id is the caller's when it is well formed, else a new one."""
        self.scope = scope
        self.receive = receive
        self._send = send
        self.headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            self.headers.setdefault(name, value)
        given = self.headers.get(b"x-request-id", b"")
        self.request_id = given.decode() if _REQUEST_ID.fullmatch(given) else os.urandom(16).hex()
        self.route = "unmatched"
        self.status = 0
        self.quota: Sequence[tuple[bytes, bytes]] = ()

    @property
    def method(self) -> str:
        """The HTTP verb, upper case."""
        return str(self.scope["method"])

    @property
    def raw_path(self) -> bytes:
        """The path as it was sent, percent-encoding and all, without the query."""
        return bytes(self.scope["raw_path"])

    async def read_body(self, limit: int) -> bytes:
        """Return the whole body. BodyTooLarge as soon as it is known to exceed *limit* bytes; ClientGone when it never ends."""
        declared = self.headers.get(b"content-length", b"")
        if declared.isdigit() and int(declared) > limit:
            raise BodyTooLarge(limit)
        body = bytearray()
        more = True
        while more:
            chunk, more = await self.receive_chunk()
            body += chunk
            if len(body) > limit:
                raise BodyTooLarge(limit)
        return bytes(body)

    async def receive_chunk(self) -> tuple[bytes, bool]:
        """Return the next piece of the body, and whether more may follow. ClientGone when it never comes."""
        message = await self.receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        return message.get("body", b""), message.get("more_body", False)

    def pass_on_quota(self, metadata: Iterable[tuple[str, str | bytes]] | None) -> None:
        """Keep what the service's *metadata* says about a quota that is nearly used."""
        self.quota = [
            (key.encode(), value.encode()) for key, value in metadata or () if key.startswith(_QUOTA) and isinstance(value, str)
        ]

    @property
    def over_quota(self) -> bool:
        """Whether the caller's project may bring in no more to remember."""
        return any(name == _PERCENT and int(value) >= 100 for name, value in self.quota)

    async def wait_until_gone(self) -> None:
        """Return when the client has left. Only receiving tells: sending to nobody is no error."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

    @asynccontextmanager
    async def while_there(self) -> AsyncIterator[None]:
        """Cancel what is done inside when the client leaves, and raise ClientGone. What is left of the request is passed over."""
        loop = asyncio.get_running_loop()
        watchers: list[asyncio.Task[None]] = []

        async def watch() -> None:
            await self.wait_until_gone()
            scope.reschedule(loop.time())

        timer = loop.call_later(_WATCHED_AFTER_SECONDS, lambda: watchers.append(loop.create_task(watch())))
        try:
            async with asyncio.timeout(None) as scope:
                yield
        except TimeoutError:
            if not scope.expired():
                raise
            raise ClientGone from None
        finally:
            timer.cancel()
            for watcher in watchers:
                watcher.cancel()

    async def begin(self, status: int, headers: Headers) -> None:
        """Send the head of the answer, with the request id in it unless *headers* have one from elsewhere."""
        self.status = status
        sent = [*headers, *self.quota]
        if all(name != b"x-request-id" for name, _ in sent):
            sent.append((b"x-request-id", self.request_id.encode()))
        await self._send({"type": "http.response.start", "status": status, "headers": sent})

    async def write(self, chunk: bytes, *, more: bool = True) -> None:
        """Send a piece of the body; the last one has *more* unset."""
        await self._send({"type": "http.response.body", "body": chunk, "more_body": more})

    async def answer(self, status: int, body: bytes = b"", *, content_type: bytes = JSON, headers: Headers = ()) -> None:
        """Send a whole answer. Without a body there is no content type either."""
        about_body = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())] if body else []
        await self.begin(status, [*about_body, *headers])
        await self.write(body, more=False)
