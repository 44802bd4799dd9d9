"""WebhooksService over a real channel."""

from __future__ import annotations

import grpc
import pytest
from mneme.v1 import http_pb2, webhook_pb2

from service.domain.webhooks import DeliveryState, EventType
from service.rpc.mapping.webhooks import STATES, TYPES
from tests.rpc.tenant import Tenant, refused

URL = "https://hooks.example/mneme"
EVERY = list(range(1, 7))
NOT_FOUND, INVALID = grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT


def test_every_event_is_spelled_as_the_contract_says() -> None:
    """And every state of a delivery."""
    spelled = {
        noun: message.values_by_number[wire].GetOptions().Extensions[http_pb2.json_value].spelling
        for table, message in (
            (TYPES, webhook_pb2.WebhookEventType.DESCRIPTOR),
            (STATES, webhook_pb2.WebhookDeliveryState.DESCRIPTOR),
        )
        for noun, wire in table.items()
    }
    assert {noun: noun.value for noun in (*EventType, *DeliveryState)} == spelled


async def test_a_webhook_is_set_and_shown(admin: Tenant) -> None:
    """Its secret is told once; without events it is told all."""
    made = await admin.call("SetWebhook", project_id=admin.project_id, url=URL)
    assert (URL, EVERY, True) == (made.webhook.url, list(made.webhook.events), made.secret.startswith("whsec_"))
    assert made.webhook == (await admin.call("GetWebhook", project_id=admin.project_id)).webhook
    wanted = [webhook_pb2.WEBHOOK_EVENT_TYPE_USER_FORGOTTEN]
    changed = await admin.call("SetWebhook", project_id=admin.project_id, url=f"{URL}/2", events=wanted)
    assert (f"{URL}/2", wanted, False) == (changed.webhook.url, list(changed.webhook.events), changed.HasField("secret"))
    assert changed.webhook.created_at == made.webhook.created_at


async def test_a_secret_is_rotated(admin: Tenant) -> None:
    """The webhook says until when the old one signs too."""
    made = await admin.call("SetWebhook", project_id=admin.project_id, url=URL)
    rotated = await admin.call("RotateWebhookSecret", project_id=admin.project_id)
    assert made.secret != rotated.secret
    assert rotated.webhook.HasField("old_secret_until")


async def test_a_webhook_is_removed(admin: Tenant) -> None:
    """Then there is none, for any call."""
    await admin.call("SetWebhook", project_id=admin.project_id, url=URL)
    await admin.call("DeleteWebhook", project_id=admin.project_id)
    for name in ("GetWebhook", "DeleteWebhook", "RotateWebhookSecret", "TestWebhook", "ReplayDeadWebhookDeliveries"):
        error = await refused(admin.call(name, project_id=admin.project_id))
        assert (NOT_FOUND, "WEBHOOK_NOT_FOUND") == (error.code, error.reason), name


async def test_an_absent_project_has_no_webhook(admin: Tenant) -> None:
    """Nor can it get one."""
    assert "PROJECT_NOT_FOUND" == (await refused(admin.call("SetWebhook", project_id="nothing", url=URL))).reason


@pytest.mark.parametrize(
    "fields",
    [
        {"url": "http://hooks.example/"},
        {"url": "https://10.0.0.1/"},
        {"url": ""},
        {"url": URL, "events": [0]},
        {"url": URL, "events": [7]},
    ],
)
async def test_what_is_no_endpoint_is_refused(admin: Tenant, fields: dict[str, object]) -> None:
    """And what cannot be subscribed to."""
    error = await refused(admin.call("SetWebhook", project_id=admin.project_id, **fields))
    assert (INVALID, "VALIDATION_FAILED") == (error.code, error.reason)


async def test_a_trial_says_why_it_failed(admin: Tenant) -> None:
    """The name of the endpoint is not known anywhere."""
    await admin.call("SetWebhook", project_id=admin.project_id, url="https://hooks.invalid/")
    tried = await admin.call("TestWebhook", project_id=admin.project_id)
    assert (False, False, True) == (tried.delivered, tried.HasField("response_status"), bool(tried.error))
    assert tried.event_id.startswith("evt_")


async def test_deliveries_are_listed(admin: Tenant) -> None:
    """With how far they are; an event that is not there cannot be replayed, one that waits is left alone."""
    await admin.call("SetWebhook", project_id=admin.project_id, url="https://hooks.invalid/")
    user_id = await admin.user()
    await admin.call("DeleteUser", user_id=user_id)
    page = await admin.call("ListWebhookDeliveries", project_id=admin.project_id)
    (delivery,) = page.deliveries
    assert (webhook_pb2.WEBHOOK_EVENT_TYPE_USER_FORGOTTEN, user_id, 1) == (delivery.type, delivery.user_id, page.total)
    assert webhook_pb2.WEBHOOK_DELIVERY_STATE_WAITING == delivery.state
    about = {"project_id": admin.project_id, "event_id": delivery.event_id}
    await admin.call("ReplayWebhookDelivery", **about)
    error = await refused(admin.call("ReplayWebhookDelivery", **{**about, "event_id": "evt_0"}))
    assert (NOT_FOUND, "WEBHOOK_EVENT_NOT_FOUND", {"event_id": "evt_0"}) == (error.code, error.reason, error.metadata)
    assert 0 == (await admin.call("ReplayDeadWebhookDeliveries", project_id=admin.project_id)).replayed
    assert 0 == (await admin.call("ListWebhookDeliveries", project_id=admin.project_id, dead=True)).total
