"""Tell what a project may use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from service.domain.ids import ProjectId
from service.domain.ports.models import Clock
from service.domain.ports.stores import ProjectStore
from service.domain.ports.usage import UsageStore
from service.domain.usage import Counts, ProjectLimits, UsageRange, month_of, next_month
from service.usecases.usage.get import GetUsage


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsState:
    """What a project may use and has used in this month, which ends at *resets_at*. *ingested* is what the quota judges."""

    limits: ProjectLimits
    used: Counts
    ingested: int
    resets_at: datetime

    @property
    def is_within_quota(self) -> bool:
        """Whether something more can be brought in."""
        return self.limits.ingests_per_month is None or self.ingested < self.limits.ingests_per_month


class GetUsageLimits:
    """Reads the limits of a project and how much of them is used."""

    def __init__(self, projects: ProjectStore, usage: UsageStore, get_usage: GetUsage, clock: Clock) -> None:
        """Keep the stores, the use case that reads the figures, and the clock."""
        self._projects = projects
        self._usage = usage
        self._get_usage = get_usage
        self._clock = clock

    async def __call__(self, project_id: ProjectId) -> LimitsState:
        """Return the limits. Raises ProjectNotFound."""
        today = self._clock.now().date()
        return LimitsState(
            limits=(await self._projects.get(project_id)).settings.limits,
            used=(await self._get_usage(project_id, UsageRange.MONTH)).total,
            ingested=await self._usage.ingested(project_id, month_of(today)),
            resets_at=next_month(today),
        )
