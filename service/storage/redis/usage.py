"""Usage of projects: a hash for each day, a counter for each month, and the rate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from service.domain.ids import ProjectId
from service.domain.ports.usage import UsageBatch
from service.domain.usage import COUNTED, Admission, Counts, DayUsage, ProjectLimits, month_of
from service.storage.redis.codec import MICROSECOND
from service.storage.redis.database import Argument, Database
from service.storage.redis.keys import ProjectKeys

KEPT = timedelta(days=400)
_KEPT_SECONDS = KEPT // timedelta(seconds=1)
_PROCESS = "~"
"""Begins the fields of a day that hold the number of a process's newest batch."""


@dataclass(frozen=True, slots=True)
class RedisUsage:
    """Implements `UsageStore`."""

    database: Database

    async def admit(self, project_id: ProjectId, month: date, limits: ProjectLimits, *, requests: int, events: int) -> Admission:
        """Take *requests* of the project's rate, then *events* of its quota, in one step."""
        keys = ProjectKeys(project_id)
        wait, ingested, within = await self.database.run(
            "admit",
            [keys.rate, keys.ingested(month)],
            [_or_nothing(limits.requests_per_minute), requests, _or_nothing(limits.ingests_per_month), events, _KEPT_SECONDS],
        )
        return Admission(wait=None if wait < 0 else wait * MICROSECOND, ingested=ingested, within_quota=bool(within))

    async def give_back(self, project_id: ProjectId, month: date, events: int) -> None:
        """Count *events* that were admitted and not brought in as none."""
        await self.database.get("DECRBY", ProjectKeys(project_id).ingested(month), events)

    async def add(self, batch: UsageBatch) -> None:
        """Add a batch; one that was added before is passed over."""
        keys = ProjectKeys(batch.project_id)
        await self.database.run(
            "add_usage",
            [keys.usage(batch.day), keys.ingested(month_of(batch.day))],
            [batch.process, batch.number, _KEPT_SECONDS, batch.unjudged, *_fields(batch.endpoints)],
        )

    async def days(self, project_id: ProjectId, days: Sequence[date]) -> Sequence[DayUsage]:
        """Return what the project did on each of *days*, in their order, in one round trip."""
        keys = ProjectKeys(project_id)
        records = await self.database.send(*(("HGETALL", keys.usage(day)) for day in days))
        return [DayUsage(day=day, endpoints=_endpoints(record)) for day, record in zip(days, records, strict=True)]

    async def ingested(self, project_id: ProjectId, month: date) -> int:
        """Return how many events the project brought in during a month."""
        return int(await self.database.get("GET", ProjectKeys(project_id).ingested(month)) or 0)


def _fields(endpoints: Mapping[str, Counts]) -> Iterator[Argument]:
    """Yield the field and the count of everything that was counted."""
    for endpoint, counts in endpoints.items():
        for name in COUNTED:
            if count := getattr(counts, name):
                yield f"{name} {endpoint}"
                yield count


def _endpoints(record: Mapping[str, str]) -> Mapping[str, Counts]:
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for field, count in record.items():
        if not field.startswith(_PROCESS):
            name, _, endpoint = field.partition(" ")
            found[endpoint][name] = int(count)
    return {endpoint: Counts(**counts) for endpoint, counts in found.items()}


def _or_nothing(limit: int | None) -> Argument:
    return "" if limit is None else limit
