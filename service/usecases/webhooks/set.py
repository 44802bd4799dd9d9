"""Set the webhook of a project."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from service.domain.ids import ProjectId
from service.domain.ports.models import Clock
from service.domain.ports.webhooks import WebhookSender, WebhookStore
from service.domain.webhooks import SUBSCRIBABLE, EventType, Webhook
from service.usecases.webhooks.known import new_salt, secret_of


class SetWebhook:
    """Makes the webhook of a project, or changes where it goes and what it is told of."""

    def __init__(self, webhooks: WebhookStore, sender: WebhookSender, clock: Clock, *, pepper: bytes) -> None:
        """Keep the store, what knows which URLs are good, the clock, and the *pepper* that secrets are made with."""
        self._webhooks = webhooks
        self._sender = sender
        self._clock = clock
        self._pepper = pepper

    async def __call__(self, project_id: ProjectId, *, url: str, events: Collection[EventType]) -> tuple[Webhook, str]:
        """
        Return the webhook, which is enabled, and its secret if it is new, else ''. No *events* mean every one.

        Raises InvalidRequest, ProjectNotFound; ConcurrentChange when somebody else changes it too.
        """
        self._sender.check(url)
        wanted = frozenset(events) or SUBSCRIBABLE
        known = await self._webhooks.get(project_id)
        if known is not None:
            return await self._webhooks.put(replace(known, url=url, events=wanted, disabled_at=None)), ""
        new = Webhook(project_id=project_id, url=url, events=wanted, created_at=self._clock.now(), salt=new_salt())
        webhook = await self._webhooks.put(new)
        return webhook, secret_of(webhook, self._pepper)
