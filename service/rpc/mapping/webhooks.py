"""Webhooks and deliveries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mneme.v1 import webhook_pb2
from mneme.v1 import webhooks_service_pb2 as pb

from service.domain.ids import EventId
from service.domain.webhooks import Delivery, DeliveryState, EventType, Response, Webhook
from service.rpc.mapping.values import to_timestamp

TYPES: Mapping[EventType, webhook_pb2.WebhookEventType.ValueType] = {
    EventType.SESSION_PROCESSED: webhook_pb2.WEBHOOK_EVENT_TYPE_SESSION_PROCESSED,
    EventType.SESSION_FAILED: webhook_pb2.WEBHOOK_EVENT_TYPE_SESSION_FAILED,
    EventType.CONFLICT_CREATED: webhook_pb2.WEBHOOK_EVENT_TYPE_MERGE_CONFLICT_CREATED,
    EventType.CONFLICT_RESOLVED: webhook_pb2.WEBHOOK_EVENT_TYPE_MERGE_CONFLICT_RESOLVED,
    EventType.CONFLICT_FAILED: webhook_pb2.WEBHOOK_EVENT_TYPE_MERGE_CONFLICT_FAILED,
    EventType.USER_FORGOTTEN: webhook_pb2.WEBHOOK_EVENT_TYPE_USER_FORGOTTEN,
    EventType.TEST: webhook_pb2.WEBHOOK_EVENT_TYPE_TEST,
}
STATES: Mapping[DeliveryState, webhook_pb2.WebhookDeliveryState.ValueType] = {
    DeliveryState.WAITING: webhook_pb2.WEBHOOK_DELIVERY_STATE_WAITING,
    DeliveryState.DELIVERED: webhook_pb2.WEBHOOK_DELIVERY_STATE_DELIVERED,
    DeliveryState.DEAD: webhook_pb2.WEBHOOK_DELIVERY_STATE_DEAD,
}
_FROM_TYPE = {wire: noun for noun, wire in TYPES.items()}


def from_event_types(types: Iterable[webhook_pb2.WebhookEventType.ValueType]) -> frozenset[EventType]:
    """Return what a webhook is to be told of."""
    return frozenset(_FROM_TYPE[type_] for type_ in types)


def to_webhook(webhook: Webhook) -> webhook_pb2.Webhook:
    """Return a webhook, without its secret."""
    disabled, old = webhook.disabled_at, webhook.old_until
    return webhook_pb2.Webhook(
        project_id=webhook.project_id,
        url=webhook.url,
        events=sorted(TYPES[type_] for type_ in webhook.events),
        created_at=to_timestamp(webhook.created_at),
        disabled_at=to_timestamp(disabled) if disabled is not None else None,
        old_secret_until=to_timestamp(old) if old is not None else None,
    )


def to_delivery(delivery: Delivery) -> webhook_pb2.WebhookDelivery:
    """Return a delivery, without the content of its event."""
    event, tried = delivery.event, delivery.attempts
    return webhook_pb2.WebhookDelivery(
        event_id=event.event_id,
        type=TYPES[event.type],
        user_id=event.user_id,
        created_at=to_timestamp(event.created_at),
        state=STATES[tried.state],
        attempts=tried.count,
        last_attempt_at=to_timestamp(tried.last_at) if tried.last_at is not None else None,
        next_attempt_at=to_timestamp(tried.next_at) if tried.next_at is not None else None,
        response_status=tried.status,
        error=tried.error,
    )


def to_trial(event_id: EventId, response: Response) -> pb.TestWebhookResponse:
    """Return what came of a trial."""
    return pb.TestWebhookResponse(
        event_id=event_id,
        delivered=response.accepted,
        response_status=response.status,
        error=response.error,
        milliseconds=round(response.took.total_seconds() * 1000),
    )
