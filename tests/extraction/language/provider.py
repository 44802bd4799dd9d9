"""A language model on this machine: speaks the providers' wire formats, says what it is told to, and keeps what it heard."""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from aiohttp import web

Json: TypeAlias = Any

ENDINGS: Mapping[str, tuple[str, str]] = {
    "end": ("end_turn", "stop"),
    "length": ("max_tokens", "length"),
    "refusal": ("refusal", "content_filter"),
}
"""How an answer ends, in the words of Anthropic and of OpenAI."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A request as it arrived."""

    path: str
    headers: Mapping[str, str]
    body: Json

    @property
    def system(self) -> str:
        """What the model is told first."""
        return str(self.body["system"] if "system" in self.body else self.body["messages"][0]["content"])

    @property
    def turns(self) -> list[tuple[str, str]]:
        """The conversation after that: role and text."""
        return [(turn["role"], turn["content"]) for turn in self.body["messages"] if turn["role"] != "system"]

    @property
    def asked(self) -> str:
        """The first turn of the user."""
        return self.turns[0][1]

    @property
    def schema(self) -> Json:
        """The schema of the answer."""
        if "output_config" in self.body:
            return self.body["output_config"]["format"]["schema"]
        return self.body["response_format"]["json_schema"]["schema"]

    @property
    def data(self) -> list[Json]:
        """The lines between the marks."""
        found = re.search(r"^<(\w+-\w+)>\n(.*)\n</\1>$", self.asked, re.DOTALL | re.MULTILINE)
        assert found is not None
        return [json.loads(line) for line in found[2].splitlines()]


Reply: TypeAlias = Callable[[web.BaseRequest, Heard], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Provider:
    """Gives the replies that were queued, then *always*, and keeps what it *heard*."""

    origin: str = ""
    heard: list[Heard] = field(default_factory=list)
    queued: deque[Reply] = field(default_factory=deque)
    always: Reply | None = None

    def then(self, *replies: Reply) -> None:
        """Queue replies."""
        self.queued.extend(replies)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        heard = Heard(path=request.path, headers=dict(request.headers), body=await request.json())
        self.heard.append(heard)
        reply = self.queued.popleft() if self.queued else self.always
        assert reply is not None, f"nothing to say to {heard.asked}"
        return await reply(request, heard)


def says(answer: Json, *, ending: str = "end", tokens: tuple[int, int] = (100, 20)) -> Reply:
    """Say *answer*, as JSON unless it is text."""
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)

    async def reply(_request: web.BaseRequest, heard: Heard) -> web.StreamResponse:
        whole = _message(text, ending, tokens) if heard.path.endswith("/messages") else _completion(text, ending, tokens)
        return web.json_response(whole)

    return reply


def answers(**by_shape: Json) -> Reply:
    """Say to each question what is given for the title of its answer's schema."""

    async def reply(request: web.BaseRequest, heard: Heard) -> web.StreamResponse:
        return await says(by_shape[heard.schema["title"]])(request, heard)

    return reply


def fails(status: int, message: str = "out of order", *, headers: Mapping[str, str] | None = None, **error: str) -> Reply:
    """Answer with an error."""

    async def reply(_request: web.BaseRequest, heard: Heard) -> web.StreamResponse:
        body: Json = {"error": {"type": "some_error", "message": message, **error}}
        if heard.path.endswith("/messages"):
            body["type"] = "error"
        return web.json_response(body, status=status, headers=headers)

    return reply


async def nothing(_request: web.BaseRequest, _heard: Heard) -> web.StreamResponse:
    """Never answer."""
    await asyncio.Event().wait()
    raise AssertionError


async def breaks_off(request: web.BaseRequest, _heard: Heard) -> web.StreamResponse:
    """Close the connection in the middle of the answer."""
    response = web.StreamResponse(headers={"content-type": "application/json", "content-length": "1000"})
    await response.prepare(request)
    await response.write(b'{"id": "msg_1", "type": "message", "content": [{"type": "te')
    assert request.transport is not None
    request.transport.abort()
    return response


def sends(body: str, content_type: str = "application/json") -> Reply:
    """Answer 200 with anything at all."""

    async def reply(_request: web.BaseRequest, _heard: Heard) -> web.StreamResponse:
        return web.Response(text=body, content_type=content_type)

    return reply


def _message(text: str, ending: str, tokens: tuple[int, int]) -> Json:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-5-5",
        "content": [
            {"type": "thinking", "thinking": "Let me see.", "signature": "c2ln"},
            {"type": "text", "text": text, "citations": None},
        ],
        "stop_reason": ENDINGS[ending][0],
        "stop_sequence": None,
        "usage": {"input_tokens": tokens[0], "output_tokens": tokens[1]},
    }


def _completion(text: str, ending: str, tokens: tuple[int, int]) -> Json:
    message = {"role": "assistant", "content": text, "refusal": None}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-5-mini",
        "choices": [{"index": 0, "message": message, "finish_reason": ENDINGS[ending][1], "logprobs": None}],
        "usage": {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)},
    }


@asynccontextmanager
async def serving_provider() -> AsyncIterator[Provider]:
    """Serve a provider on a free port of this machine."""
    provider = Provider()
    server = web.Server(provider.handle, handler_cancellation=True)
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    provider.origin = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield provider
    finally:
        listener.close()
        await server.shutdown(0)
