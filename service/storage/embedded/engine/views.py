"""
The views that are kept: of the tenants that were searched last, within a bound of memory.

A view is filled from the collections when its tenant is first searched, and told of every update from then on, in the order in
which the collections get them. While it is being filled, and when it would be too large, the library answers.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mneme.internal.v1 import vector_index_pb2 as pb

from service.domain.ports.work import IndexedKind
from service.storage.embedded.engine.collections import Collections, PointId
from service.storage.embedded.engine.entries import entry_of_message, entry_of_record
from service.storage.embedded.engine.translate import to_filter
from service.storage.embedded.engine.view import View

MAX_BYTES = 512 * 1024 * 1024
"""Memory of all views together."""
PAGE = 256
"""Points that are read at once while a view is filled: some 15 ms, in which nothing else is answered."""

Key = tuple[IndexedKind, str]


@dataclass(slots=True, kw_only=True)
class _Held:
    """
    A view and how far it is: *whole* when it has every point. While it is not, *known* are the points that it was told of, which
    are newer than what is still to be read. *too_large* means that it was given up.
    """

    view: View
    whole: bool = False
    too_large: bool = False
    known: set[str] = field(default_factory=set)
    size: int = 0


class Views:
    """The views of the tenants that were searched last. Belongs to one event loop."""

    def __init__(self, collections: Collections, *, max_bytes: int = MAX_BYTES) -> None:
        """Keep none yet."""
        self._collections = collections
        self._max_bytes = max_bytes
        self._bytes = 0
        self._held: OrderedDict[Key, _Held] = OrderedDict()
        self._filling: set[asyncio.Task[None]] = set()

    def get(self, kind: IndexedKind, tenant: str) -> View | None:
        """Return the view of a tenant, or None while there is none; then it is begun to be filled, at once if it is small."""
        key = (kind, tenant)
        held = self._held.get(key)
        if held is None:
            held = self._held[key] = _Held(view=View(kind, self._collections.model.dimension))
            self._begin(key, held)
        if key in self._held:
            self._held.move_to_end(key)
        return held.view if held.whole else None

    async def filled(self) -> None:
        """Return when no view is being filled any more."""
        await asyncio.gather(*self._filling)

    def put(self, kind: IndexedKind, points: Iterable[pb.Point]) -> None:
        """Take note of points that were written, of whatever tenants."""
        for point in points:
            key = (kind, point.tenant)
            held = self._held.get(key)
            if held is not None and not held.too_large:
                held.view.put(entry_of_message(point))
                self._noted(key, held, point.id)

    def remove(self, kind: IndexedKind, point_ids: Sequence[str]) -> None:
        """Take note of points that were removed, of whatever tenants."""
        for key, held in list(self._held.items()):
            if key[0] is kind and not held.too_large:
                for point_id in point_ids:
                    held.view.remove(point_id)
                    self._noted(key, held, point_id)

    def drop(self, kind: IndexedKind, tenant: str) -> None:
        """Forget the view of a tenant, many of whose points may be gone."""
        held = self._held.pop((kind, tenant), None)
        if held is not None:
            self._bytes -= held.size

    def clear(self) -> None:
        """Forget every view."""
        self._held.clear()
        self._bytes = 0

    def _begin(self, key: Key, held: _Held) -> None:
        offset = self._fill(key, held, None)
        if offset is not None:
            task = asyncio.get_running_loop().create_task(self._fill_rest(key, held, offset))
            self._filling.add(task)
            task.add_done_callback(self._filling.discard)

    async def _fill_rest(self, key: Key, held: _Held, offset: PointId) -> None:
        left: PointId | None = offset
        while left is not None:
            # searches and updates come in between
            await asyncio.sleep(0)
            if self._held.get(key) is not held or held.too_large:
                return
            left = self._fill(key, held, left)

    def _fill(self, key: Key, held: _Held, offset: PointId | None) -> PointId | None:
        """Read one page, and return where the next one begins, None after the last."""
        kind, tenant = key
        page, left = self._collections.points(kind, to_filter(tenant), offset=offset, limit=PAGE)
        for record in page:
            if str(record.id) not in held.known:
                held.view.put(entry_of_record(record))
        held.whole = left is None
        if held.whole:
            held.known.clear()
        self._resized(key, held)
        return left

    def _noted(self, key: Key, held: _Held, point_id: str) -> None:
        if not held.whole:
            held.known.add(point_id)
        self._resized(key, held)

    def _resized(self, key: Key, held: _Held) -> None:
        size = held.view.nbytes
        if size > self._max_bytes:
            held.view, held.whole, held.too_large, size = View(key[0], self._collections.model.dimension), False, True, 0
        self._bytes += size - held.size
        held.size = size
        while self._bytes > self._max_bytes:
            self._bytes -= self._held.popitem(last=False)[1].size
