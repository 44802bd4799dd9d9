"""Text in the values that providers use for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from service.domain.sessions import MessageRole
from service.domain.values import Json, JsonObject

MAX_TEXT = 1_000_000
"""The most characters that are kept of one message."""
SECRETS = frozenset({"api_key", "apikey", "extra_headers", "headers", "organization", "authorization"})
"""Keys, in lower case, of what an application tells its provider and nobody else."""

_DEEPEST = 8
_TEXT_TYPES = frozenset({"text", "input_text", "output_text", "message", ""})
_ROLES: Mapping[str, MessageRole] = {
    "user": MessageRole.USER,
    "human": MessageRole.USER,
    "assistant": MessageRole.ASSISTANT,
    "model": MessageRole.ASSISTANT,
    "chatbot": MessageRole.ASSISTANT,
    "bot": MessageRole.ASSISTANT,
    "ai": MessageRole.ASSISTANT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one side of a conversation said."""

    role: MessageRole
    text: str


def text_of(value: Json, depth: int = 0) -> str:
    """Return the text of a value: of a list that of its parts, line by line; of an object, if it is text, that of its content."""
    if isinstance(value, str):
        return value
    if depth > _DEEPEST:
        return ""
    if isinstance(value, Mapping):
        if str(value.get("type") or "") not in _TEXT_TYPES:
            return ""
        part = next((value[name] for name in ("text", "value", "parts", "content") if value.get(name) is not None), None)
        return text_of(part, depth + 1)
    if isinstance(value, Sequence):
        return "\n".join(filter(None, (text_of(part, depth + 1) for part in value)))
    return ""


def role_of(value: JsonObject) -> MessageRole | None:
    """Return who says a message; nobody speaks for systems and tools. A message without a role is the user's."""
    role = value.get("role")
    if role is None or role == "":
        return MessageRole.USER
    return _ROLES.get(role.lower()) if isinstance(role, str) else None


def objects_in(value: Json) -> Iterator[JsonObject]:
    """Yield the objects of a list."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        for each in value:
            if isinstance(each, Mapping):
                yield each


def object_of(value: Json) -> JsonObject:
    """Return the object that a value is or stands for: JSON text, or bytes as JavaScript writes them. Else an empty one."""
    if isinstance(value, str):
        try:
            parsed: Json = json.loads(value)
        except ValueError:
            return {}
        return parsed if isinstance(parsed, Mapping) else {}
    if not isinstance(value, Mapping):
        return {}
    stored = value.get("data") if value.get("type") == "Buffer" else None
    numbers = stored if stored is not None else list(value.values()) if value and all(map(str.isdecimal, value)) else None
    if not isinstance(numbers, list) or not all(isinstance(each, int) and 0 <= each < 256 for each in numbers):
        return value
    return object_of(bytes(numbers).decode(errors="replace"))


def without_secrets(value: Json, depth: int = 0) -> Json:
    """Return a value without what is nobody's business but the provider's, at any depth that is read at all."""
    if isinstance(value, Mapping):
        if depth > 4 * _DEEPEST:
            return {}
        return {name: without_secrets(each, depth + 1) for name, each in value.items() if name.lower() not in SECRETS}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [without_secrets(each, depth + 1) for each in value] if depth <= 4 * _DEEPEST else []
    return value
