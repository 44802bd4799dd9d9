"""
The events to deliver: for each user a list, and over the users of a project and the projects of a bucket who is due next.

An attempt is a lease on the first event of a user's list, so that no later one can overtake it.
"""

from __future__ import annotations

import random
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from service.domain.errors import WebhookEventNotFound
from service.domain.ids import EventId, ProjectId, Scope, UserKey
from service.domain.values import Page, PageRequest
from service.domain.webhooks import Attempts, Delivery, DeliveryState
from service.storage.redis.bucket_keys import BucketKeys
from service.storage.redis.codec import micros
from service.storage.redis.database import Argument, Database
from service.storage.redis.event_codec import read_attempts, read_event, write_attempts
from service.storage.redis.events import TRIES
from service.storage.redis.keys import Keyspace, UserKeys
from service.storage.redis.names import project_of, quoted

LEASE = timedelta(seconds=60)
"""How long an attempt may take before another worker makes one; an answer is waited for much shorter."""
SEARCHED = 5_000
"""Events that one round trip looks at to find one."""
_ID = re.compile(r"evt_[0-9a-f]{32}")
BATCH = 500
"""Events that one script removes, and that one round trip reads."""


@dataclass(frozen=True, slots=True)
class RedisDeliveries:
    """Implements `DeliveryQueue`."""

    database: Database
    keyspace: Keyspace

    async def claim(self, now: datetime, limits: Mapping[ProjectId, int], *, limit: int, each: int) -> Sequence[Delivery]:
        """
        Return up to *limit* deliveries that are due, now leased, of each project at most *each* or what *limits* says instead.

        Of a user it is the first one that waits. Does not wait.
        """
        claimed: list[Delivery] = []
        left = dict(limits)
        for bucket, project_id in await self._due(now):
            free = min(left.setdefault(project_id, each), limit - len(claimed))
            if free > 0:
                leased = await self._lease(bucket, project_id, now, free)
                left[project_id] -= len(leased)
                claimed += leased
        return claimed

    async def end(self, delivery: Delivery, attempts: Attempts) -> bool:
        """
        End an attempt: the delivery waits until `next_at`, is delivered or dead. False, and nothing done, when the lease is lost.
        """
        next_at = "" if attempts.next_at is None else str(micros(attempts.next_at))
        dead = str(micros(delivery.event.created_at)) if attempts.state is DeliveryState.DEAD else ""
        return await self._end(delivery, write_attempts(attempts), next_at, dead)

    async def drop(self, delivery: Delivery) -> None:
        """Take a leased delivery that nobody wants any more away, with its event."""
        await self._end(delivery, "", "", "")

    async def list(self, project_id: ProjectId, page: PageRequest, *, dead: bool) -> Page[Delivery]:
        """Return one page of the deliveries of a project that are kept, or of its dead ones, newest event first."""
        names = [self._index(bucket, project_id, dead=dead) for bucket in self.keyspace.all_buckets()]
        last = page.offset + page.limit - 1
        counts = await self.database.send(*(("ZCARD", name) for name in names))
        found = await self.database.send(*(("ZREVRANGE", name, 0, last, "WITHSCORES") for name in names))
        newest = sorted(_ranked(found), reverse=True)[page.offset : last + 1]
        items = await self._read(project_id, [member for _, member in newest])
        return Page(items=items, offset=page.offset, total=sum(counts))

    async def replay(self, project_id: ProjectId, event_id: EventId) -> None:
        """
        Queue an event that has ended, behind those of its user that wait; one that waits is left alone.

        Raises WebhookEventNotFound.
        """
        member = await self._find(project_id, event_id)
        if member is None or not await self._replay(project_id, member):
            raise WebhookEventNotFound(event_id=event_id)

    async def replay_dead(self, project_id: ProjectId) -> int:
        """Queue every dead event of a project, oldest first, and return how many."""
        members = [member async for member in self._members(project_id, dead=True)]
        return sum([await self._replay(project_id, member) for member in members])

    async def expire(self, project_id: ProjectId, before: datetime) -> int:
        """Remove what was raised *before* and has ended, and return how many."""
        removed = 0
        for bucket in self.keyspace.all_buckets():
            index, dead = (self._index(bucket, project_id, dead=each) for each in (False, True))
            start, members = 0, [""]
            while members:
                range_ = ("-inf", f"({micros(before)}", "LIMIT", start, BATCH)
                members = await self.database.get("ZRANGEBYSCORE", index, *range_)
                owners = [self._owner(project_id, member) for member in members]
                names = [name for keys, _ in owners for name in (keys.undelivered, keys.events)]
                about = [text for keys, event_id in owners for text in (keys.scope.user_key, event_id)]
                gone = int(await self.database.run("expire_deliveries", [index, dead, *names], about)) if members else 0
                # those that wait are still in front
                start += len(members) - gone
                removed += gone
        return removed

    async def waiting(self) -> int:
        """Return of how many users events wait."""
        buckets = self.keyspace.all_buckets()
        projects = await self.database.send(*(("ZRANGE", bucket.webhooks, 0, -1) for bucket in buckets))
        places = [(bucket, project_of(text)) for bucket, texts in zip(buckets, projects, strict=True) for text in texts]
        return sum(await self.database.send(*(("ZCARD", bucket.due(project_id)) for bucket, project_id in places)))

    async def _due(self, now: datetime) -> Sequence[tuple[BucketKeys, ProjectId]]:
        """Return where something is due, in another order each time, so that nobody is always last."""
        buckets = self.keyspace.all_buckets()
        projects = await self.database.send(*(("ZRANGEBYSCORE", bucket.webhooks, "-inf", micros(now)) for bucket in buckets))
        places = [(bucket, project_of(text)) for bucket, texts in zip(buckets, projects, strict=True) for text in texts]
        random.shuffle(places)
        return places

    async def _lease(self, bucket: BucketKeys, project_id: ProjectId, now: datetime, limit: int) -> Sequence[Delivery]:
        due, lease = bucket.due(project_id), micros(now + LEASE)
        users = await self.database.get("ZRANGEBYSCORE", due, "-inf", micros(now), "LIMIT", 0, limit)
        keys = [self.keyspace.user(Scope(project_id=project_id, user_key=UserKey(user))) for user in users]
        names = [name for each in keys for name in (each.undelivered, each.events)]
        # also without a user: it sets when the project is due
        leased = await self.database.run(
            "lease_deliveries", [bucket.webhooks, due, *names], [micros(now), lease, quoted(project_id), *users]
        )
        scopes = {each.scope.user_key: each.scope for each in keys}
        return [_delivery(scopes[user], EventId(id_), event, tried, lease=lease) for user, id_, event, tried in leased]

    async def _end(self, delivery: Delivery, tried: str, next_at: str, dead: str) -> bool:
        keys, project_id = self.keyspace.user(delivery.scope), delivery.scope.project_id
        bucket = keys.bucket
        indexes = [bucket.deliveries(project_id), bucket.dead_deliveries(project_id)]
        names = [bucket.webhooks, bucket.due(project_id), keys.undelivered, keys.events, *indexes]
        about: Sequence[Argument] = [quoted(project_id), delivery.scope.user_key, delivery.event.event_id, delivery.lease]
        return bool(await self.database.run("end_delivery", names, [*about, tried, next_at, dead]))

    async def _replay(self, project_id: ProjectId, member: str) -> bool:
        """Queue an event again; False when it is gone."""
        keys, event_id = self._owner(project_id, member)
        bucket = keys.bucket
        names = [bucket.webhooks, bucket.due(project_id), keys.undelivered, keys.events, bucket.dead_deliveries(project_id)]
        about = [quoted(project_id), keys.scope.user_key, event_id]
        return bool(await self.database.run("replay_delivery", names, about) != "gone")

    async def _find(self, project_id: ProjectId, event_id: EventId) -> str | None:
        """Return the member that stands for an event; None when there is none."""
        # what is no id could be a pattern
        if not _ID.fullmatch(event_id):
            return None
        for bucket in self.keyspace.all_buckets():
            cursor: int | None = None
            while cursor != 0:
                index = self._index(bucket, project_id, dead=False)
                options = ("MATCH", f"* {event_id}", "COUNT", SEARCHED)
                cursor, found = await self.database.get("ZSCAN", index, cursor or 0, *options)
                for member, _ in found:
                    return str(member)
        return None

    async def _members(self, project_id: ProjectId, *, dead: bool) -> AsyncIterator[str]:
        """Yield the members of an index, oldest first in each bucket."""
        for bucket in self.keyspace.all_buckets():
            for member in await self.database.get("ZRANGE", self._index(bucket, project_id, dead=dead), 0, -1):
                yield member

    async def _read(self, project_id: ProjectId, members: Sequence[str]) -> Sequence[Delivery]:
        """Return the deliveries that are still there, in the same order."""
        owners = [self._owner(project_id, member) for member in members]
        texts = await self.database.send(*(("HMGET", keys.events, id_, id_ + TRIES) for keys, id_ in owners))
        return [
            _delivery(keys.scope, id_, event, tried)
            for (keys, id_), (event, tried) in zip(owners, texts, strict=True)
            if event is not None
        ]

    def _owner(self, project_id: ProjectId, member: str) -> tuple[UserKeys, EventId]:
        """Return the user and the event of a member of an index."""
        user_key, _, event_id = member.partition(" ")
        return self.keyspace.user(Scope(project_id=project_id, user_key=UserKey(user_key))), EventId(event_id)

    @staticmethod
    def _index(bucket: BucketKeys, project_id: ProjectId, *, dead: bool) -> str:
        return bucket.dead_deliveries(project_id) if dead else bucket.deliveries(project_id)


def _delivery(scope: Scope, event_id: EventId, event: str, tried: str | None, *, lease: int = 0) -> Delivery:
    return Delivery(
        scope=scope,
        event=read_event(event_id, scope.project_id, event),
        attempts=read_attempts(tried),
        lease=lease,
    )


def _ranked(found: Iterable[Sequence[Any]]) -> list[tuple[float, str]]:
    """Return the members of several answers with their scores; some servers answer in pairs, others in one flat list."""
    flat = [pair for answer in found for pair in _pairs(answer)]
    return [(float(score), member) for member, score in flat]


def _pairs(answer: Sequence[Any]) -> Sequence[tuple[Any, Any]]:
    if answer and isinstance(answer[0], list | tuple):
        return [(member, score) for member, score in answer]
    return list(zip(answer[::2], answer[1::2], strict=True))
