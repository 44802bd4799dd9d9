"""Get the webhook of a project."""

from __future__ import annotations

from service.domain.ids import ProjectId
from service.domain.ports.webhooks import WebhookStore
from service.domain.webhooks import Webhook
from service.usecases.webhooks.known import known_webhook


class GetWebhook:
    """Returns the webhook of a project, without its secret."""

    def __init__(self, webhooks: WebhookStore) -> None:
        """Keep the store."""
        self._webhooks = webhooks

    async def __call__(self, project_id: ProjectId) -> Webhook:
        """Return the webhook. Raises WebhookNotFound."""
        return await known_webhook(self._webhooks, project_id)
