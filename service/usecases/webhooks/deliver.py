"""Deliver an event."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from service.domain.errors import ConcurrentChange
from service.domain.ports.models import Clock
from service.domain.ports.webhooks import DeliveryQueue, WebhookStore
from service.domain.webhooks import LASTS, Attempts, Delivery, DeliveryState, Response, Webhook
from service.usecases.webhooks.request import WebhookRequest

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(hours=2)
GROWTH = 4
"""Pauses: 5 s, 20 s, 80 s, 5 min, 21 min, 85 min, then 2 h each, every one a fifth shorter or longer by chance."""
GONE = 410
ENDED = Response(status=None, error="the webhook is disabled")


class Outcome(StrEnum):
    """What became of an attempt."""

    DELIVERED = "delivered"
    RETRIED = "retried"
    DEAD = "dead"
    DROPPED = "dropped"
    """The project has no webhook any more."""
    LOST = "lost"
    """Another worker made the attempt again meanwhile."""


class DeliverEvent:
    """Makes one attempt at a leased delivery."""

    def __init__(self, webhooks: WebhookStore, deliveries: DeliveryQueue, request: WebhookRequest, clock: Clock) -> None:
        """Keep the store, the queue, what asks the endpoint, and the clock."""
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._request = request
        self._clock = clock

    async def __call__(self, delivery: Delivery) -> Outcome:
        """Ask the endpoint and write down what came of it. An endpoint that says that it is gone for good is disabled."""
        webhook = await self._webhooks.get(delivery.scope.project_id)
        if webhook is None:
            await self._deliveries.drop(delivery)
            return Outcome.DROPPED
        response = ENDED if webhook.disabled_at else await self._request(webhook, delivery.event)
        now = self._clock.now()
        if response.status == GONE:
            await self._disable(webhook, now)
        over = response.status == GONE or webhook.disabled_at is not None
        attempts = _after(delivery.attempts, response, now, over=over)
        if not await self._deliveries.end(delivery, attempts):
            return Outcome.LOST
        return Outcome.RETRIED if attempts.state is DeliveryState.WAITING else Outcome(attempts.state.value)

    async def _disable(self, webhook: Webhook, now: datetime) -> None:
        # whoever changed it meanwhile gave it another endpoint, or another chance
        with suppress(ConcurrentChange):
            await self._webhooks.put(replace(webhook, disabled_at=now))


def _after(before: Attempts, response: Response, now: datetime, *, over: bool) -> Attempts:
    """Return what was tried, with one attempt more; the last one when all is *over* or a day is."""
    tried = replace(
        before,
        count=before.count + 1,
        first_at=before.first_at or now,
        last_at=now,
        next_at=None,
        status=response.status,
        error=response.error,
    )
    if response.accepted:
        return replace(tried, state=DeliveryState.DELIVERED)
    end = (before.first_at or now) + LASTS
    pause = _pause(tried.count)
    if over or now + pause > end:
        return replace(tried, state=DeliveryState.DEAD)
    # an endpoint may ask for more time, but not for more than there is
    wait = max(pause, min(response.retry_after or pause, end - now))
    return replace(tried, state=DeliveryState.WAITING, next_at=now + wait)


def _pause(attempt: int) -> timedelta:
    """Return the time from an attempt, counted from 1, to the next one."""
    # bounded first: the power of a large number has no time
    pause: timedelta = min(FIRST_PAUSE * GROWTH ** min(attempt - 1, 10), LONGEST_PAUSE)
    return pause * random.uniform(0.8, 1.2)  # noqa: S311 - no secret
