"""One request to the endpoint of a webhook."""

from __future__ import annotations

from service.domain.ports.models import Clock
from service.domain.ports.webhooks import EventWriter, WebhookSender
from service.domain.webhooks import Event, Response, Webhook, signature_headers, signing_key

HEADERS = {"content-type": "application/json", "user-agent": "Mneme-Webhooks"}


class WebhookRequest:
    """Tells an endpoint of an event, signed at the time of the request."""

    def __init__(self, sender: WebhookSender, write: EventWriter, clock: Clock, *, pepper: bytes) -> None:
        """Keep what sends, what writes bodies, the clock, and the *pepper* that secrets are made with."""
        self._sender = sender
        self._write = write
        self._clock = clock
        self._pepper = pepper

    async def __call__(self, webhook: Webhook, event: Event) -> Response:
        """Return what the endpoint answered."""
        now, body = self._clock.now(), self._write(event)
        keys = [signing_key(self._pepper, webhook.project_id, salt) for salt in webhook.salts(now)]
        headers = {**HEADERS, **signature_headers(keys, event.event_id, now, body)}
        return await self._sender.send(webhook.url, headers, body)
