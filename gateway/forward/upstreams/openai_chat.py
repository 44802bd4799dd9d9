"""
OpenAI Chat Completions, and what speaks like it.

The prompt is a message behind the client's leading system messages, the context one behind the last message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway.forward.conversation import Conversation, Said, Speaker, conversation_of, text_of_blocks
from gateway.forward.layout import JsonText, Splice
from gateway.forward.reply import Ending, Reply, ReplyText
from gateway.forward.upstreams.base import JsonObject, Memory, Upstream, check_array, child, objects

_TEXT = frozenset({"text"})
_INSTRUCTING = frozenset({"system", "developer"})
_ENDINGS: Mapping[Any, Ending] = {
    "stop": Ending.COMPLETE,
    "length": Ending.COMPLETE,
    "tool_calls": Ending.TOOLS,
    "function_call": Ending.TOOLS,
    "content_filter": Ending.REFUSED,
    None: Ending.UNFINISHED,
}
_ERROR_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


def read(request: JsonObject) -> Conversation:
    """Return the conversation. UnknownShape."""
    return conversation_of([_said(message) for message in objects(request.get("messages"))])


def _said(message: JsonObject) -> Said:
    """Read one message."""
    role = message.get("role")
    text, mark = text_of_blocks(message.get("content"), _TEXT)
    if role == "user":
        return Said(Speaker.USER, text, mark)
    if role == "assistant":
        calls = message.get("tool_calls") or message.get("function_call")
        return Said(Speaker.TOOLS, text, mark + str(calls)) if calls else Said(Speaker.ASSISTANT, text, mark)
    if role in _INSTRUCTING:
        return Said(Speaker.SYSTEM, text, mark)
    return Said(Speaker.TOOLS, text, mark)


def inject(body: JsonText, conversation: Conversation, memory: Memory) -> list[Splice]:
    """Return what puts *memory* into the request. UnknownShape."""
    check_array(body, "messages")
    roles = [message.get("role") for message in body.value["messages"]]
    leading = next((index for index, role in enumerate(roles) if role not in _INSTRUCTING), len(roles))
    role = "developer" if "developer" in roles else "system"
    splices = []
    if memory.prompt:
        splices.append(body.insert_element("messages", leading, {"role": role, "content": memory.prompt}))
    if memory.context:
        splices.append(body.insert_element("messages", conversation.place, {"role": role, "content": memory.context}))
    return splices


def read_answer(answer: Any) -> Reply:
    """Return the reply of a whole answer: that of its first choice."""
    text = ReplyText()
    text.add(child(answer, "choices", 0, "message", "content"))
    if child(answer, "choices", 0, "message", "refusal"):
        return text.reply(Ending.REFUSED)
    return text.reply(_ENDINGS.get(child(answer, "choices", 0, "finish_reason"), Ending.COMPLETE))


class Reader:
    """Reads a streamed answer: the deltas of its first choice."""

    __slots__ = ("_ending", "_refused", "_text")

    def __init__(self) -> None:
        """Begin before the first event."""
        self._text = ReplyText()
        self._ending = Ending.UNFINISHED
        self._refused = False

    def take(self, event: Any) -> None:
        """Read one event."""
        if child(event, "error"):
            self._ending = Ending.FAILED
            return
        choices = child(event, "choices")
        for choice in choices if isinstance(choices, list) else ():
            if child(choice, "index") == 0:
                self._take_delta(choice)

    def _take_delta(self, choice: JsonObject) -> None:
        """Read what the first choice goes on with."""
        self._text.add(child(choice, "delta", "content"))
        self._refused = self._refused or bool(child(choice, "delta", "refusal"))
        reason = choice.get("finish_reason")
        if reason:
            self._ending = Ending.REFUSED if self._refused else _ENDINGS.get(reason, Ending.COMPLETE)

    def reply(self) -> Reply:
        """Return the reply as far as it has come."""
        return self._text.reply(self._ending)


def error(status: int, message: str) -> JsonObject:
    """Return the body of an error."""
    kind = _ERROR_TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"error": {"message": message, "type": kind, "param": None, "code": None}, "detail": message}


def error_event(message: str) -> JsonObject:
    """Return the event that tells of an error in a stream."""
    return {"error": {"message": message, "type": "server_error", "param": None, "code": None}}


CHAT_COMPLETIONS = Upstream(
    name="openai_chat",
    path=re.compile(r"/chat/completions/?$"),
    stores=True,
    knows_user=True,
    read=read,
    inject=inject,
    read_answer=read_answer,
    reader=Reader,
    error=error,
    error_event=error_event,
)
