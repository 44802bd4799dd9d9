"""The webhook of a project, or an error."""

from __future__ import annotations

import secrets

from service.domain.errors import WebhookNotFound
from service.domain.ids import ProjectId
from service.domain.ports.webhooks import WebhookStore
from service.domain.webhooks import Webhook, secret_text, signing_key


async def known_webhook(webhooks: WebhookStore, project_id: ProjectId) -> Webhook:
    """Return the webhook of a project. Raises WebhookNotFound."""
    webhook = await webhooks.get(project_id)
    if webhook is None:
        raise WebhookNotFound(project_id=project_id)
    return webhook


def new_salt() -> str:
    """Return a salt that nobody can guess."""
    return secrets.token_urlsafe(24)


def secret_of(webhook: Webhook, pepper: bytes) -> str:
    """Return the present secret of a webhook as its receiver is given it."""
    return secret_text(signing_key(pepper, webhook.project_id, webhook.salt))
