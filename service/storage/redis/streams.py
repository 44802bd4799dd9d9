"""Leases on the entries of a stream per bucket: what the job queue and the outbox have in common."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from service.storage.redis.database import Database

GROUP = "mneme"
START = "0-0"
MILLISECOND = timedelta(milliseconds=1)
FORGOTTEN_AFTER = timedelta(days=1)
"""How long a consumer without leased entries is remembered; each worker that ever was would stay in every stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry that is leased to a consumer; *deliveries* counts its leases from 1."""

    place: int
    entry_id: str
    deliveries: int
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class Streams:
    """
    Streams, one per bucket, whose entries are leased for *lease*. An entry that ends is removed, so the length of a stream is
    what is waiting or leased.
    """

    database: Database
    names: Sequence[str]
    lease: timedelta
    _cursors: dict[int, str] = field(default_factory=dict)

    async def prepare(self) -> None:
        """Make the streams and their groups where they are missing, and forget workers that went for good."""
        silence = FORGOTTEN_AFTER // MILLISECOND
        await asyncio.gather(*(self.database.run("prepare_stream", [name], [GROUP, silence]) for name in self.names))

    async def claim(self, consumer: str, limit: int) -> Sequence[Entry]:
        """Lease up to *limit* entries: of each stream first those whose lease ran out, then new ones, oldest first."""
        lengths = await self.lengths()
        waiting = [place for place, length in enumerate(lengths) if length]
        # another order each time: no bucket waits for ever behind a busy one, and workers seldom meet
        random.shuffle(waiting)
        entries: list[Entry] = []
        for place in waiting:
            if len(entries) >= limit:
                break
            entries += await self._claim(place, consumer, limit - len(entries))
        return entries

    async def lengths(self) -> Sequence[int]:
        """Return the length of each stream."""
        return await self.database.send(*(("XLEN", name) for name in self.names))

    async def renew(self, place: int, consumer: str, entry_id: str) -> bool:
        """Extend the lease; False when another consumer has it, or the entry is gone."""
        return bool(await self.database.run("renew_entry", [self.names[place]], [GROUP, consumer, entry_id]))

    async def retire(self, place: int, entry_ids: Sequence[str]) -> None:
        """Remove entries; missing ones are no error."""
        await self.database.run("retire_entries", [self.names[place]], [GROUP, *entry_ids])

    async def _claim(self, place: int, consumer: str, limit: int) -> Sequence[Entry]:
        lease, cursor = self.lease // MILLISECOND, self._cursors.get(place, START)
        cursor, claimed = await self.database.run("claim_entries", [self.names[place]], [GROUP, consumer, limit, lease, cursor])
        # kept: a long list of leased entries is searched a part at a time, and 0-0 begins anew
        self._cursors[place] = cursor
        return [
            Entry(place=place, entry_id=id_, deliveries=deliveries, fields=dict(zip(flat[::2], flat[1::2], strict=True)))
            for id_, deliveries, flat in claimed
        ]
