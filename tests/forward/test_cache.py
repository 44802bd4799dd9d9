"""A provider's prompt cache keeps working: what a client sends again is the beginning of the next request, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from gateway.forward.conversation import UnknownShape
from gateway.forward.layout import JsonText, spliced
from gateway.forward.upstreams import UPSTREAMS, upstream_of
from gateway.forward.upstreams.base import Memory, Upstream

PROMPT = "How to read memory."
WRITERS: dict[str, Callable[[Any], bytes]] = {
    "compact": orjson.dumps,
    "spaced": lambda value: json.dumps(value).encode(),
    "indented": lambda value: json.dumps(value, indent=2, ensure_ascii=False).encode(),
}
MARK = {"cache_control": {"type": "ephemeral"}}


def api(path: str) -> Upstream:
    """Return the API that serves *path*."""
    upstream = upstream_of("POST", path)
    assert upstream is not None
    return upstream


def injected(path: str, body: bytes, *, context: str = "Alice has a dog.", prompt: str = PROMPT) -> bytes:
    """Return *body* with memory in it."""
    upstream, text = api(path), JsonText(body)
    memory = Memory(prompt=prompt, context=context)
    return spliced(body, upstream.inject(text, upstream.read(text.value), memory))


def common(first: bytes, second: bytes) -> int:
    """Return how many bytes the two begin with alike."""
    return next(
        (index for index, (one, other) in enumerate(zip(first, second, strict=False)) if one != other),
        min(len(first), len(second)),
    )


CHAT_TURNS = [
    {"role": "system", "content": "Be brief. é\u2028"},
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hello!"},
    {"role": "user", "content": [{"type": "text", "text": "Is it raining?"}]},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "w", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "c", "content": "dry"},
    {"role": "assistant", "content": "No."},
    {"role": "user", "content": "Thanks"},
]
ANTHROPIC_TURNS = [
    {"role": "user", "content": "Hi"},
    {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "…", "signature": "c2ln"}, {"type": "text", "text": "Hello!"}],
    },
    {"role": "user", "content": [{"type": "text", "text": "Is it raining?", **MARK}]},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "w", "input": {"b": 1, "a": 2.50}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "dry"}]},
    {"role": "assistant", "content": "No."},
    {"role": "user", "content": "Thanks"},
]
RESPONSE_ITEMS = [
    {"role": "user", "content": "Hi"},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello!"}]},
    {"role": "user", "content": [{"type": "input_text", "text": "Is it raining?"}]},
    {"type": "reasoning", "id": "rs", "summary": []},
    {"type": "function_call", "call_id": "c", "name": "w", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": "dry"},
    {"role": "assistant", "content": "No."},
    {"role": "user", "content": "Thanks"},
]
GEMINI_CONTENTS = [
    {"role": "user", "parts": [{"text": "Hi"}]},
    {"role": "model", "parts": [{"text": "Hello!", "thoughtSignature": "c2ln"}]},
    {"role": "user", "parts": [{"text": "Is it raining?"}]},
    {"role": "model", "parts": [{"functionCall": {"name": "w", "args": {}}}]},
    {"role": "user", "parts": [{"functionResponse": {"name": "w", "response": {"rain": False}}}]},
    {"role": "model", "parts": [{"text": "No."}]},
    {"role": "user", "parts": [{"text": "Thanks"}]},
]
CONVERSATIONS: dict[str, tuple[str, dict[str, Any], str, list[Any], tuple[int, ...]]] = {
    "chat": ("/v1/chat/completions", {"model": "gpt-5"}, "messages", CHAT_TURNS, (2, 4, 6, 8)),
    "anthropic, no system": ("/v1/messages", {"model": "claude-opus-4-1"}, "messages", ANTHROPIC_TURNS, (1, 3, 5, 7)),
    "anthropic, text": (
        "/v1/messages",
        {"model": "claude-opus-4-8", "system": 'Be "brief".'},
        "messages",
        ANTHROPIC_TURNS,
        (1, 3, 5, 7),
    ),
    "anthropic, blocks": (
        "/v1/messages",
        {"model": "claude-sonnet-5-5", "system": [{"type": "text", "text": "Be brief.", **MARK}]},
        "messages",
        ANTHROPIC_TURNS,
        (1, 3, 5, 7),
    ),
    "responses": ("/v1/responses", {"model": "gpt-5", "instructions": "Be brief."}, "input", RESPONSE_ITEMS, (1, 3, 6, 8)),
    "gemini": (
        "/v1beta/models/m:generateContent",
        {"systemInstruction": {"parts": [{"text": "Be brief."}]}},
        "contents",
        GEMINI_CONTENTS,
        (1, 3, 5, 7),
    ),
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_growing_conversation_keeps_its_beginning(name: str, writer: str) -> None:
    """Two consecutive requests have in common all that the client's own have, and the prompt, though the context differs."""
    path, head, key, turns, steps = CONVERSATIONS[name]
    asked = [WRITERS[writer]({**head, key: turns[:step]}) for step in steps]
    sent = [injected(path, body, context=f"Recalled at {number}.") for number, body in enumerate(asked)]
    prompt = len(injected(path, asked[0], context="")) - len(asked[0])
    for number in range(1, len(steps)):
        kept = common(asked[number - 1], asked[number])
        assert kept >= len(asked[number - 1]) - len("\n  ]\n}")
        assert common(sent[number - 1], sent[number]) >= kept + prompt


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_nothing_is_written_anew(name: str, writer: str) -> None:
    """What is sent without what was put in is what the client wrote, to the byte."""
    path, head, key, turns, _ = CONVERSATIONS[name]
    body = JsonText(WRITERS[writer]({"temperature": 1.0, "unknown": [1e2, None], **head, key: turns}))
    upstream = api(path)
    splices = upstream.inject(body, upstream.read(body.value), Memory(prompt=PROMPT, context="Alice has a dog."))
    assert splices
    assert all(splice.removed == 0 for splice in splices)


