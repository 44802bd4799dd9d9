"""What events and recalls are remembered by, for a day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from service.domain.events import Feedback
from service.domain.ids import ProjectId, RecallId, UserId


class EventNames(Protocol):
    """The names that callers give events, each unique in its project for a day."""

    async def claim(self, project_id: ProjectId, name: str, user_id: UserId) -> UserId:
        """Give a *name* to an event of a user, unless it is given: return the user of the event that has it."""
        ...


class RecallLog(Protocol):
    """What recalls returned, and what was said of it."""

    async def keep(self, project_id: ProjectId, recall_id: RecallId, ids: Sequence[str]) -> None:
        """Remember for a day the *ids* of all that a recall returned."""
        ...

    async def rate(self, project_id: ProjectId, recall_id: RecallId, feedback: Feedback) -> int:
        """Keep *feedback* in place of an earlier one, and return how many of its ids were returned. Raises RecallNotFound."""
        ...
