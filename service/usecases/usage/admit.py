"""Admit a call."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta

from service.domain.errors import DomainError, QuotaExceeded, RateLimited, StorageUnavailable
from service.domain.ids import ProjectId
from service.domain.ports.models import Clock
from service.domain.ports.stores import ProjectStore
from service.domain.ports.usage import UsageStore
from service.domain.usage import PLAN, ProjectLimits, QuotaState, month_of, next_month

REMEMBERED = timedelta(seconds=1)
"""How long the limits of a project are taken for what they were."""
_MOST_PROJECTS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """
    What a call may do. *events* were judged by the quota of the *month*, which stands at *quota*; without a quota none were.

    A *refusal* is what the call is to end with.
    """

    project_id: ProjectId
    month: date
    events: int = 0
    quota: QuotaState | None = None
    refusal: DomainError | None = None


class Admit:
    """Holds calls to the limits of their project. A project without limits costs nothing but a look at its record each second."""

    def __init__(self, projects: ProjectStore, usage: UsageStore, clock: Clock) -> None:
        """Keep the stores and the clock."""
        self._projects = projects
        self._usage = usage
        self._clock = clock
        self._known: dict[ProjectId, tuple[float, ProjectLimits | None]] = {}

    async def __call__(self, project_id: ProjectId, *, requests: int, events: int) -> Ticket | None:
        """
        Take *requests* of the rate and *events* of the quota, and return what came of it, None of a project without limits.
        Raises ProjectNotFound.
        """
        limits = await self._limits(project_id)
        if limits is None:
            return None
        today = self._clock.now().date()
        month, resets_at = month_of(today), next_month(today)
        admission = await self._usage.admit(project_id, month, limits, requests=requests, events=events)
        refusal: DomainError | None = None
        if admission.wait is not None:
            refusal = RateLimited(retry_after=admission.wait)
        limit = limits.ingests_per_month
        if limit is None:
            return Ticket(project_id=project_id, month=month, refusal=refusal)
        if not admission.within_quota:
            refusal = QuotaExceeded(plan=PLAN, resets_at=resets_at, ingested=admission.ingested, limit=limit)
        return Ticket(
            project_id=project_id,
            month=month,
            events=0 if refusal else events,
            quota=QuotaState(ingested=admission.ingested, limit=limit, resets_at=resets_at),
            refusal=refusal,
        )

    async def give_back(self, ticket: Ticket) -> None:
        """Count what was admitted and not brought in as none. A store that is away leaves it counted."""
        if ticket.events:
            with suppress(StorageUnavailable):
                await self._usage.give_back(ticket.project_id, ticket.month, ticket.events)

    async def _limits(self, project_id: ProjectId) -> ProjectLimits | None:
        """Return the limits of a project, None without any, as they were within REMEMBERED. Raises ProjectNotFound."""
        now = time.monotonic()
        read_at, limits = self._known.get(project_id, (-REMEMBERED.total_seconds(), None))
        if now - read_at < REMEMBERED.total_seconds():
            return limits
        set_limits = (await self._projects.get(project_id)).settings.limits
        limits = None if set_limits == ProjectLimits() else set_limits
        if len(self._known) >= _MOST_PROJECTS:
            self._known.clear()
        self._known[project_id] = (now, limits)
        return limits
