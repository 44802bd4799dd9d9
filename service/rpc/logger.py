"""What the transport wants of a logger."""

from __future__ import annotations

from typing import Protocol


class Logger(Protocol):
    """Writes events with fields."""

    def info(self, event: str, **fields: object) -> None:
        """Write what is worth knowing."""
        ...

    def error(self, event: str, **fields: object) -> None:
        """Write what is broken; `exc_info` carries an exception."""
        ...
