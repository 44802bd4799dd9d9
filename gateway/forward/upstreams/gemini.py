"""
Gemini generateContent and streamGenerateContent.

The prompt is a part behind those of the client's system instruction, the context an entry of its own behind the last one.
"""

from __future__ import annotations

import re
from typing import Any

from gateway.forward.conversation import Conversation, Said, Speaker, conversation_of, mark_of
from gateway.forward.layout import JsonText, Splice, members_of
from gateway.forward.reply import Ending, Reply, ReplyText
from gateway.forward.upstreams.base import JsonObject, Memory, Upstream, check_array, child, joined, objects

_SYSTEM_NAMES = ("systemInstruction", "system_instruction")
_CALLS = frozenset({"functionCall", "function_call", "functionResponse", "function_response"})
_COMPLETE = frozenset({"STOP", "MAX_TOKENS"})
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    413: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def read(request: JsonObject) -> Conversation:
    """Return the conversation. UnknownShape."""
    return conversation_of([_said(content) for content in objects(request.get("contents"))])


def _said(content: JsonObject) -> Said:
    """Read one entry."""
    parts = objects(content.get("parts", []))
    text = "\n".join(part["text"] for part in parts if isinstance(part.get("text"), str) and not part.get("thought"))
    mark = "".join(mark_of(part) for part in parts if "text" not in part)
    if content.get("role", "user") == "user" and not _uses_tools(parts):
        return Said(Speaker.USER, text, mark)
    return Said(Speaker.TOOLS if _uses_tools(parts) or content.get("role") != "model" else Speaker.ASSISTANT, text, mark)


def _uses_tools(parts: list[JsonObject]) -> bool:
    return any(not _CALLS.isdisjoint(part) for part in parts)


def inject(body: JsonText, conversation: Conversation, memory: Memory) -> list[Splice]:
    """Return what puts *memory* into the request. UnknownShape."""
    check_array(body, "contents")
    splices, unplaced = _inject_prompt(body, memory.prompt)
    context = joined(unplaced, memory.context)
    if context:
        entry = {"role": "user", "parts": [{"text": context}]}
        splices.append(body.insert_element("contents", conversation.place, entry))
    return splices


def _inject_prompt(body: JsonText, prompt: str) -> tuple[list[Splice], str]:
    """Return what puts the *prompt* behind the system instruction, and what of it found no place."""
    if not prompt:
        return [], ""
    name = next((name for name in _SYSTEM_NAMES if name in body.members), None)
    if name is None:
        return [body.insert_member("systemInstruction", {"parts": [{"text": prompt}]})], ""
    if not isinstance(child(body.value, name, "parts"), list):
        return [], prompt
    parts = members_of(body.text, body.members[name].value.start)["parts"].value
    return [body.append_element(parts, {"text": prompt})], ""


class Reader:
    """Reads an answer, whole or in pieces of the same shape: the parts of its first candidate."""

    __slots__ = ("_calls", "_ending", "_text")

    def __init__(self) -> None:
        """Begin before the first piece."""
        self._text = ReplyText()
        self._ending = Ending.UNFINISHED
        self._calls = False

    def take(self, event: Any) -> None:
        """Read one piece."""
        if child(event, "error") or child(event, "promptFeedback", "blockReason"):
            self._ending = Ending.FAILED if child(event, "error") else Ending.REFUSED
            return
        parts = child(event, "candidates", 0, "content", "parts")
        for part in parts if isinstance(parts, list) else ():
            if not child(part, "thought"):
                self._text.add(child(part, "text"))
            self._calls = self._calls or child(part, "functionCall") is not None
        reason = child(event, "candidates", 0, "finishReason")
        if reason in _COMPLETE:
            self._ending = Ending.TOOLS if self._calls else Ending.COMPLETE
        elif reason:
            self._ending = Ending.REFUSED

    def reply(self) -> Reply:
        """Return the reply as far as it has come."""
        return self._text.reply(self._ending)


def read_answer(answer: Any) -> Reply:
    """Return the reply of a whole answer: an object, or the array that a stream is without `alt=sse`."""
    reader = Reader()
    for piece in answer if isinstance(answer, list) else (answer,):
        reader.take(piece)
    return reader.reply()


def error(status: int, message: str) -> JsonObject:
    """Return the body of an error."""
    return {"error": {"code": status, "message": message, "status": _STATUSES.get(status, "INTERNAL")}, "detail": message}


def error_event(message: str) -> JsonObject:
    """Return the event that tells of an error in a stream."""
    return {"error": {"code": 502, "message": message, "status": "UNAVAILABLE"}}


GENERATE_CONTENT = Upstream(
    name="gemini",
    path=re.compile(r"/models/[^/]+:(generateContent|streamGenerateContent)$"),
    stores=True,
    knows_user=False,
    read=read,
    inject=inject,
    read_answer=read_answer,
    reader=Reader,
    error=error,
    error_event=error_event,
)
