"""What a call brings in, where its request does not show it: counted by the usage interceptor for the length of a call."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

METER: ContextVar[Callable[[str], None]] = ContextVar("meter")


def count_text(text: str) -> None:
    """Count the tokens of a text that the call brought in. A call that is not metered raises LookupError."""
    METER.get()(text)
