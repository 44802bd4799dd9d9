"""WebhooksService."""

from __future__ import annotations

from dataclasses import dataclass

from mneme.v1 import webhooks_service_pb2 as pb
from mneme.v1.webhooks_service_pb2_grpc import WebhooksServiceServicer

from service.domain.ids import EventId, ProjectId
from service.rpc.mapping.values import from_page
from service.rpc.mapping.webhooks import from_event_types, to_delivery, to_trial, to_webhook
from service.usecases.webhooks.get import GetWebhook
from service.usecases.webhooks.list_deliveries import ListDeliveries
from service.usecases.webhooks.remove import RemoveWebhook
from service.usecases.webhooks.replay import ReplayDead, ReplayDelivery
from service.usecases.webhooks.rotate import RotateWebhookSecret
from service.usecases.webhooks.set import SetWebhook
from service.usecases.webhooks.trial import TryWebhook

_PAGE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookCalls:
    """The use cases behind WebhooksService."""

    set: SetWebhook
    get: GetWebhook
    remove: RemoveWebhook
    rotate: RotateWebhookSecret
    trial: TryWebhook
    list_deliveries: ListDeliveries
    replay: ReplayDelivery
    replay_dead: ReplayDead


class WebhooksServicer(WebhooksServiceServicer):
    """Decodes, calls, encodes."""

    def __init__(self, calls: WebhookCalls) -> None:
        """Keep the use cases."""
        self._calls = calls

    async def SetWebhook(self, request: pb.SetWebhookRequest, _context: object) -> pb.SetWebhookResponse:
        """Make or change a webhook; the secret of a new one is shown here alone."""
        webhook, secret = await self._calls.set(
            ProjectId(request.project_id), url=request.url, events=from_event_types(request.events)
        )
        return pb.SetWebhookResponse(webhook=to_webhook(webhook), secret=secret or None)

    async def GetWebhook(self, request: pb.GetWebhookRequest, _context: object) -> pb.GetWebhookResponse:
        """Return a webhook."""
        return pb.GetWebhookResponse(webhook=to_webhook(await self._calls.get(ProjectId(request.project_id))))

    async def DeleteWebhook(self, request: pb.DeleteWebhookRequest, _context: object) -> pb.DeleteWebhookResponse:
        """Remove a webhook."""
        await self._calls.remove(ProjectId(request.project_id))
        return pb.DeleteWebhookResponse()

    async def RotateWebhookSecret(
        self, request: pb.RotateWebhookSecretRequest, _context: object
    ) -> pb.RotateWebhookSecretResponse:
        """Change the secret, which is shown here alone."""
        webhook, secret = await self._calls.rotate(ProjectId(request.project_id))
        return pb.RotateWebhookSecretResponse(webhook=to_webhook(webhook), secret=secret)

    async def TestWebhook(self, request: pb.TestWebhookRequest, _context: object) -> pb.TestWebhookResponse:
        """Try whether events arrive."""
        return to_trial(*await self._calls.trial(ProjectId(request.project_id)))

    async def ListWebhookDeliveries(
        self, request: pb.ListWebhookDeliveriesRequest, _context: object
    ) -> pb.ListWebhookDeliveriesResponse:
        """Return one page of deliveries."""
        page = await self._calls.list_deliveries(
            ProjectId(request.project_id), from_page(request, default=_PAGE), dead=request.dead
        )
        return pb.ListWebhookDeliveriesResponse(deliveries=map(to_delivery, page.items), total=page.total, has_more=page.has_more)

    async def ReplayWebhookDelivery(
        self, request: pb.ReplayWebhookDeliveryRequest, _context: object
    ) -> pb.ReplayWebhookDeliveryResponse:
        """Queue an event again."""
        await self._calls.replay(ProjectId(request.project_id), EventId(request.event_id))
        return pb.ReplayWebhookDeliveryResponse()

    async def ReplayDeadWebhookDeliveries(
        self, request: pb.ReplayDeadWebhookDeliveriesRequest, _context: object
    ) -> pb.ReplayDeadWebhookDeliveriesResponse:
        """Queue every dead event again."""
        return pb.ReplayDeadWebhookDeliveriesResponse(replayed=await self._calls.replay_dead(ProjectId(request.project_id)))
