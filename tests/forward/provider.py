"""A provider on this machine that speaks the real wire formats, and misbehaves when it is told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

from aiohttp import web

from tests.forward import wire

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
EVENTS = {"content-type": "text/event-stream; charset=utf-8"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A request as it arrived."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def header(self, name: str) -> list[str]:
        """Return every value of a header."""
        return [value for key, value in self.headers if key.lower() == name]


@dataclass(slots=True)
class Provider:
    """Says *text*, by *answer* if there is one, and keeps what it *heard*. *running* requests are being answered."""

    origin: str = ""
    text: str = "Nice to meet you, Alice."
    answer: Answer | None = None
    heard: list[Heard] = field(default_factory=list)
    running: int = 0
    server: web.Server | None = None

    def reset(self) -> None:
        """Forget what was heard and what to do."""
        self.text, self.answer = "Nice to meet you, Alice.", None
        self.heard.clear()

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self.server.connections) if self.server is not None else 0

    @property
    def last(self) -> Heard:
        """The newest request."""
        return self.heard[-1]

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        assert isinstance(request, web.Request | web.BaseRequest)
        # `read` has a limit of its own
        body = b"".join([chunk async for chunk in request.content.iter_any()])
        headers = [(name.decode(), value.decode()) for name, value in request.raw_headers]
        self.heard.append(Heard(method=request.method, path=request.raw_path, headers=headers, body=body))
        self.running += 1
        try:
            return await (self.answer or self._speak)(request)  # type: ignore[arg-type]  # a web.Server makes base requests
        finally:
            self.running -= 1

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        """Say the text in the format of the path."""
        path = request.path
        if path.endswith("/messages/count_tokens"):
            return web.json_response({"input_tokens": len(self.last.body)})
        if request.method != "POST":
            return web.json_response({"object": "list", "data": []})
        streams = path.endswith(":streamGenerateContent") or bool(self.last.json.get("stream"))
        if path.endswith("/messages"):
            whole, frames = wire.anthropic(self.text), wire.sse(wire.anthropic_events(self.text), named=True)
        elif path.endswith("/chat/completions"):
            whole, frames = wire.chat(self.text), wire.sse(wire.chat_events(self.text), done=True)
        elif path.endswith("/responses"):
            whole, frames = wire.response(self.text), wire.sse(wire.response_events(self.text), named=True)
        elif "/models/" in path:
            whole, frames = wire.gemini(self.text), wire.sse(wire.gemini_events(self.text))
        else:
            return web.json_response({"echo": path})
        if not streams:
            return web.json_response(whole, headers={"x-request-id": "req_upstream", "retry-after": "7"})
        return await streamed(request, frames)


async def streamed(request: web.Request, frames: list[bytes], *, headers: dict[str, str] | None = None) -> web.StreamResponse:
    """Send *frames*, each in a chunk of its own, and end."""
    response = web.StreamResponse(headers={**EVENTS, "request-id": "req_upstream", **(headers or {})})
    await response.prepare(request)
    for frame in frames:
        await response.write(frame)
    await response.write_eof()
    return response


def abort(request: web.BaseRequest) -> None:
    """Close the connection at once."""
    assert request.transport is not None
    request.transport.abort()


async def until_cancelled() -> NoReturn:
    """Wait forever."""
    await asyncio.Event().wait()
    raise AssertionError


@asynccontextmanager
async def serving_provider() -> AsyncIterator[Provider]:
    """Serve a provider on a free port of this machine."""
    provider = Provider()
    # handlers are cancelled when their client leaves, so that `running` tells whether the proxy has let go
    server = provider.server = web.Server(provider.handle, handler_cancellation=True)
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0, backlog=2048)
    provider.origin = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield provider
    finally:
        listener.close()
        await server.shutdown(0)
