"""
What a model has been shown, under names that hold for one recall.

A model names things by `m1` (a memory), `t4` (a message), `s2` (a summary) and `c3` (a conversation). It never sees an id, so
there is none that it could make up: a name that was not given out is the name of nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from service.domain.ids import Scope, SessionId
from service.domain.memories import MemoryVersion
from service.domain.recall import Recalled, RecalledKind
from service.recall.indexing import turn_id
from service.recall.rendering import fenced, moment_text, span_text, stored

SHOWN_CHARS = 600
"""How much of a text is shown."""
UTC_ZONE = ZoneInfo("UTC")

_LETTERS = {RecalledKind.MEMORY: "m", RecalledKind.MESSAGE: "t", RecalledKind.SUMMARY: "s"}


class Shown:
    """The items and conversations that have names."""

    def __init__(self, scope: Scope) -> None:
        """Begin with nothing shown; *scope* keys the fence."""
        self._scope = scope
        self._names: dict[tuple[RecalledKind, str], str] = {}
        self._items: dict[str, Recalled] = {}
        self._conversations: dict[str, SessionId] = {}
        self._conversation_names: dict[SessionId, str] = {}

    def item(self, name: str) -> Recalled | None:
        """Return the item that was shown under *name*, or None."""
        return self._items.get(name)

    def conversation(self, name: str) -> SessionId | None:
        """Return the session that was shown under *name*, or None."""
        return self._conversations.get(name)

    def lines(self, items: Sequence[Recalled]) -> list[str]:
        """Return a line of JSON for each of *items*, which have names from now on. What was shown before is only named."""
        return [self._line(item) for item in items]

    def fence(self, lines: Sequence[str]) -> str:
        """Return *lines* in a fence, or that there is nothing."""
        return fenced(self._scope, "\n".join(lines)) if lines else "Nothing was found."

    def _line(self, item: Recalled) -> str:
        key = _key(item)
        if key in self._names:
            return _json({"id": self._names[key], "shown": "before"})
        name = f"{_LETTERS[item.kind]}{sum(kind is item.kind for kind, _ in self._names) + 1}"
        self._names[key] = name
        self._items[name] = item
        return _json({"id": name, **self._fields(item)})

    def _fields(self, item: Recalled) -> Mapping[str, object]:
        if item.memory is not None:
            more = {"earlier_versions": len(item.memory.versions) - 1, "connected": len(item.memory.connections)}
            source = {"conversation": self._conversation(item.sources[0].session_id)} if item.sources else {}
            return {**version_fields(item.memory.current), **source, **{name: count for name, count in more.items() if count}}
        if item.message is not None:
            message = item.message
            return {
                "role": message.role.value,
                "said": moment_text(message.timestamp, UTC_ZONE),
                "conversation": self._conversation(message.session_id),
                "text": _cut(message.content),
            }
        if item.summary is None:
            raise ValueError("an item has a memory, a message or a summary")
        return {"conversation": self._conversation(item.summary.session_id), "text": _cut(item.summary.content)}

    def _conversation(self, session_id: SessionId) -> str:
        name = self._conversation_names.setdefault(session_id, f"c{len(self._conversations) + 1}")
        self._conversations[name] = session_id
        return name


def version_fields(version: MemoryVersion) -> dict[str, object]:
    """Return what a model is shown of a version of a memory."""
    return {
        "when": span_text(version.event_start, version.event_end, UTC_ZONE),
        "categories": list(version.categories),
        "text": _cut(version.content),
    }


def version_line(number: int, version: MemoryVersion) -> str:
    """Return a version of a memory, 1 being the oldest, as a line of JSON."""
    ended = {"until": moment_text(version.expired_at, UTC_ZONE)} if version.expired_at else {}
    return _json({"version": number, **version_fields(version), **ended, "reason": version.reason.value})


def _key(item: Recalled) -> tuple[RecalledKind, str]:
    if item.memory is not None:
        return item.kind, item.memory.chain_id
    if item.message is not None:
        return item.kind, turn_id(item.message.session_id, item.message.index)
    return item.kind, item.summary.session_id if item.summary is not None else ""


def _cut(text: str) -> str:
    clean = stored(text)
    return clean if len(clean) <= SHOWN_CHARS else f"{clean[:SHOWN_CHARS]} …"


def _json(fields: Mapping[str, object]) -> str:
    return json.dumps(fields, ensure_ascii=False)
