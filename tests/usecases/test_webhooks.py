"""Webhooks: what is raised arrives, signed, in order, at least once, and nowhere else."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import re
import threading
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Standard
from standardwebhooks import WebhookVerificationError

from service.domain.errors import InvalidRequest, WebhookEventNotFound, WebhookNotFound
from service.domain.ids import EventId, UserId
from service.domain.users import NewUser, UserUpdate
from service.domain.webhooks import KEPT, LASTS, DeliveryState, EventType
from service.usecases.webhooks.deliver import Outcome
from service.usecases.webhooks.set import SetWebhook
from service.usecases.webhooks.trial import TryWebhook
from service.webhooks import HttpSender
from tests.receiver import Posted, Reply
from tests.usecases.desk import PEPPER, Desk
from tests.usecases.world import World


async def test_a_request_is_signed_by_the_standard(desk: Desk) -> None:
    """An independent library takes it with the secret, and with no other; a changed body it does not take."""
    desk.clock.time = datetime.now(UTC)
    await desk.world.remember("I adopted a dog named Rex.")
    assert [Outcome.DELIVERED] == await desk.deliver()
    (posted,) = desk.receiver.heard
    assert posted.json == Standard(desk.secret).verify(posted.body, dict(posted.headers))
    assert posted.json["id"] == posted.headers["webhook-id"]
    for secret, body in (("whsec_" + "A" * 44, posted.body), (desk.secret, posted.body + b" ")):
        with pytest.raises(WebhookVerificationError):
            Standard(secret).verify(body, dict(posted.headers))


async def test_the_other_signature_says_the_same(desk: Desk) -> None:
    """HMAC-SHA256 of time and body, in hexadecimal."""
    await desk.world.remember("I adopted a dog named Rex.")
    await desk.deliver()
    (posted,) = desk.receiver.heard
    time, signature = (part.partition("=")[2] for part in posted.headers["x-recallr-signature"].split(","))
    key = Standard(desk.secret)._whsecret
    assert hmac.new(key, f"{time}.".encode() + posted.body, hashlib.sha256).hexdigest() == signature


async def test_the_example_of_the_documentation_verifies(desk: Desk) -> None:
    """As it stands in docs/webhooks.md; nothing changed, nothing old, no other secret."""
    desk.clock.time = datetime.now(UTC)
    page = (Path(__file__).parents[2] / "docs/webhooks.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(example, names := dict[str, Any]())  # noqa: S102 - our own
    await desk.world.remember("I adopted a dog named Rex.")
    await desk.deliver()
    (posted,) = desk.receiver.heard
    old = {**posted.headers, "webhook-timestamp": str(int(posted.headers["webhook-timestamp"]) - 301)}
    checks = [
        (desk.secret, posted.headers, posted.body),
        (desk.secret, posted.headers, posted.body + b" "),
        (desk.secret, old, posted.body),
        ("whsec_" + "A" * 44, posted.headers, posted.body),
    ]
    assert [True, False, False, False] == [names["is_genuine"](*check) for check in checks]


async def test_two_secrets_sign_for_a_day(desk: Desk) -> None:
    """After a rotation receivers may hold either; then the new one alone."""
    desk.clock.time = datetime.now(UTC)
    webhook, new = await desk.world.application.webhooks.rotate(desk.world.project_id)
    await desk.world.remember("I adopted a dog named Rex.")
    await desk.deliver()
    (posted,) = desk.receiver.heard
    for secret in (desk.secret, new):
        Standard(secret).verify(posted.body, dict(posted.headers))
    assert (2, 1) == (len(webhook.salts(desk.clock.now())), len(webhook.salts(desk.clock.now() + LASTS)))


async def test_the_store_cannot_sign(desk: Desk) -> None:
    """What it keeps holds no secret."""
    record = await desk.world.application.stores.webhooks.database.get("HGETALL", f"mneme:{{p:{desk.world.project_id}}}:webhook")
    assert desk.secret.removeprefix("whsec_") not in str(record)
    assert desk.secret not in repr(await desk.world.application.webhooks.get(desk.world.project_id))


async def test_a_conflict_is_told_as_it_is_shown(desk: Desk) -> None:
    """With the user's id; before the session that raised it."""
    update = UserUpdate(set_merge_conflict_enabled=True, merge_conflict_enabled=True)
    await desk.world.application.users.update(desk.world.project_id, desk.world.user.user_id, update)
    for text in ("My birthday is on 4 May.", "My birthday is on 9 June."):
        await desk.world.remember(text)
    while await desk.deliver():
        pass
    first, raised, second = desk.receiver.heard
    assert ["session.processed", "merge_conflict.created", "session.processed"] == [
        each.json["type"] for each in (first, raised, second)
    ]
    (conflict,) = await desk.world.application.stores.conflicts.every(desk.world.scope)
    told = raised.json["data"]["conflict"]
    assert (conflict.conflict_id, conflict.conflict_id, "PENDING", None) == (
        told["id"],
        told["conflict_id"],
        told["status"],
        told["new_memories"],
    )
    assert desk.world.user.user_id == told["custom_user_id"] == raised.json["data"]["custom_user_id"]
    assert conflict.session_id == second.json["data"]["session"]["session_id"]


