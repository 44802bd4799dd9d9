"""
The points of one tenant in memory, as arrays: a search is a product with a matrix, or a walk along the lists of a few words.

The library finds the same, but a search there costs a hundred times what the comparison itself does: a filter to build, an object
for each hit, and a payload to be read and decoded for each point.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
from mneme.internal.v1 import vector_index_pb2 as pb
from numpy.typing import NDArray

from service.domain.ports.index import DENSE_VECTORS, SPARSE_VECTORS, TRAIT_COUNT
from service.domain.ports.work import IndexedKind
from service.storage.embedded.engine.entries import Dense, Entry, Words, to_micros

Rows: TypeAlias = NDArray[np.int32]
Scores: TypeAlias = NDArray[np.float32]
Mask: TypeAlias = NDArray[np.bool_]

Array = TypeVar("Array", bound=NDArray[Any])

FILTERS = frozenset(
    {
        "exclude_sessions",
        "sessions",
        "categories",
        "point_ids",
        "event_from",
        "event_to",
        "created_from",
        "created_to",
    }
)
"""The conditions of a filter that are known here. A filter with another one is a matter of the library."""

_FIRST_ROWS = 16
_DEAD_AT_LEAST = 256
"""So many dead rows are never worth the work of taking them out."""
_POINT_BYTES = 880
"""Bytes that a point takes beside its vectors: ids, their strings and places in dictionaries, traits."""
_WORD_BYTES = 16
_TOGETHER = 32
"""Vectors that are compared in one product: their cosines with every point take this many times 4 bytes a point."""


class View:
    """
    The points of one tenant and one kind.

    A row is a point for good: one that is replaced or removed leaves a dead row, and now and then those are taken out.
    """

    def __init__(self, kind: IndexedKind, dimension: int) -> None:
        """Start with no points."""
        self._kind = kind
        self._dimension = dimension
        self._rows: dict[str, int] = {}
        self._size = 0
        self._record_ids: list[str] = []
        self._categories: list[frozenset[str]] = []
        self._sessions: dict[str, int] = {}
        self._session_names: list[str] = []
        self._alive = np.zeros(_FIRST_ROWS, dtype=np.bool_)
        self._session = np.zeros(_FIRST_ROWS, dtype=np.int32)
        self._order = np.zeros(_FIRST_ROWS, dtype=np.int64)
        self._times = np.zeros((_FIRST_ROWS, 3), dtype=np.int64)
        self._traits = np.zeros((_FIRST_ROWS, TRAIT_COUNT), dtype=np.float64)
        self._dense = {name: _Vectors(dimension) for name in DENSE_VECTORS[kind]}
        self._sparse = {name: _WordLists() for name in SPARSE_VECTORS[kind]}

    def __len__(self) -> int:
        """Return how many points there are."""
        return len(self._rows)

    @property
    def nbytes(self) -> int:
        """About how much memory this takes."""
        dense = sum(vectors.nbytes for vectors in self._dense.values())
        return dense + sum(lists.nbytes for lists in self._sparse.values()) + self._size * _POINT_BYTES

    def put(self, entry: Entry) -> None:
        """Take in a point, in place of an older one with the same id."""
        self.remove(entry.point_id)
        row = self._size
        if row == len(self._alive):
            self._alive, self._session, self._order = _longer(self._alive), _longer(self._session), _longer(self._order)
            self._times, self._traits = _longer(self._times), _longer(self._traits)
        self._size += 1
        self._rows[entry.point_id] = row
        self._record_ids.append(entry.record_id)
        self._categories.append(frozenset(entry.categories))
        self._alive[row] = True
        self._session[row] = self._number(entry.session_id)
        self._order[row] = entry.order
        self._times[row] = entry.times
        self._traits[row] = entry.traits
        for name, vectors in self._dense.items():
            vectors.put(row, entry.dense.get(name))
        for name, lists in self._sparse.items():
            lists.put(row, entry.sparse.get(name))

    def remove(self, point_id: str) -> None:
        """Take out a point; one that is not there is no error."""
        row = self._rows.pop(point_id, None)
        if row is None:
            return
        self._alive[row] = False
        for lists in self._sparse.values():
            lists.forget(row)
        dead = self._size - len(self._rows)
        if dead > max(_DEAD_AT_LEAST, len(self._rows) // 2):
            self._compact()

    def by_meaning(
        self, name: str, vectors: Sequence[Dense], limits: Sequence[int], mask: Mask | None
    ) -> Sequence[tuple[Rows, Scores]]:
        """
        Return for each of *vectors* the rows of *mask* whose vectors *name* are nearest to it, up to its limit, nearest first,
        and their cosines.
        """
        kept = self._dense[name]
        wanted = kept.present[: self._size] & (self._alive[: self._size] if mask is None else mask)
        nearest: list[tuple[Rows, Scores]] = []
        for start in range(0, len(vectors), _TOGETHER):
            # one product: it reads the matrix once, and not for each of them
            scores = np.stack(vectors[start : start + _TOGETHER]) @ kept.matrix[: self._size].T
            scores[:, ~wanted] = -np.inf
            nearest += map(_best, scores, limits[start : start + _TOGETHER])
        return nearest

    def by_word(self, name: str, words: Words, limit: int, mask: Mask | None) -> tuple[Rows, Scores]:
        """Return the *limit* rows of *mask* that share most with *words*, most first, and their sums; none that shares none."""
        scores = self._sparse[name].scores(words, self._size)
        wanted = self._alive[: self._size] if mask is None else mask
        sharing = np.flatnonzero(wanted & (scores > 0))
        rows, best = _best(scores[sharing], limit)
        return sharing[rows].astype(np.int32), best

    def selected(self, where: pb.Filter) -> Mask | None:
        """Return which rows a filter selects, None for all that there are. It must have no condition beside FILTERS."""
        if not where.ListFields():
            return None
        mask = self._alive[: self._size].copy()
        if where.exclude_sessions:
            mask &= ~self._of_sessions(where.exclude_sessions)
        if where.sessions:
            mask &= self._of_sessions(where.sessions)
        if where.categories:
            wanted = frozenset(where.categories)
            mask &= np.fromiter((not wanted.isdisjoint(names) for names in self._categories), dtype=np.bool_, count=self._size)
        if where.point_ids:
            named = [row for point_id in where.point_ids if (row := self._rows.get(point_id)) is not None]
            mask &= _marked(named, self._size)
        return mask & self._within(where)

    def found(self, rows: Rows) -> pb.Found:
        """Return the records of *rows*."""
        numbers, places = np.unique(self._session[rows], return_inverse=True)
        return pb.Found(
            record_ids=[self._record_ids[row] for row in rows.tolist()],
            sessions=[self._session_names[number] for number in numbers.tolist()],
            session_places=places.astype("<i4").tobytes(),
            orders=self._order[rows].astype("<i8").tobytes(),
            traits=self._traits[rows].astype("<f8").tobytes(),
        )

    def _number(self, session_id: str) -> int:
        """Return the number of a session, a new one when it was not met before."""
        number = self._sessions.setdefault(session_id, len(self._session_names))
        if number == len(self._session_names):
            self._session_names.append(session_id)
        return number

    def _within(self, where: pb.Filter) -> Mask:
        created, start, end = self._times[: self._size].T
        mask = np.ones(self._size, dtype=np.bool_)
        # an event overlaps a span when it does not end before it and does not begin after it
        if where.HasField("event_from"):
            mask &= end >= to_micros(where.event_from)
        if where.HasField("event_to"):
            mask &= start <= to_micros(where.event_to)
        if where.HasField("created_from"):
            mask &= created >= to_micros(where.created_from)
        if where.HasField("created_to"):
            mask &= created <= to_micros(where.created_to)
        return mask

    def _of_sessions(self, session_ids: Sequence[str]) -> Mask:
        numbers = [number for session_id in session_ids if (number := self._sessions.get(session_id)) is not None]
        return np.isin(self._session[: self._size], numbers)

    def _compact(self) -> None:
        """Take out the dead rows."""
        kept = np.flatnonzero(self._alive[: self._size])
        moved = np.full(self._size, -1, dtype=np.int32)
        moved[kept] = np.arange(len(kept), dtype=np.int32)
        places = kept.tolist()
        self._rows = {point_id: int(moved[row]) for point_id, row in self._rows.items()}
        self._record_ids = [self._record_ids[row] for row in places]
        self._categories = [self._categories[row] for row in places]
        self._alive, self._session, self._order = self._alive[kept], self._session[kept], self._order[kept]
        self._times, self._traits = self._times[kept], self._traits[kept]
        for vectors in self._dense.values():
            vectors.keep(kept)
        for lists in self._sparse.values():
            lists.keep(kept, moved)
        self._size = len(kept)


class _Vectors:
    """A vector for each row, or none."""

    def __init__(self, dimension: int) -> None:
        self.matrix = np.zeros((_FIRST_ROWS, dimension), dtype=np.float32)
        self.present = np.zeros(_FIRST_ROWS, dtype=np.bool_)

    @property
    def nbytes(self) -> int:
        return self.matrix.nbytes

    def put(self, row: int, vector: Dense | None) -> None:
        if row == len(self.present):
            self.matrix, self.present = _longer(self.matrix), _longer(self.present)
        self.present[row] = vector is not None
        if vector is not None:
            self.matrix[row] = vector

    def keep(self, rows: NDArray[np.intp]) -> None:
        self.matrix, self.present = self.matrix[rows], self.present[rows]


class _WordLists:
    """For each word the rows that have it, with its weight in each; dead rows stay in the lists and count for nothing."""

    def __init__(self) -> None:
        self._lists: dict[int, tuple[array[int], array[float]]] = {}
        self._having: Counter[int] = Counter()
        self._words: list[NDArray[np.uint32] | None] = []
        self._living = 0
        self._length = 0

    @property
    def nbytes(self) -> int:
        return self._length * _WORD_BYTES

    def put(self, row: int, words: Words | None) -> None:
        self._words.append(None if words is None else words[0])
        if words is None:
            return
        self._living += 1
        indices, values = words[0].tolist(), words[1].tolist()
        self._length += len(indices)
        for index, value in zip(indices, values, strict=True):
            rows, weights = self._lists.setdefault(index, (array("i"), array("f")))
            rows.append(row)
            weights.append(value)
        self._having.update(indices)

    def forget(self, row: int) -> None:
        words = self._words[row]
        if words is not None:
            self._having.subtract(words.tolist())
            self._words[row] = None
            self._living -= 1

    def scores(self, words: Words, size: int) -> Scores:
        """Return the BM25 sum of each row below *size*, 0 where no word is shared."""
        scores = np.zeros(size, dtype=np.float32)
        for index, value in zip(words[0].tolist(), words[1].tolist(), strict=True):
            if index in self._lists:
                rows, weights = self._lists[index]
                having = self._having[index]
                rarity = np.log1p((self._living - having + 0.5) / (having + 0.5))
                scores[np.frombuffer(rows, dtype=np.int32)] += np.float32(value * rarity) * np.frombuffer(
                    weights, dtype=np.float32
                )
        return scores

    def keep(self, kept: NDArray[np.intp], moved: Rows) -> None:
        lists = {}
        for index, (rows, weights) in self._lists.items():
            places = moved[np.frombuffer(rows, dtype=np.int32)]
            living = places >= 0
            if living.any():
                left = np.frombuffer(weights, dtype=np.float32)[living]
                lists[index] = (array("i", places[living].tobytes()), array("f", left.tobytes()))
        self._lists = lists
        self._length = sum(len(rows) for rows, _ in lists.values())
        self._having = +self._having
        self._words = [self._words[row] for row in kept.tolist()]


def _longer(part: Array) -> Array:
    """Return an array with room for twice as many rows."""
    more = np.zeros((max(len(part), _FIRST_ROWS), *part.shape[1:]), dtype=part.dtype)
    return cast("Array", np.concatenate([part, more]))


def _marked(rows: Sequence[int], size: int) -> Mask:
    mask = np.zeros(size, dtype=np.bool_)
    mask[list(rows)] = True
    return mask


def _best(scores: Scores, limit: int) -> tuple[Rows, Scores]:
    """Return the *limit* rows with the highest scores, highest first, without those at minus infinity."""
    if limit < len(scores):
        rows = np.argpartition(scores, -limit)[-limit:]
        rows.sort()
    else:
        rows = np.arange(len(scores))
    rows = rows[np.argsort(-scores[rows], kind="stable")]
    rows = rows[scores[rows] > -np.inf]
    return rows.astype(np.int32), scores[rows]
