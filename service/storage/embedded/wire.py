"""What both ends of the engine's socket share."""

from __future__ import annotations

from collections.abc import Mapping

from mneme.internal.v1 import vector_index_pb2 as pb

from service.domain.ports.work import IndexedKind

KINDS: Mapping[IndexedKind, pb.Kind.ValueType] = {
    IndexedKind.MEMORY: pb.KIND_MEMORY,
    IndexedKind.SUMMARY: pb.KIND_SUMMARY,
    IndexedKind.TURN: pb.KIND_TURN,
    IndexedKind.CHUNK: pb.KIND_CHUNK,
}
"""A kind as it is named on the wire."""

MESSAGE_LIMIT = 64 * 1024 * 1024
"""Longest message, in bytes, in either direction: several thousand points."""

UPSERT_LIMIT = 256
"""Points in one upsert. The engine answers nothing else while it writes them, some 50 ms."""
