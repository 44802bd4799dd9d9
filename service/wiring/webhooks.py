"""What tells projects of what happens."""

from __future__ import annotations

from dataclasses import dataclass

from service.domain.ports.models import Clock
from service.domain.ports.webhooks import WebhookSender
from service.rpc.mapping.events import event_body
from service.rpc.webhooks import WebhookCalls
from service.settings import InvalidSetting, Settings
from service.storage.redis import RedisStores
from service.usecases.webhooks.deliver import DeliverEvent
from service.usecases.webhooks.expire import ExpireDeliveries
from service.usecases.webhooks.get import GetWebhook
from service.usecases.webhooks.list_deliveries import ListDeliveries
from service.usecases.webhooks.remove import RemoveWebhook
from service.usecases.webhooks.replay import ReplayDead, ReplayDelivery
from service.usecases.webhooks.request import WebhookRequest
from service.usecases.webhooks.rotate import RotateWebhookSecret
from service.usecases.webhooks.set import SetWebhook
from service.usecases.webhooks.trial import TryWebhook
from service.webhooks import HttpSender


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldWebhooks:
    """The use cases of webhooks: those behind WebhooksService, and the worker's."""

    calls: WebhookCalls
    deliver: DeliverEvent
    expire: ExpireDeliveries


def told_webhooks(stores: RedisStores, sender: WebhookSender, clock: Clock, *, pepper: bytes) -> ToldWebhooks:
    """Return the use cases; *pepper* is what secrets are made with."""
    webhooks, deliveries = stores.webhooks, stores.deliveries
    request = WebhookRequest(sender, event_body, clock, pepper=pepper)
    return ToldWebhooks(
        calls=WebhookCalls(
            set=SetWebhook(webhooks, sender, clock, pepper=pepper),
            get=GetWebhook(webhooks),
            remove=RemoveWebhook(webhooks),
            rotate=RotateWebhookSecret(webhooks, clock, pepper=pepper),
            trial=TryWebhook(webhooks, request, clock),
            list_deliveries=ListDeliveries(deliveries),
            replay=ReplayDelivery(webhooks, deliveries),
            replay_dead=ReplayDead(webhooks, deliveries),
        ),
        deliver=DeliverEvent(webhooks, deliveries, request, clock),
        expire=ExpireDeliveries(stores.projects, deliveries, clock),
    )


def configured_sender(settings: Settings) -> HttpSender:
    """Return what posts events, not yet connected. Raises InvalidSetting for an origin that must not be listed."""
    try:
        return HttpSender(settings.webhook_origins)
    except ValueError as error:
        raise InvalidSetting("MNEME_WEBHOOK_ORIGINS", f"cannot be used: {error}") from None
