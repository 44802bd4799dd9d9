"""List deliveries."""

from __future__ import annotations

from service.domain.ids import ProjectId
from service.domain.ports.webhooks import DeliveryQueue
from service.domain.values import Page, PageRequest
from service.domain.webhooks import Delivery


class ListDeliveries:
    """Returns the deliveries of a project that are kept: those that wait, and those that ended in the last days."""

    def __init__(self, deliveries: DeliveryQueue) -> None:
        """Keep the queue."""
        self._deliveries = deliveries

    async def __call__(self, project_id: ProjectId, page: PageRequest, *, dead: bool = False) -> Page[Delivery]:
        """Return one page, newest event first; with *dead* those alone that could not be delivered."""
        return await self._deliveries.list(project_id, page, dead=dead)
