"""Remove the webhook of a project."""

from __future__ import annotations

from service.domain.ids import ProjectId
from service.domain.ports.webhooks import WebhookStore
from service.usecases.webhooks.known import known_webhook


class RemoveWebhook:
    """Removes the webhook of a project; no event is raised any more, and those that wait are dropped."""

    def __init__(self, webhooks: WebhookStore) -> None:
        """Keep the store."""
        self._webhooks = webhooks

    async def __call__(self, project_id: ProjectId) -> None:
        """Remove it. Raises WebhookNotFound."""
        await known_webhook(self._webhooks, project_id)
        await self._webhooks.remove(project_id)
