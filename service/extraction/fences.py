"""
Recalled text that comes back inside a message.

Whoever puts a recalled context into a prompt may send that prompt back to us as a message. Everything that Mneme gives out is
fenced, so that it can be found and taken out: it must never be stored as if the user had said it.
"""

from __future__ import annotations

import re

FENCE_NAMES = ("mneme-context", "memory-data", "memory-context")
"""The elements that fence what Mneme gives out: `<memory-data id="…"> … </memory-data id="…">`."""

_OPEN = re.compile(rf"<({'|'.join(FENCE_NAMES)})\b([^<>]*)>", re.IGNORECASE)


def without_fenced(text: str) -> str:
    """
    Return *text* without its fenced parts. Linear in its length.

    A fence with attributes ends at the closing element with the same attributes, so that stored text which itself says
    `</memory-data>` cannot end it early. What is never closed is fenced to the end.
    """
    kept: list[str] = []
    at = 0
    while opening := _OPEN.search(text, at):
        kept.append(text[at : opening.start()])
        at = _end_of_fence(text, opening)
    kept.append(text[at:])
    return " ".join(part for part in kept if part)


def _end_of_fence(text: str, opening: re.Match[str]) -> int:
    name, attributes = opening.groups()
    exact = f"</{name}{attributes}>"
    end = text.find(exact, opening.end())
    if end >= 0:
        return end + len(exact)
    plain = re.compile(rf"</{name}\s*>", re.IGNORECASE).search(text, opening.end())
    return plain.end() if plain else len(text)
