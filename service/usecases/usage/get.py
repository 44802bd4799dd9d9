"""Tell what a project uses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from service.domain.ids import ProjectId
from service.domain.ports.models import Clock
from service.domain.ports.usage import UsageStore
from service.domain.usage import Counts, DayUsage, UsageRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a project did on each day of a range, oldest first, those without a call too."""

    range: UsageRange
    days: Sequence[DayUsage]

    @property
    def total(self) -> Counts:
        """All days together."""
        return sum((day.total for day in self.days), Counts())

    @property
    def endpoints(self) -> Mapping[str, Counts]:
        """All days together, by endpoint, the one with the most calls first."""
        sums: defaultdict[str, Counts] = defaultdict(Counts)
        for day in self.days:
            for endpoint, counts in day.endpoints.items():
                sums[endpoint] += counts
        return dict(sorted(sums.items(), key=lambda each: (-each[1].requests, each[0])))


class GetUsage:
    """Reads the figures of a project."""

    def __init__(self, usage: UsageStore, clock: Clock) -> None:
        """Keep the store and the clock."""
        self._usage = usage
        self._clock = clock

    async def __call__(self, project_id: ProjectId, wanted: UsageRange) -> Usage:
        """Return what the project did on the days of a range, up to a second ago."""
        today = self._clock.now().date()
        return Usage(range=wanted, days=await self._usage.days(project_id, _days(wanted.first_day(today), today)))


def _days(first: date, last: date) -> Sequence[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
