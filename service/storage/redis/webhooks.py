"""The webhooks of projects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain

from service.domain.errors import ConcurrentChange, ProjectNotFound
from service.domain.ids import ProjectId
from service.domain.webhooks import Webhook
from service.storage.redis.database import Database
from service.storage.redis.event_codec import read_webhook, write_webhook
from service.storage.redis.keys import ProjectKeys


@dataclass(frozen=True, slots=True)
class RedisWebhooks:
    """Implements `WebhookStore`."""

    database: Database

    async def get(self, project_id: ProjectId) -> Webhook | None:
        """Return the webhook of a project, or None."""
        record = await self.database.get("HGETALL", ProjectKeys(project_id).webhook)
        return read_webhook(project_id, record) if record else None

    async def put(self, webhook: Webhook) -> Webhook:
        """
        Store a webhook in place of its version, 0 for none, and return it with the next version.

        Raises ProjectNotFound; ConcurrentChange when another version is stored.
        """
        keys, stored = ProjectKeys(webhook.project_id), replace(webhook, version=webhook.version + 1)
        fields = chain.from_iterable(write_webhook(stored).items())
        outcome = await self.database.run("put_webhook", [keys.record, keys.webhook], [webhook.version, *fields])
        if outcome == "gone":
            raise ProjectNotFound(project_id=webhook.project_id)
        if outcome == "changed":
            raise ConcurrentChange
        return stored

    async def remove(self, project_id: ProjectId) -> None:
        """Remove the webhook of a project; none is no error. Events that wait for it are dropped when their turn comes."""
        await self.database.get("DEL", ProjectKeys(project_id).webhook)
