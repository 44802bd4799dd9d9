"""Log lines for a person at a terminal: one readable line instead of one JSON object."""

from __future__ import annotations

import io
import json
import sys
from typing import TextIO, cast

_LEAD = ("timestamp", "level", "event", "component")


def readable(line: str) -> str:
    """
    Return a JSON log line as `02:26:04 info    event  name=value …`, a traceback below it; anything else as it is.

    The time of day is in UTC, as in the JSON.
    """
    try:
        entry = json.loads(line)
    except ValueError:
        return line
    if not isinstance(entry, dict) or "event" not in entry:
        return line
    exception = entry.pop("exception", None)
    time = str(entry.get("timestamp", ""))[11:19]
    fields = "".join(f"  {name}={value}" for name, value in entry.items() if name not in _LEAD)
    text = f"{time} {entry.get('level', ''):<7} {entry['event']}{fields}\n"
    return text if exception is None else f"{text}{_trace(exception)}"


def _trace(exception: object) -> str:
    if isinstance(exception, str):
        return f"{exception.rstrip()}\n"
    return json.dumps(exception, indent=2) + "\n"


class ReadableStream(io.TextIOBase):
    """A text stream that turns each JSON log line into a readable one. Takes whole lines, or parts that end with one."""

    def __init__(self, target: TextIO) -> None:
        """Write to *target*."""
        super().__init__()
        self._target = target
        self._rest = ""

    def write(self, text: str) -> int:
        """Pass on every line that is complete."""
        *lines, self._rest = (self._rest + text).split("\n")
        self._target.writelines(readable(f"{line}\n") for line in lines)
        return len(text)

    def flush(self) -> None:
        """Flush the target."""
        self._target.flush()


def log_stream() -> TextIO:
    """Return where log lines go: standard error, made readable when it is a terminal."""
    if not sys.stderr.isatty():
        return sys.stderr
    # a text stream by its methods; typing has no common base for the two
    return cast(TextIO, ReadableStream(sys.stderr))
