"""Remove old deliveries."""

from __future__ import annotations

from service.domain.ports.models import Clock
from service.domain.ports.stores import ProjectStore
from service.domain.ports.webhooks import DeliveryQueue
from service.domain.webhooks import KEPT
from service.usecases.paging import every


class ExpireDeliveries:
    """Removes events that ended and are older than events are kept."""

    def __init__(self, projects: ProjectStore, deliveries: DeliveryQueue, clock: Clock) -> None:
        """Keep the stores and the clock."""
        self._projects = projects
        self._deliveries = deliveries
        self._clock = clock

    async def __call__(self) -> int:
        """Return how many events were removed. Can be done by several at once, and breaks off without harm."""
        before, removed = self._clock.now() - KEPT, 0
        async for project in every(self._projects.list):
            removed += await self._deliveries.expire(project.project_id, before)
        return removed
