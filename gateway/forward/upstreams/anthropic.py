"""
Anthropic Messages and its count of tokens.

The prompt goes behind the client's own system prompt. The context goes into a message of its own behind the last one, so that all
the client will send again stays the beginning of the next request: as `system` for the models that take one there, else as
`user`, which the provider joins with the user's message before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from gateway.forward.conversation import Conversation, Said, Speaker, conversation_of, text_of_blocks
from gateway.forward.layout import JsonText, Splice
from gateway.forward.reply import Ending, Reply, ReplyText
from gateway.forward.upstreams.base import JsonObject, Memory, Upstream, check_array, child, joined, objects

_TEXT = frozenset({"text"})
_ENDINGS: Mapping[Any, Ending] = {
    "end_turn": Ending.COMPLETE,
    "stop_sequence": Ending.COMPLETE,
    "max_tokens": Ending.COMPLETE,
    "model_context_window_exceeded": Ending.COMPLETE,
    "tool_use": Ending.TOOLS,
    "pause_turn": Ending.TOOLS,
    "refusal": Ending.REFUSED,
    None: Ending.UNFINISHED,
}
# the families that document a system message after a user's; an older model answers 400 to it
_TAKES_SYSTEM_MESSAGE = re.compile(r"claude-(opus-(4-[89]|[5-9])|sonnet-[5-9]|haiku-(5-5|[6-9])|(fable|mythos)-[5-9])(?![0-9])")
_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
}


def read(request: JsonObject) -> Conversation:
    """Return the conversation. UnknownShape."""
    return conversation_of([_said(message) for message in objects(request.get("messages"))])


def _said(message: JsonObject) -> Said:
    """Read one message."""
    content, role = message.get("content"), message.get("role")
    text, mark = text_of_blocks(content, _TEXT)
    if role == "user":
        return Said(Speaker.USER, text, mark)
    if role != "assistant":
        return Said(Speaker.SYSTEM, text, mark)
    calls = isinstance(content, list) and any(child(block, "type") == "tool_use" for block in content)
    return Said(Speaker.TOOLS if calls else Speaker.ASSISTANT, text, mark)


def inject(body: JsonText, conversation: Conversation, memory: Memory) -> list[Splice]:
    """Return what puts *memory* into the request. UnknownShape."""
    check_array(body, "messages")
    splices, unplaced = _inject_prompt(body, memory.prompt)
    context = joined(unplaced, memory.context)
    if context:
        takes_system = _TAKES_SYSTEM_MESSAGE.search(str(body.value.get("model")))
        message = {"role": "system" if takes_system else "user", "content": context}
        splices.append(body.insert_element("messages", conversation.place, message))
    return splices


def _inject_prompt(body: JsonText, prompt: str) -> tuple[list[Splice], str]:
    """Return what puts the *prompt* behind the system prompt, and what of it found no place."""
    if not prompt:
        return [], ""
    block = {"type": "text", "text": prompt}
    if "system" not in body.members:
        return [body.insert_member("system", [block])], ""
    system, span = body.value["system"], body.members["system"].value
    if isinstance(system, list):
        return [body.append_element(span, block)], ""
    if not isinstance(system, str):
        return [], prompt
    if not system.strip():
        # a block must not be blank
        return [body.append_text(span, prompt)], ""
    behind = b"}," + orjson.dumps(block) + b"]"
    return [Splice(span.start, b'[{"type":"text","text":'), Splice(span.stop, behind)], ""


def read_answer(answer: Any) -> Reply:
    """Return the reply of a whole answer."""
    text = ReplyText()
    content = child(answer, "content")
    for block in content if isinstance(content, list) else ():
        if child(block, "type") == "text":
            text.add(child(block, "text"))
    return text.reply(_ENDINGS.get(child(answer, "stop_reason"), Ending.COMPLETE))


class Reader:
    """Reads a streamed answer: text deltas, the reason for the stop, the end."""

    __slots__ = ("_ending", "_stopped", "_text")

    def __init__(self) -> None:
        """Begin before the first event."""
        self._text = ReplyText()
        self._stopped = Ending.COMPLETE
        self._ending = Ending.UNFINISHED

    def take(self, event: Any) -> None:
        """Read one event."""
        match child(event, "type"):
            case "content_block_delta" if child(event, "delta", "type") == "text_delta":
                self._text.add(event["delta"].get("text"))
            case "content_block_start" if child(event, "content_block", "type") == "text":
                self._text.add(event["content_block"].get("text"))
            case "message_delta" if child(event, "delta", "stop_reason"):
                self._stopped = _ENDINGS.get(event["delta"]["stop_reason"], Ending.COMPLETE)
            case "message_stop":
                self._ending = self._stopped
            case "error":
                self._ending = Ending.FAILED

    def reply(self) -> Reply:
        """Return the reply as far as it has come."""
        return self._text.reply(self._ending)


def error(status: int, message: str) -> JsonObject:
    """Return the body of an error."""
    kind = _ERROR_TYPES.get(status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": message}, "detail": message}


def error_event(message: str) -> JsonObject:
    """Return the event that tells of an error in a stream."""
    return {"type": "error", "error": {"type": "api_error", "message": message}}


def _upstream(name: str, path: str, *, stores: bool) -> Upstream:
    return Upstream(
        name=name,
        path=re.compile(path),
        stores=stores,
        knows_user=False,
        read=read,
        inject=inject,
        read_answer=read_answer,
        reader=Reader,
        error=error,
        error_event=error_event,
        event_name="error",
    )


MESSAGES = _upstream("anthropic_messages", r"/messages/?$", stores=True)
COUNT_TOKENS = _upstream("anthropic_count_tokens", r"/messages/count_tokens/?$", stores=False)
