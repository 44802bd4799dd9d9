"""Reads an answer beside its relay. What it cannot read or keep it gives up on; the relay never notices."""

from __future__ import annotations

import zlib
from typing import Protocol

import orjson

from gateway.forward.reply import Ending, Reply
from gateway.forward.sse import EventParser, EventTooLong
from gateway.forward.upstreams.base import Upstream

KEPT_BYTES = 4 * 1024 * 1024
"""The most bytes of an answer, or of one event, that are held at a time."""

_WINDOW = {b"gzip": 16 + zlib.MAX_WBITS, b"x-gzip": 16 + zlib.MAX_WBITS, b"deflate": zlib.MAX_WBITS}


class Unreadable(Exception):
    """What comes cannot be read, or is too much to hold."""


class _Reading(Protocol):
    """Reads the plain bytes of one answer."""

    def feed(self, chunk: bytes) -> None: ...
    def finish(self) -> None: ...
    def reply(self) -> Reply: ...
    def inside_event(self) -> bool: ...


class _Stream:
    """Reads server-sent events."""

    def __init__(self, upstream: Upstream) -> None:
        self._parser = EventParser(KEPT_BYTES)
        self._reader = upstream.reader()

    def feed(self, chunk: bytes) -> None:
        try:
            self._take(self._parser.feed(chunk))
        except EventTooLong as error:
            raise Unreadable from error

    def finish(self) -> None:
        self._take(self._parser.finish())

    def _take(self, events: list[bytes]) -> None:
        for data in events:
            try:
                event = orjson.loads(data)
            except orjson.JSONDecodeError:
                # `[DONE]`, the beginning of an event that broke off, or nothing that we know
                continue
            self._reader.take(event)

    def reply(self) -> Reply:
        return self._reader.reply()

    def inside_event(self) -> bool:
        return self._parser.inside_event


class _Whole:
    """Reads one JSON text."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._body = bytearray()
        self._reply = Reply(text="", ending=Ending.UNFINISHED)

    def feed(self, chunk: bytes) -> None:
        self._body += chunk
        if len(self._body) > KEPT_BYTES:
            self._body.clear()
            raise Unreadable

    def finish(self) -> None:
        try:
            self._reply = self._upstream.read_answer(orjson.loads(self._body))
        except orjson.JSONDecodeError as error:
            raise Unreadable from error

    def reply(self) -> Reply:
        return self._reply

    def inside_event(self) -> bool:
        return False


class Tee:
    """
    Gathers the reply of one answer from the bytes that are relayed.

    *lost* says that something could not be read or kept: what came before it is all there is.
    """

    __slots__ = ("_inflate", "_reading", "lost", "streams")

    def __init__(self, upstream: Upstream, *, content_type: bytes, encoding: bytes) -> None:
        """Read an answer with these headers; *encoding* is empty for a plain one."""
        self.streams = content_type.lower().startswith(b"text/event-stream")
        self._reading: _Reading = _Stream(upstream) if self.streams else _Whole(upstream)
        encoding = encoding.strip().lower()
        window = _WINDOW.get(encoding)
        self._inflate = zlib.decompressobj(window) if window is not None else None
        self.lost = window is None and encoding not in (b"", b"identity")

    @property
    def inside_event(self) -> bool:
        """Whether a streamed event has begun and not ended."""
        return self._reading.inside_event()

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the answer."""
        if self.lost:
            return
        try:
            if self._inflate is None:
                self._reading.feed(chunk)
            else:
                self._feed_inflated(chunk)
        except (Unreadable, zlib.error):
            self.lost = True

    def _feed_inflated(self, chunk: bytes) -> None:
        """Unpack *chunk* in steps, so that a small one cannot become more than is held."""
        inflate = self._inflate
        while inflate is not None and chunk:
            self._reading.feed(inflate.decompress(chunk, KEPT_BYTES // 4))
            chunk = inflate.unconsumed_tail

    def finish(self) -> Reply:
        """Return the reply of an answer that came to its end, or that was left: it is as finished as it says itself."""
        if not self.lost:
            try:
                self._reading.finish()
            except Unreadable:
                self.lost = True
        reply = self._reading.reply()
        return Reply(text=reply.text, ending=reply.ending, truncated=reply.truncated or self.lost)
