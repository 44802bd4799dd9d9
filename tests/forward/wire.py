"""What each provider sends, as documented: whole answers and streams."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

Json = Any


def sse(events: Sequence[Json], *, named: bool = False, done: bool = False) -> list[bytes]:
    """Return *events* as frames; *named* ones say their type in the `event` field too."""
    frames = [
        (f"event: {event['type']}\n" if named else "").encode() + b"data: " + json.dumps(event).encode() + b"\n\n"
        for event in events
    ]
    return [*frames, b"data: [DONE]\n\n"] if done else frames


def pieces(text: str) -> list[str]:
    """Return *text* cut after each blank, as tokens come."""
    words = text.split(" ")
    return [word + " " for word in words[:-1]] + [words[-1]]


def anthropic(text: str, *, stop: str = "end_turn", tool: Json | None = None) -> Json:
    """Return a whole message."""
    content: list[Json] = [{"type": "text", "text": text, "citations": None}] if text else []
    if tool:
        content.append({"type": "tool_use", "id": "toolu_1", **tool})
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5-5",
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 5},
    }


def anthropic_events(text: str, *, stop: str = "end_turn") -> list[Json]:
    """Return the events of a streamed message: thinking, a ping, an unknown event, then text."""
    start = {**anthropic(""), "content": [], "stop_reason": None}
    return [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Let me see."}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2ln"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "ping"},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": piece}} for piece in pieces(text)),
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None}, "usage": {"output_tokens": 5}},
        {"type": "message_stop"},
    ]


def chat(text: str | None, *, finish: str = "stop", tool_calls: Json | None = None) -> Json:
    """Return a whole chat completion."""
    message: Json = {"role": "assistant", "content": text, "refusal": None}
    if tool_calls:
        message["tool_calls"] = tool_calls
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-5",
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }


def chat_events(text: str, *, finish: str = "stop") -> list[Json]:
    """Return the chunks of a streamed chat completion, the usage last."""
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-5"}

    def chunk(delta: Json, reason: str | None = None) -> Json:
        return {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}]}

    return [
        chunk({"role": "assistant", "content": ""}),
        *(chunk({"content": piece}) for piece in pieces(text)),
        chunk({}, finish),
        {**base, "choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}},
    ]


def response(text: str, *, status: str = "completed", call: Json | None = None) -> Json:
    """Return a whole response."""
    output: list[Json] = [{"type": "reasoning", "id": "rs_1", "summary": []}]
    if text:
        part = {"type": "output_text", "text": text, "annotations": []}
        output.append({"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [part]})
    if call:
        output.append({"type": "function_call", "id": "fc_1", "call_id": "call_1", "status": "completed", **call})
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": status,
        "model": "gpt-5",
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "temperature": 1.0,
        "top_p": 1.0,
    }


def response_events(text: str) -> list[Json]:
    """Return the events of a streamed response."""
    empty = {**response(""), "status": "in_progress", "output": []}
    item = {"type": "message", "id": "msg_1", "status": "in_progress", "role": "assistant", "content": []}
    part = {"type": "output_text", "text": "", "annotations": []}
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    events: list[Json] = [
        {"type": "response.created", "response": empty},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.added", **place, "part": part},
        *({"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []} for piece in pieces(text)),
        {"type": "response.output_text.done", **place, "text": text, "logprobs": []},
        {"type": "response.completed", "response": response(text)},
    ]
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def gemini(text: str, *, finish: str | None = "STOP", call: Json | None = None) -> Json:
    """Return a whole answer, or one piece of a stream."""
    parts: list[Json] = [{"text": "Hm.", "thought": True}, {"text": text}]
    if call:
        parts.append({"functionCall": call})
    candidate: Json = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "usageMetadata": {"totalTokenCount": 15}, "modelVersion": "gemini-3"}


def gemini_events(text: str) -> list[Json]:
    """Return the pieces of a streamed answer."""
    words = pieces(text)
    return [gemini(word, finish="STOP" if number == len(words) - 1 else None) for number, word in enumerate(words)]
