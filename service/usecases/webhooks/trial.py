"""Try the webhook of a project."""

from __future__ import annotations

from uuid import uuid4

from service.domain.ids import EventId, ProjectId, UserId
from service.domain.ports.models import Clock
from service.domain.ports.webhooks import WebhookStore
from service.domain.webhooks import Event, EventType, Response
from service.usecases.webhooks.known import known_webhook
from service.usecases.webhooks.request import WebhookRequest


class TryWebhook:
    """Sends an event that tells of nothing, once and at once, to a disabled webhook too."""

    def __init__(self, webhooks: WebhookStore, request: WebhookRequest, clock: Clock) -> None:
        """Keep the store, what asks the endpoint, and the clock."""
        self._webhooks = webhooks
        self._request = request
        self._clock = clock

    async def __call__(self, project_id: ProjectId) -> tuple[EventId, Response]:
        """Return the id of the event and what the endpoint answered. Raises WebhookNotFound."""
        webhook = await known_webhook(self._webhooks, project_id)
        event = Event(
            event_id=EventId(f"evt_{uuid4().hex}"),
            type=EventType.TEST,
            project_id=project_id,
            user_id=UserId(""),
            created_at=self._clock.now(),
        )
        return event.event_id, await self._request(webhook, event)
