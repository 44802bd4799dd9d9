"""A language model on this machine: speaks the providers' wire formats, says what it is told to, and keeps what it heard."""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
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
    def tools(self) -> dict[str, Json]:
        """The tools that are offered: the schema of the arguments by name."""
        if self.path.endswith("/completions"):
            return {one["function"]["name"]: one["function"]["parameters"] for one in self.body.get("tools", ())}
        return {one["name"]: one["input_schema"] for one in self.body.get("tools", ())}

    @property
    def results(self) -> list[tuple[str, str]]:
        """What came of each call that was made so far, in their order: id of the call and text."""
        found = [(one["tool_call_id"], one["content"]) for one in self.body["messages"] if one["role"] == "tool"]
        blocks = [block for one in self.body["messages"] if isinstance(one["content"], list) for block in one["content"]]
        return found + [(one["tool_use_id"], one["content"]) for one in blocks if one["type"] == "tool_result"]

    @property
    def shown(self) -> list[Json]:
        """The lines of JSON in fences that the model was shown so far."""
        told = "\n".join([self.asked, *(text for _, text in self.results)])
        fence = re.compile(r'^<memory-data (id="\w+")>\n(.*?)\n</memory-data \1>$', re.DOTALL | re.MULTILINE)
        fenced = [body for _, body in fence.findall(told)]
        return [json.loads(line) for body in fenced for line in body.splitlines()]

    def name_of(self, part: str) -> str:
        """Return the id under which the text that holds *part* was shown."""
        return str(next(line["id"] for line in self.shown if part in line.get("text", "")))

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


def calls(*made: tuple[str, Json], text: str = "", ending: str = "end", tokens: tuple[int, int] = (100, 20)) -> Reply:
    """Call tools, each by its name and its arguments; arguments that are text are sent as they are."""

    async def reply(_request: web.BaseRequest, heard: Heard) -> web.StreamResponse:
        if heard.path.endswith("/messages"):
            whole = _message(text, ending, tokens)
            whole["content"] += [
                {"type": "tool_use", "id": f"toolu_{place}", "name": name, "input": arguments}
                for place, (name, arguments) in enumerate(made)
            ]
            whole["stop_reason"] = "tool_use" if ending == "end" else whole["stop_reason"]
            return web.json_response(whole)
        whole = _completion(text or None, ending, tokens)
        whole["choices"][0]["message"]["tool_calls"] = [
            {
                "id": f"call_{place}",
                "type": "function",
                "function": {"name": name, "arguments": arguments if isinstance(arguments, str) else json.dumps(arguments)},
            }
            for place, (name, arguments) in enumerate(made)
        ]
        whole["choices"][0]["finish_reason"] = "tool_calls" if ending == "end" else whole["choices"][0]["finish_reason"]
        return web.json_response(whole)

    return reply


def decides(make: Callable[[Heard], Sequence[tuple[str, Json]]]) -> Reply:
    """Call what *make* makes of what was heard."""

    async def reply(request: web.BaseRequest, heard: Heard) -> web.StreamResponse:
        return await calls(*make(heard))(request, heard)

    return reply


def answers(**by_shape: Json) -> Reply:
    """Say to each question what is given for the title of its answer's schema."""

    async def reply(request: web.BaseRequest, heard: Heard) -> web.StreamResponse:
        return await says(by_shape[heard.schema["title"]])(request, heard)

    return reply


def together(number: int, reply: Reply) -> Reply:
    """Give *reply* to each of *number* requests when all of them are there."""
    all_there = asyncio.Barrier(number)

    async def waiting(request: web.BaseRequest, heard: Heard) -> web.StreamResponse:
        await all_there.wait()
        return await reply(request, heard)

    return waiting


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


def _completion(text: str | None, ending: str, tokens: tuple[int, int]) -> Json:
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
