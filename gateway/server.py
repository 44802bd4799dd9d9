"""uvicorn, bound to a socket of ours and bounded where it is not by itself."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.app import Gateway

_BACKLOG = 2048
_TOO_LARGE = b'{"detail":"Request header fields are too large"}'
_MALFORMED = b'{"detail":"Invalid HTTP request"}'


class HeadTooLarge(Exception):
    """The request line and headers exceed the bound."""


def bounded_protocol(max_head_bytes: int) -> type[HttpToolsProtocol]:
    """Return a protocol that refuses a request line with headers of more than *max_head_bytes*; httptools knows no bound."""

    class BoundedProtocol(HttpToolsProtocol):
        """HTTP/1.1 with a bounded head."""

        head_bytes = 0

        def on_message_begin(self) -> None:
            self.head_bytes = 0
            super().on_message_begin()

        def on_url(self, url: bytes) -> None:
            self._count(len(url))
            super().on_url(url)

        def on_header(self, name: bytes, value: bytes) -> None:
            self._count(len(name) + len(value))
            super().on_header(name, value)

        def _count(self, size: int) -> None:
            self.head_bytes += size
            if self.head_bytes > max_head_bytes:
                raise HeadTooLarge

        def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's text is plain, and bodies are JSON here
            too_large = self.head_bytes > max_head_bytes
            status, body = (b"431 Request Header Fields Too Large", _TOO_LARGE) if too_large else (b"400 Bad Request", _MALFORMED)
            self.transport.write(
                b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
                % (status, len(body), body)
            )
            self.transport.close()

    return BoundedProtocol


class _Server(uvicorn.Server):
    """A server whose signals are its owner's and that tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@asynccontextmanager
async def serving(app: Gateway, *, host: str, port: int, max_head_bytes: int, drain: timedelta) -> AsyncIterator[tuple[str, int]]:
    """
    Serve *app* and yield the host and port it is bound to; *port* 0 takes any free one. OSError when the address is taken.

    On leaving no new connection is accepted, and requests that run have *drain* to finish before they are cancelled.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    server = _Server(_config(app, max_head_bytes, drain))
    running = asyncio.create_task(server.serve([listener]))
    listening = asyncio.create_task(server.listening.wait())
    try:
        await asyncio.wait({running, listening}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        yield listener.getsockname()[:2]
    finally:
        listening.cancel()
        server.should_exit = True
        await running


def _config(app: Any, max_head_bytes: int, drain: timedelta) -> uvicorn.Config:
    """Return uvicorn's settings. Those that it would read from the environment are given, so that it reads none."""
    return uvicorn.Config(
        app,
        http=bounded_protocol(max_head_bytes),
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        # its warnings are about clients that speak no HTTP
        log_level="error",
        access_log=False,
        proxy_headers=False,
        forwarded_allow_ips=[],
        server_header=False,
        workers=1,
        backlog=_BACKLOG,
        # longer than clients keep idle connections, or they would send into one that is being closed
        timeout_keep_alive=75,
        timeout_graceful_shutdown=max(1, round(drain.total_seconds())),
    )
