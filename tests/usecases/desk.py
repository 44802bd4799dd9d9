"""A user of a project with a webhook, and what delivers its events, by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from service.domain.values import PageRequest
from service.domain.webhooks import Delivery
from service.rpc.mapping.events import event_body
from service.usecases.webhooks.deliver import DeliverEvent, Outcome
from service.usecases.webhooks.request import WebhookRequest
from service.webhooks import HttpSender
from tests.conftest import FakeClock
from tests.receiver import Receiver
from tests.usecases.interruptions import Interrupted, Interruption
from tests.usecases.world import World

PEPPER = b"pepper"
PAGE = PageRequest(offset=0, limit=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A user of a project with a webhook, and the worker's part done by hand."""

    world: World
    receiver: Receiver
    sender: HttpSender
    clock: FakeClock
    secret: str

    @property
    def request(self) -> WebhookRequest:
        """What asks the endpoint."""
        return WebhookRequest(self.sender, event_body, self.clock, pepper=PEPPER)

    def deliverer(self, interruption: Interruption | None = None) -> DeliverEvent:
        """Return the use case, interrupted or not."""
        stores, request = self.world.application.stores, self.request
        if interruption is None:
            return DeliverEvent(stores.webhooks, stores.deliveries, request, self.clock)
        sender = cast(Any, Interrupted(self.sender, interruption))
        return DeliverEvent(
            cast(Any, Interrupted(stores.webhooks, interruption)),
            cast(Any, Interrupted(stores.deliveries, interruption)),
            WebhookRequest(sender, event_body, self.clock, pepper=PEPPER),
            self.clock,
        )

    async def claim(self) -> Sequence[Delivery]:
        """Claim what is due."""
        return await self.world.application.stores.deliveries.claim(self.clock.now(), {}, limit=100, each=100)

    async def deliver(self) -> list[Outcome]:
        """Make one attempt at everything that is due."""
        return [await self.deliverer()(delivery) for delivery in await self.claim()]

    async def deliveries(self) -> Sequence[Delivery]:
        """Return every delivery, newest event first."""
        return (await self.world.application.webhooks.list_deliveries(self.world.project_id, PAGE)).items

    async def only(self) -> Delivery:
        """Return the one delivery there is."""
        (delivery,) = await self.deliveries()
        return delivery
