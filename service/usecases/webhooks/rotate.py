"""Change the secret of a webhook."""

from __future__ import annotations

from dataclasses import replace

from service.domain.ids import ProjectId
from service.domain.ports.models import Clock
from service.domain.ports.webhooks import WebhookStore
from service.domain.webhooks import OVERLAP, Webhook
from service.usecases.webhooks.known import known_webhook, new_salt, secret_of


class RotateWebhookSecret:
    """Gives a webhook a new secret; the one before signs beside it for a day, and the one before that no more."""

    def __init__(self, webhooks: WebhookStore, clock: Clock, *, pepper: bytes) -> None:
        """Keep the store, the clock and the *pepper* that secrets are made with."""
        self._webhooks = webhooks
        self._clock = clock
        self._pepper = pepper

    async def __call__(self, project_id: ProjectId) -> tuple[Webhook, str]:
        """Return the webhook and its new secret. Raises WebhookNotFound; ConcurrentChange when somebody else changes it too."""
        known = await known_webhook(self._webhooks, project_id)
        until = self._clock.now() + OVERLAP
        webhook = await self._webhooks.put(replace(known, salt=new_salt(), old_salt=known.salt, old_until=until))
        return webhook, secret_of(webhook, self._pepper)
