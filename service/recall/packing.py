"""
Packing: what was recalled, as a list for a prompt that takes at most so many tokens.

What is worth most goes in first; what finds no room is passed over for something shorter. The list is fenced like a context.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from service.domain.ids import Scope
from service.recall.budget import Budget, TokenCounter
from service.recall.rendering import fenced

T = TypeVar("T")

HEADING = "# Memory"
FRAME_TOKENS = 60
"""What the heading, the fence and its two ids take, at the most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed(Generic[T]):
    """A *text*, the *items* that are in it, best first, and how many *tokens* it takes. Without an item the text is empty."""

    text: str
    items: Sequence[T]
    tokens: int


def pack(scope: Scope, items: Sequence[T], line: Callable[[T], str], *, tokens: int, count: TokenCounter) -> Packed[T]:
    """Return as many of *items*, best first, as find room in *tokens*, each as its *line*. The text never takes more."""
    room = Budget(tokens - FRAME_TOKENS, count)
    kept = [(item, text) for item in items if room.spend(*(text := line(item)).splitlines())]
    while kept:
        text = f"{HEADING}\n\n{fenced(scope, chr(10).join(text for _, text in kept))}"
        taken = count(text)
        if taken <= tokens:
            return Packed(text=text, items=[item for item, _ in kept], tokens=taken)
        # only texts whose tokens reach across lines get here: give up the least of them until it fits
        kept.pop()
    return Packed(text="", items=(), tokens=0)
