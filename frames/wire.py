"""
What goes over the socket: frames, each a prefix, a head and a payload.

    | call, 8 bytes | kind, 1 | length of the head, 4 | length of the payload, 4 | head | payload |

Numbers are little-endian. The caller numbers its calls. A request has a `RequestHead` and the request message, a response a
`ResponseHead` and the response message; the other kinds have neither.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import TypeAlias, cast

from google.protobuf.message import DecodeError
from mneme.internal.v1.frame_pb2 import Metadatum

Metadata: TypeAlias = Sequence[tuple[str, str | bytes]]

MEBIBYTE = 1024 * 1024
HEAD_LIMIT = 32 * 1024
"""Longest head, in bytes: as much as a gRPC server takes as metadata."""

_PREFIX = struct.Struct("<QBII")
_BINARY = "-bin"

_log = logging.getLogger("mneme.frames")


class Kind(IntEnum):
    """What a frame is."""

    REQUEST = 1
    RESPONSE = 2
    CANCEL = 3
    """The caller waits for the response no more."""
    GOODBYE = 4
    """The server takes no more calls on this connection; one that is named was not taken."""
    HELLO = 5
    """The server is there: its first frame. The system connects to one that is dying, and to one that is stuck, as well."""


class WrongFrame(ValueError):
    """What came is no frame, or none that this side can get."""


class FrameProtocol(asyncio.Protocol):
    """One end of a connection: cuts what comes into frames. What is no frame ends the connection."""

    transport: asyncio.Transport

    def __init__(self, *, limit: int) -> None:
        """Pass over payloads of more than *limit* bytes."""
        self.lost = asyncio.get_running_loop().create_future()
        """Done when the connection is over."""
        self._limit = limit
        self._chunks: list[bytes] = []
        self._held = 0
        # what has to be there before it is worth looking at the chunks, and what is to be passed over
        self._wanted = _PREFIX.size
        self._unwanted = 0

    def frame_received(self, call: int, kind: int, head: bytes, payload: bytes | None) -> None:
        """Take a frame. A *payload* of None, with an empty head, was too long. Raises WrongFrame, DecodeError."""
        raise NotImplementedError

    def send(self, call: int, kind: Kind, head: bytes = b"", payload: bytes = b"") -> None:
        """Send a frame. The loop sends together what is sent in one moment; once the connection is over nothing is sent."""
        if not self.transport.is_closing():
            self.transport.writelines((_PREFIX.pack(call, kind, len(head), len(payload)), head, payload))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Note the end."""
        del error
        if not self.lost.done():
            self.lost.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Take what came: a part of a frame, or several frames."""
        if self._unwanted:
            passed = min(self._unwanted, len(data))
            self._unwanted -= passed
            data = data[passed:]
        self._chunks.append(data)
        self._held += len(data)
        if self._held < self._wanted:
            return
        data = b"".join(self._chunks) if len(self._chunks) > 1 else data
        try:
            rest = self._cut(data)
        except (WrongFrame, DecodeError) as error:
            _log.warning("a connection is ended: %s", error)
            self.transport.abort()
            rest = b""
        self._chunks, self._held = [rest] if rest else [], len(rest)

    def _cut(self, data: bytes) -> bytes:
        """Hand on the frames in *data* and return what is behind them."""
        at = 0
        while len(data) >= (begin := at + _PREFIX.size):
            call, kind, head_length, payload_length = _PREFIX.unpack_from(data, at)
            middle = begin + head_length
            end = middle + payload_length
            if head_length > HEAD_LIMIT or payload_length > self._limit:
                self.frame_received(call, kind, b"", None)
                self._unwanted = max(0, end - len(data))
            elif len(data) < end:
                self._wanted = end - at
                return data[at:]
            else:
                self.frame_received(call, kind, data[begin:middle], data[middle:end])
            at = end
        self._wanted = _PREFIX.size
        return data[at:]


def packed(metadata: Metadata) -> list[Metadatum]:
    """Return metadata as it is sent."""
    return [Metadatum(key=key, value=value if isinstance(value, bytes) else value.encode()) for key, value in metadata]


def unpacked(metadata: Iterable[Metadatum]) -> Metadata:
    """Return metadata as it was before it was sent."""
    return [(each.key, each.value if each.key.endswith(_BINARY) else each.value.decode()) for each in metadata]
