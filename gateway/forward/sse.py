"""Server-sent events out of bytes that come in pieces of any size."""

from __future__ import annotations

import re

_LINE_END = re.compile(rb"\r\n|\n|\r")
_DATA = b"data:"


class EventTooLong(Exception):
    """An event is longer than what is kept of it."""


class EventParser:
    """Gathers the data of events. Holds at most *limit* bytes."""

    __slots__ = ("_buffer", "_data", "_limit", "_scanned", "_size")

    def __init__(self, limit: int) -> None:
        """Begin before the first byte of a stream."""
        self._limit = limit
        self._buffer = bytearray()
        self._scanned = 0
        self._data: list[bytes] = []
        self._size = 0

    @property
    def inside_event(self) -> bool:
        """Whether an event has begun and not ended."""
        return bool(self._buffer.strip(b"\r\n") or self._data)

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the data of the events that end in *chunk*. EventTooLong when one outgrows the limit."""
        buffer = self._buffer
        buffer += chunk
        events: list[bytes] = []
        start = 0
        for end in _LINE_END.finditer(buffer, self._scanned):
            begin, stop = end.span()
            if stop == len(buffer) and buffer[begin:] == b"\r":
                # the next byte may be the other half of this line end
                break
            self._take(bytes(buffer[start:begin]), events)
            start = stop
        del buffer[:start]
        self._scanned = max(0, len(buffer) - 1)
        if len(buffer) + self._size > self._limit:
            raise EventTooLong
        return events

    def finish(self) -> list[bytes]:
        """Return the data of the last event when the stream ended without the blank line after it."""
        events: list[bytes] = []
        self._take(bytes(self._buffer).rstrip(b"\r"), events)
        self._buffer.clear()
        if self._data:
            self._take(b"", events)
        return events

    def _take(self, line: bytes, events: list[bytes]) -> None:
        """Read one *line*; a blank one ends the event."""
        if line.startswith(_DATA):
            data = line[len(_DATA) :].removeprefix(b" ")
            self._data.append(data)
            self._size += len(data)
        elif not line and self._data:
            events.append(b"\n".join(self._data))
            self._data.clear()
            self._size = 0
