"""Deliver events again."""

from __future__ import annotations

from service.domain.ids import EventId, ProjectId
from service.domain.ports.webhooks import DeliveryQueue, WebhookStore
from service.usecases.webhooks.known import known_webhook


class ReplayDelivery:
    """Queues an event that was delivered, or could not be, with a day of attempts before it."""

    def __init__(self, webhooks: WebhookStore, deliveries: DeliveryQueue) -> None:
        """Keep the store and the queue."""
        self._webhooks = webhooks
        self._deliveries = deliveries

    async def __call__(self, project_id: ProjectId, event_id: EventId) -> None:
        """Queue the event; one that waits is left alone. Raises WebhookNotFound, WebhookEventNotFound."""
        await known_webhook(self._webhooks, project_id)
        await self._deliveries.replay(project_id, event_id)


class ReplayDead:
    """Queues every event that could not be delivered."""

    def __init__(self, webhooks: WebhookStore, deliveries: DeliveryQueue) -> None:
        """Keep the store and the queue."""
        self._webhooks = webhooks
        self._deliveries = deliveries

    async def __call__(self, project_id: ProjectId) -> int:
        """Return how many events were queued. Raises WebhookNotFound."""
        await known_webhook(self._webhooks, project_id)
        return await self._deliveries.replay_dead(project_id)
