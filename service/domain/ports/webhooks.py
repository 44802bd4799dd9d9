"""
Webhooks of projects and the deliveries of their events.

Events are raised by the stores, each in the step that brings about what it tells of, if the project has a webhook that wants it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from service.domain.ids import EventId, ProjectId
from service.domain.values import Page, PageRequest
from service.domain.webhooks import Attempts, Delivery, Event, Response, Webhook


class WebhookStore(Protocol):
    """The webhooks, at most one of a project."""

    async def get(self, project_id: ProjectId) -> Webhook | None:
        """Return the webhook of a project, or None."""
        ...

    async def put(self, webhook: Webhook) -> Webhook:
        """
        Store a webhook in place of its version, 0 for none, and return it with the next version.

        Raises ProjectNotFound; ConcurrentChange when another version is stored.
        """
        ...

    async def remove(self, project_id: ProjectId) -> None:
        """Remove the webhook of a project; none is no error. Events that wait for it are dropped when their turn comes."""
        ...


class DeliveryQueue(Protocol):
    """
    The events to deliver, in order for each user: the second is not to be had before the first has ended.

    Times are the caller's, by its `Clock`.
    """

    async def claim(self, now: datetime, limits: Mapping[ProjectId, int], *, limit: int, each: int) -> Sequence[Delivery]:
        """
        Return up to *limit* deliveries that are due, now leased, of each project at most *each* or what *limits* says instead.

        Of a user it is the first one that waits. Does not wait.
        """
        ...

    async def end(self, delivery: Delivery, attempts: Attempts) -> bool:
        """
        End an attempt: the delivery waits until `next_at`, is delivered or dead. False, and nothing done, when the lease is lost.
        """
        ...

    async def drop(self, delivery: Delivery) -> None:
        """Take a leased delivery that nobody wants any more away, with its event."""
        ...

    async def list(self, project_id: ProjectId, page: PageRequest, *, dead: bool) -> Page[Delivery]:
        """Return one page of the deliveries of a project that are kept, or of its dead ones, newest event first."""
        ...

    async def replay(self, project_id: ProjectId, event_id: EventId) -> None:
        """
        Queue an event that has ended, behind those of its user that wait; one that waits is left alone.

        Raises WebhookEventNotFound.
        """
        ...

    async def replay_dead(self, project_id: ProjectId) -> int:
        """Queue every dead event of a project, oldest first, and return how many."""
        ...

    async def expire(self, project_id: ProjectId, before: datetime) -> int:
        """Remove what was raised *before* and has ended, and return how many."""
        ...

    async def waiting(self) -> int:
        """Return of how many users events wait."""
        ...


class WebhookSender(Protocol):
    """Brings requests to endpoints, and to nothing that is no endpoint."""

    def check(self, url: str) -> None:
        """Raise InvalidRequest for a URL that nothing is sent to, whatever it leads to."""
        ...

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Post *body* and return the answer. Never raises for what the network or the endpoint does."""
        ...


class EventWriter(Protocol):
    """Writes the body that tells of an event; of the same event always the same bytes."""

    def __call__(self, event: Event) -> bytes:
        """Return the JSON of an event."""
        ...