async def test_attempts_go_on_for_a_day(desk: Desk) -> None:
    """Later and later, then the event is dead, and the next one of the user has its turn."""
    desk.receiver.answer = lambda _: Reply(status=500)
    for text in ("I adopted a dog named Rex.", "I adopted a cat named Tom."):
        await desk.world.remember(text)
    start, pauses = desk.clock.now(), list[float]()
    assert [Outcome.RETRIED] == await desk.deliver()
    while (tried := (await desk.deliveries())[1].attempts).state is DeliveryState.WAITING:
        assert tried.next_at is not None
        pauses.append((tried.next_at - desk.clock.now()).total_seconds())
        desk.clock.time = tried.next_at - timedelta(milliseconds=1)
        assert [] == await desk.deliver()
        desk.clock.time = tried.next_at
        assert 1 == len(await desk.deliver())
    assert [True] * len(pauses) == [
        0.8 * pause <= found <= 1.2 * pause
        for pause, found in zip(itertools.chain([5, 20, 80, 320, 1280, 5120], itertools.repeat(7200)), pauses, strict=False)
    ]
    assert timedelta(hours=21) < desk.clock.now() - start <= LASTS
    assert (DeliveryState.DEAD, 500, len(pauses) + 1) == (tried.state, tried.status, tried.count)
    assert 1 == len({posted.body for posted in desk.receiver.heard})
    desk.receiver.answer = lambda _: Reply(status=204)
    assert [Outcome.DELIVERED] == await desk.deliver()
    assert 1 == await desk.world.application.webhooks.replay_dead(desk.world.project_id)
    assert [Outcome.DELIVERED] == await desk.deliver()


async def test_one_that_fails_holds_back_its_user_alone(desk: Desk) -> None:
    """Another user's events arrive, and then its own in order."""
    ben = await desk.world.application.users.create(
        desk.world.project_id, NewUser(user_id=UserId("ben"), metadata={}, merge_conflict_enabled=None), idempotency_key=None
    )
    other = World(application=desk.world.application, project_id=desk.world.project_id, user=ben)
    sessions = [await world.remember("I adopted a dog named Rex.") for world in (desk.world, desk.world, other, other)]
    desk.receiver.answer = lambda posted: Reply(status=503 if sessions[0] in str(posted.json) else 200)
    for _ in range(3):
        await desk.deliver()
    desk.receiver.answer = lambda _: Reply()
    desk.clock.advance(timedelta(seconds=6))
    for _ in range(2):
        await desk.deliver()
    arrived = [posted.json["data"]["session"]["session_id"] for posted in desk.receiver.heard]
    assert sorted([sessions[0], *sessions]) == sorted(arrived)
    assert sessions[2:] == [id_ for id_ in arrived if id_ in sessions[2:]]
    assert [sessions[0], sessions[0], sessions[1]] == [id_ for id_ in arrived if id_ in sessions[:2]]
    assert set(sessions[2:]) < set(arrived[:3])


@pytest.mark.parametrize(("asked", "waits"), [(1, 5), (60, 60), (10**8, LASTS.total_seconds())])
async def test_an_endpoint_may_ask_for_time(desk: Desk, asked: int, waits: float) -> None:
    """Never for less than the pause, nor for more than the day."""
    desk.receiver.answer = lambda _: Reply(status=429, headers={"Retry-After": str(asked)})
    await desk.world.remember("I adopted a dog named Rex.")
    assert [Outcome.RETRIED] == await desk.deliver()
    next_at = (await desk.only()).attempts.next_at
    assert next_at is not None
    assert 0.8 * waits <= (next_at - desk.clock.now()).total_seconds() <= 1.2 * waits


async def test_an_endpoint_may_name_a_date(desk: Desk) -> None:
    """Counted from now."""
    until = datetime.now(UTC) + timedelta(hours=1)
    desk.receiver.answer = lambda _: Reply(status=503, headers={"Retry-After": format_datetime(until, usegmt=True)})
    response = await desk.sender.send(f"{desk.receiver.origin}/", {}, b"{}")
    assert response.retry_after is not None
    assert timedelta(minutes=59) < response.retry_after <= timedelta(hours=1)


