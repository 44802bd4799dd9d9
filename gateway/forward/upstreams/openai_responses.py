"""
OpenAI Responses.

The prompt goes behind the client's instructions, which the provider does not carry over to the next response. The context is
an input item behind the last one; where the provider keeps the conversation, it keeps this item with it.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from gateway.forward.conversation import Conversation, Said, Speaker, UnknownShape, conversation_of, mark_of, text_of_blocks
from gateway.forward.layout import JsonText, Splice
from gateway.forward.reply import Ending, Reply, ReplyText
from gateway.forward.upstreams.base import JsonObject, Memory, Upstream, child, joined, objects
from gateway.forward.upstreams.openai_chat import error

_TEXT = frozenset({"input_text", "output_text", "text"})
_SPEAKERS = {"user": Speaker.USER, "assistant": Speaker.ASSISTANT}


def read(request: JsonObject) -> Conversation:
    """Return the conversation. UnknownShape."""
    given = request.get("input")
    said = [Said(Speaker.USER, given)] if isinstance(given, str) else [_said(item) for item in objects(given)]
    kept = [request.get("previous_response_id"), request.get("conversation")]
    return conversation_of(said, origin=mark_of(kept) if any(kept) else "")


def _said(item: JsonObject) -> Said:
    """Read one input item."""
    if item.get("type", "message") != "message":
        return Said(Speaker.TOOLS, "", mark_of(item))
    text, mark = text_of_blocks(item.get("content"), _TEXT)
    return Said(_SPEAKERS.get(str(item.get("role")), Speaker.SYSTEM), text, mark)


def inject(body: JsonText, conversation: Conversation, memory: Memory) -> list[Splice]:
    """Return what puts *memory* into the request. UnknownShape."""
    given = body.value.get("input")
    if not isinstance(given, str | list):
        raise UnknownShape
    span = body.members["input"].value
    splices, unplaced = _inject_instructions(body, memory.prompt)
    context = joined(unplaced, memory.context)
    if not context:
        return splices
    item = {"role": "developer", "content": context}
    if isinstance(given, list):
        return [*splices, body.insert_element("input", conversation.place, item)]
    behind = b"}," + orjson.dumps(item) + b"]"
    return [*splices, Splice(span.start, b'[{"role":"user","content":'), Splice(span.stop, behind)]


def _inject_instructions(body: JsonText, prompt: str) -> tuple[list[Splice], str]:
    """Return what puts the *prompt* behind the instructions, and what of it found no place."""
    if not prompt:
        return [], ""
    if "instructions" not in body.members:
        return [body.insert_member("instructions", prompt)], ""
    instructions = body.value["instructions"]
    if not isinstance(instructions, str):
        return [], prompt
    behind = f"\n\n{prompt}" if instructions else prompt
    return [body.append_text(body.members["instructions"].value, behind)], ""


def read_answer(answer: Any) -> Reply:
    """Return the reply of a whole answer."""
    text = ReplyText()
    calls = refused = False
    output = child(answer, "output")
    for item in output if isinstance(output, list) else ():
        calls = calls or str(child(item, "type")).endswith("function_call") or child(item, "type") == "custom_tool_call"
        content = child(item, "content")
        for part in content if child(item, "type") == "message" and isinstance(content, list) else ():
            refused = refused or child(part, "type") == "refusal"
            text.add(child(part, "text"))
    return text.reply(_ending(child(answer, "status"), calls=calls, refused=refused))


def _ending(status: Any, *, calls: bool, refused: bool) -> Ending:
    """Return how a response with this *status* ended."""
    if status in ("failed", "cancelled"):
        return Ending.FAILED
    if status in ("queued", "in_progress") or calls:
        return Ending.TOOLS
    return Ending.REFUSED if refused else Ending.COMPLETE


class Reader:
    """Reads a streamed answer: the last event carries all of it, the deltas are for one that breaks off."""

    __slots__ = ("_text", "_whole")

    def __init__(self) -> None:
        """Begin before the first event."""
        self._text = ReplyText()
        self._whole: Reply | None = None

    def take(self, event: Any) -> None:
        """Read one event."""
        match child(event, "type"):
            case "response.output_text.delta":
                self._text.add(event.get("delta"))
            case "response.completed" | "response.incomplete":
                self._whole = read_answer(event.get("response"))
            case "response.failed" | "error":
                self._whole = self._text.reply(Ending.FAILED)

    def reply(self) -> Reply:
        """Return the reply as far as it has come."""
        return self._whole or self._text.reply(Ending.UNFINISHED)


def error_event(message: str) -> JsonObject:
    """Return the event that tells of an error in a stream."""
    return {"type": "error", "code": "server_error", "message": message, "param": None, "sequence_number": 0}


RESPONSES = Upstream(
    name="openai_responses",
    path=re.compile(r"/responses/?$"),
    stores=True,
    knows_user=True,
    read=read,
    inject=inject,
    read_answer=read_answer,
    reader=Reader,
    error=error,
    error_event=error_event,
    event_name="error",
)
