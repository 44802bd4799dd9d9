"""Where usage is counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from service.domain.ids import ProjectId
from service.domain.usage import Admission, Counts, DayUsage, ProjectLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageBatch:
    """
    What one process counted of a project on one day, by endpoint. *number* rises with each batch of the *process*.

    *unjudged* of the ingested events were admitted without a look at the month's count, which they are still to be added to.
    """

    project_id: ProjectId
    day: date
    endpoints: Mapping[str, Counts]
    unjudged: int
    process: str
    number: int


class UsageStore(Protocol):
    """
    Usage by project and day, kept for 400 days, and what each project brought in, by month.

    A store that cannot be reached raises StorageUnavailable.
    """

    async def admit(self, project_id: ProjectId, month: date, limits: ProjectLimits, *, requests: int, events: int) -> Admission:
        """
        Take *requests* of the project's rate and *events* of its quota, all or nothing, in one step.

        *month* is the first day of the month. 0 requests are never refused for the rate.
        """
        ...

    async def give_back(self, project_id: ProjectId, month: date, events: int) -> None:
        """Count *events* that were admitted and not brought in as none."""
        ...

    async def add(self, batch: UsageBatch) -> None:
        """Add a batch; one that was added before is passed over, so that it can be sent again when its answer was lost."""
        ...

    async def days(self, project_id: ProjectId, days: Sequence[date]) -> Sequence[DayUsage]:
        """Return what the project did on each of *days*, in their order."""
        ...

    async def ingested(self, project_id: ProjectId, month: date) -> int:
        """Return how many events the project brought in during a month."""
        ...