async def test_an_endpoint_that_is_gone_is_disabled(desk: Desk) -> None:
    """With 410: what waits is dead, nothing more is raised, until it is set again; then what is dead can be replayed."""
    desk.receiver.answer = lambda _: Reply(status=410)
    calls, project_id = desk.world.application.webhooks, desk.world.project_id
    for _ in range(2):
        await desk.world.remember("I adopted a dog named Rex.")
    assert ([Outcome.DEAD], [Outcome.DEAD]) == (await desk.deliver(), await desk.deliver())
    assert desk.clock.now() == (await calls.get(project_id)).disabled_at
    assert 1 == len(desk.receiver.heard)
    await desk.world.remember("I adopted a cat named Tom.")
    assert [] == await desk.deliver()
    desk.receiver.answer = lambda _: Reply()
    set_again = SetWebhook(desk.world.application.stores.webhooks, desk.sender, desk.clock, pepper=PEPPER)
    webhook, secret = await set_again(project_id, url=f"{desk.receiver.origin}/new", events=[EventType.USER_FORGOTTEN])
    assert (None, "", frozenset({EventType.USER_FORGOTTEN})) == (webhook.disabled_at, secret, webhook.events)
    assert 2 == await calls.replay_dead(project_id)
    assert ([Outcome.DELIVERED], [Outcome.DELIVERED]) == (await desk.deliver(), await desk.deliver())
    assert "/new" == desk.receiver.heard[-1].path


async def test_a_redirect_is_not_followed(desk: Desk) -> None:
    """It is a failure like any other."""
    desk.receiver.answer = lambda _: Reply(status=307, headers={"location": f"{desk.receiver.origin}/elsewhere"})
    await desk.world.remember("I adopted a dog named Rex.")
    assert [Outcome.RETRIED] == await desk.deliver()
    assert ["/hook"] == [posted.path for posted in desk.receiver.heard]


async def test_what_an_endpoint_says_is_not_read_to_its_end(desk: Desk) -> None:
    """A long answer is a good one, and its connection is closed."""
    desk.receiver.answer = lambda _: Reply(body=b"x" * 10_000_000)
    await desk.world.remember("I adopted a dog named Rex.")
    assert [Outcome.DELIVERED] == await desk.deliver()


async def test_an_endpoint_that_is_silent_or_away_is_tried_again(desk: Desk) -> None:
    """The reason is kept for people."""

    def hang(_posted: Posted) -> Reply:
        release.wait(10)
        return Reply()

    release = threading.Event()
    desk.receiver.answer = hang
    await desk.world.remember("I adopted a dog named Rex.")
    async with aclosing(HttpSender([desk.receiver.origin], timeout=timedelta(milliseconds=200))) as hasty:
        assert [Outcome.RETRIED] == await replace(desk, sender=hasty).deliver()
    release.set()
    assert "no answer within 0.2 s" == (await desk.only()).attempts.error
    async with aclosing(HttpSender(["http://127.0.0.1:9"])) as sender:
        response = await sender.send("http://127.0.0.1:9/", {}, b"")
    assert (None, "it cannot be reached") == (response.status, response.error)


async def test_a_removed_webhook_is_told_nothing(desk: Desk) -> None:
    """What waited is gone."""
    await desk.world.remember("I adopted a dog named Rex.")
    await desk.world.application.webhooks.remove(desk.world.project_id)
    assert ([Outcome.DROPPED], []) == (await desk.deliver(), desk.receiver.heard)
    with pytest.raises(WebhookNotFound):
        await desk.world.application.webhooks.remove(desk.world.project_id)
    with pytest.raises(WebhookNotFound):
        await desk.world.application.webhooks.replay_dead(desk.world.project_id)


async def test_a_trial_is_sent_at_once(desk: Desk) -> None:
    """And is no delivery."""
    stores = desk.world.application.stores
    event_id, response = await TryWebhook(stores.webhooks, desk.request, desk.clock)(desk.world.project_id)
    (posted,) = desk.receiver.heard
    assert (event_id, "webhook.test", 200) == (posted.json["id"], posted.json["type"], response.status)
    assert [] == await desk.deliveries()


async def test_a_url_that_leads_nowhere_is_refused(desk: Desk) -> None:
    """And changes nothing."""
    with pytest.raises(InvalidRequest, match="url: must be https"):
        await desk.world.application.webhooks.set(desk.world.project_id, url="http://x.example/", events=())
    assert f"{desk.receiver.origin}/hook" == (await desk.world.application.webhooks.get(desk.world.project_id)).url


async def test_events_are_kept_for_a_week(desk: Desk) -> None:
    """Then they cannot be replayed any more."""
    await desk.world.remember("I adopted a dog named Rex.")
    await desk.deliver()
    event_id = (await desk.only()).event.event_id
    desk.clock.time = datetime.now(UTC) + KEPT - timedelta(minutes=1)
    assert 0 == await desk.world.application.expire_deliveries()
    desk.clock.advance(timedelta(minutes=2))
    assert 1 == await desk.world.application.expire_deliveries()
    with pytest.raises(WebhookEventNotFound):
        await desk.world.application.webhooks.replay(desk.world.project_id, event_id)
    with pytest.raises(WebhookEventNotFound):
        await desk.world.application.webhooks.replay(desk.world.project_id, EventId("x"))