def test_four_cache_markers_stay_four() -> None:
    """None is added, so the provider's limit is never exceeded."""
    marked = [{"type": "text", "text": "a", **MARK}] * 4
    body = orjson.dumps({"model": "m", "system": marked, "messages": [{"role": "user", "content": "Hi"}]})
    assert injected("/v1/messages", body).count(b"cache_control") == 4


USER = {"role": "user", "content": "Hi"}
MEM = "Alice has a dog."
SHAPES: list[tuple[str, Any, Any]] = [
    (
        "/v1/messages",
        {"model": "claude-opus-4-1", "messages": [USER]},
        {
            "system": [{"type": "text", "text": PROMPT}],
            "model": "claude-opus-4-1",
            "messages": [USER, {"role": "user", "content": MEM}],
        },
    ),
    (
        "/v1/messages",
        {"model": "claude-opus-4-8", "system": "S", "messages": [USER]},
        {
            "model": "claude-opus-4-8",
            "system": [{"type": "text", "text": "S"}, {"type": "text", "text": PROMPT}],
            "messages": [USER, {"role": "system", "content": MEM}],
        },
    ),
    (
        "/v1/messages",
        {"model": "m", "system": "", "messages": [USER, {"role": "assistant", "content": "Sure:"}]},
        {
            "model": "m",
            "system": PROMPT,
            "messages": [USER, {"role": "user", "content": MEM}, {"role": "assistant", "content": "Sure:"}],
        },
    ),
    (
        "/v1/messages",
        {"model": "m", "system": None, "messages": [USER]},
        {"model": "m", "system": None, "messages": [USER, {"role": "user", "content": f"{PROMPT}\n\n{MEM}"}]},
    ),
    (
        "/v1/chat/completions",
        {"messages": [USER]},
        {"messages": [{"role": "system", "content": PROMPT}, USER, {"role": "system", "content": MEM}]},
    ),
    (
        "/v1/chat/completions",
        {"messages": [{"role": "developer", "content": "S"}, USER]},
        {
            "messages": [
                {"role": "developer", "content": "S"},
                {"role": "developer", "content": PROMPT},
                USER,
                {"role": "developer", "content": MEM},
            ]
        },
    ),
    (
        "/v1/responses",
        {"model": "m", "input": "Hi"},
        {
            "instructions": PROMPT,
            "model": "m",
            "input": [{"role": "user", "content": "Hi"}, {"role": "developer", "content": MEM}],
        },
    ),
    (
        "/v1/responses",
        {"instructions": "S", "input": [USER], "previous_response_id": "resp_1"},
        {
            "instructions": f"S\n\n{PROMPT}",
            "input": [USER, {"role": "developer", "content": MEM}],
            "previous_response_id": "resp_1",
        },
    ),
    (
        "/v1beta/models/m:generateContent",
        {"contents": [{"parts": [{"text": "Hi"}]}]},
        {
            "systemInstruction": {"parts": [{"text": PROMPT}]},
            "contents": [{"parts": [{"text": "Hi"}]}, {"role": "user", "parts": [{"text": MEM}]}],
        },
    ),
    (
        "/v1beta/models/m:streamGenerateContent",
        {"system_instruction": {"role": "user", "parts": [{"text": "S"}]}, "contents": []},
        {
            "system_instruction": {"role": "user", "parts": [{"text": "S"}, {"text": PROMPT}]},
            "contents": [{"role": "user", "parts": [{"text": MEM}]}],
        },
    ),
]


@pytest.mark.parametrize(("path", "asked", "sent"), SHAPES)
def test_where_memory_goes(path: str, asked: Any, sent: Any) -> None:
    """The prompt behind the client's own instructions, the context behind its last message."""
    assert orjson.loads(injected(path, orjson.dumps(asked))) == sent


@pytest.mark.parametrize("upstream", UPSTREAMS, ids=lambda upstream: upstream.name)
@pytest.mark.parametrize(
    "shape", [{}, {"messages": {}, "input": {}, "contents": {}}, {"messages": [1], "input": [1], "contents": [1]}]
)
def test_an_unknown_shape_is_left_alone(upstream: Upstream, shape: Any) -> None:
    """It is said, and not guessed at."""
    with pytest.raises(UnknownShape):
        upstream.read(shape)
