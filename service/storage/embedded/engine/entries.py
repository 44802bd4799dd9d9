"""Points as the views keep them, made from what the library holds or from what a client writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp
from mneme.internal.v1 import vector_index_pb2 as pb
from numpy.typing import NDArray
from qdrant_edge import Record, SparseVector

from service.storage import points

Dense: TypeAlias = NDArray[np.float32]
Words: TypeAlias = tuple[NDArray[np.uint32], NDArray[np.float32]]
"""The words of a text and their weights, in the same order."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """
    A point. Each vector of *dense* has length 1 (or 0); *times* are those of created, event start and event end, in
    microseconds since 1970.
    """

    point_id: str
    record_id: str
    session_id: str
    order: int
    categories: Sequence[str]
    times: tuple[int, int, int]
    traits: Sequence[float]
    dense: Mapping[str, Dense]
    sparse: Mapping[str, Words]


def entry_of_message(point: pb.Point) -> Entry:
    """Return the entry of a point that a client writes."""
    return Entry(
        point_id=point.id,
        record_id=point.record_id,
        session_id=point.session_id,
        order=point.order,
        categories=tuple(point.categories),
        times=(to_micros(point.created_at), to_micros(point.event_start), to_micros(point.event_end)),
        traits=points.known_traits(point.traits),
        dense={name: unit(to_array(vector)) for name, vector in point.dense.items()},
        sparse={name: to_words(vector) for name, vector in point.sparse.items() if vector.indices},
    )


def entry_of_record(record: Record) -> Entry:
    """Return the entry of a point that was read with its payload and its vectors."""
    payload = record.payload or {}
    vectors = record.vector if isinstance(record.vector, dict) else {}
    return Entry(
        point_id=str(record.id),
        record_id=payload[points.RECORD],
        session_id=payload[points.SESSION],
        order=payload[points.ORDER],
        categories=payload[points.CATEGORIES],
        times=(
            _micros(payload[points.CREATED_AT]),
            _micros(payload[points.EVENT_START]),
            _micros(payload[points.EVENT_END]),
        ),
        traits=points.traits_in(payload),
        dense={name: unit(np.array(vector, dtype=np.float32)) for name, vector in vectors.items() if isinstance(vector, list)},
        sparse={
            name: to_words(vector) for name, vector in vectors.items() if isinstance(vector, SparseVector) and vector.indices
        },
    )


def to_array(vector: pb.DenseVector) -> Dense:
    """Return an embedding."""
    return np.frombuffer(vector.values, dtype="<f4")


def unit(vector: Dense) -> Dense:
    """Return *vector* with length 1 (or 0), as the library keeps it."""
    length = np.sqrt(vector @ vector)
    return vector / length if length > 0 else vector


def to_words(vector: pb.SparseVector | SparseVector) -> Words:
    """Return a bag of words."""
    return np.array(vector.indices, dtype=np.uint32), np.array(vector.values, dtype=np.float32)


def to_micros(time: Timestamp) -> int:
    """Return a time as microseconds since 1970."""
    return time.seconds * 1_000_000 + time.nanos // 1_000


def _micros(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND
