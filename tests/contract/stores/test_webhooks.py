"""Webhooks: events are raised with what they tell of, and delivered in order for each user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.domain.conflicts import ConflictStatus, answered, resolved, taken_up
from service.domain.errors import ConcurrentChange, ProjectNotFound, WebhookEventNotFound
from service.domain.ids import EventId, ProjectId, UserId
from service.domain.memories import MemoryChange
from service.domain.ports.work import CommitOutcome
from service.domain.sessions import SessionStatus
from service.domain.webhooks import SUBSCRIBABLE, Attempts, Delivery, DeliveryState, EventType, Webhook
from service.storage.redis import RedisStores
from service.storage.redis.deliveries import LEASE
from tests.contract.stores.conftest import Client
from tests.contract.stores.makers import (
    ACME,
    DAY,
    FIRST_PAGE,
    GLOBEX,
    PAST,
    World,
    chain,
    commit,
    new_user,
    project,
    put,
)
from tests.contract.stores.test_conflicts import answers, conflict, queued, raised

ANN = UserId("ann")
AT_ONCE = timedelta(0)
NOW = PAST + DAY
DONE = Attempts(state=DeliveryState.DELIVERED, count=1, first_at=NOW, last_at=NOW, status=200)
FAILED = Attempts(count=1, first_at=NOW, last_at=NOW, next_at=NOW + DAY, error="no answer")
DEAD = replace(FAILED, state=DeliveryState.DEAD, next_at=None)


def webhook(project_id: ProjectId = ACME, **changes: object) -> Webhook:
    """Return a webhook that is told everything."""
    made = Webhook(project_id=project_id, url="https://x.example/", events=SUBSCRIBABLE, created_at=PAST, salt="salt")
    return replace(made, **changes)  # type: ignore[arg-type]  # fields by name


async def subscribe(stores: RedisStores, project_id: ProjectId = ACME, **changes: object) -> Webhook:
    """Make a project with a webhook."""
    await stores.projects.create(project(project_id))
    return await stores.webhooks.put(webhook(project_id, **changes))


@pytest.fixture
async def told(world: World) -> World:
    """Give the user a webhook."""
    await subscribe(world.stores)
    return world


async def claim(stores: RedisStores, **limits: int) -> Sequence[Delivery]:
    """Claim everything that is due."""
    return await stores.deliveries.claim(NOW, {ProjectId(name): limit for name, limit in limits.items()}, limit=100, each=100)


async def drain(stores: RedisStores) -> list[EventType]:
    """Deliver everything and return what it told of, in order."""
    types = []
    while claimed := await claim(stores):
        for delivery in claimed:
            types.append(delivery.event.type)
            assert await stores.deliveries.end(delivery, DONE)
    return types


async def processed(world: World) -> None:
    """Process a session without memories."""
    assert CommitOutcome.COMMITTED == await world.stores.jobs.commit(
        await world.job(), commit(revision=await world.stores.memories.revision(world.scope))
    )


async def test_a_webhook_comes_back_as_it_was_stored(stores: RedisStores) -> None:
    """With its salts and times; the version counts."""
    assert None is await stores.webhooks.get(ACME)
    stored = await subscribe(stores, old_salt="old", old_until=NOW, disabled_at=NOW)
    assert (stored, 1) == (await stores.webhooks.get(ACME), stored.version)
    await stores.webhooks.remove(ACME)
    assert None is await stores.webhooks.get(ACME)


async def test_a_webhook_is_changed_by_who_read_it_last(stores: RedisStores) -> None:
    """The other one is refused, and so is a webhook of no project."""
    first = await subscribe(stores)
    second = await stores.webhooks.put(replace(first, url="https://y.example/"))
    with pytest.raises(ConcurrentChange):
        await stores.webhooks.put(first)
    assert second == await stores.webhooks.get(ACME)
    with pytest.raises(ProjectNotFound):
        await stores.webhooks.put(webhook(GLOBEX))


async def test_without_a_webhook_nothing_is_noted(world: World, client: Client) -> None:
    """Of what happens before there is one nothing is told later."""
    await processed(world)
    await world.stores.users.delete(ACME, ANN)
    await subscribe(world.stores)
    assert ([], []) == ([key async for key in client.scan_iter("*webhooks*")], await drain(world.stores))


@pytest.mark.parametrize("changes", [{"events": frozenset({EventType.SESSION_FAILED})}, {"disabled_at": PAST}])
async def test_what_is_not_wanted_is_not_raised(world: World, changes: dict[str, Any]) -> None:
    """Nor anything for a webhook that is disabled."""
    await subscribe(world.stores, **changes)
    await processed(world)
    assert [] == await drain(world.stores)


async def test_a_processed_session_is_told(told: World) -> None:
    """As it is stored then, to the microsecond, and of the user as it is called."""
    await processed(told)
    (delivery,) = await claim(told.stores)
    assert delivery.event.session is not None
    stored = await told.stores.sessions.get(told.scope, delivery.event.session.session_id)
    assert (stored, ANN, ACME, stored.processed_at) == (
        delivery.event.session,
        delivery.event.user_id,
        delivery.event.project_id,
        delivery.event.created_at,
    )
    assert (told.scope, Attempts()) == (delivery.scope, delivery.attempts)


async def test_a_failed_session_is_told_after_its_last_attempt(told: World) -> None:
    """Not after one that is followed by another."""
    job = await told.job()
    await told.stores.jobs.fail(job, "no", max_attempts=2, retry_after=AT_ONCE)
    assert [] == await drain(told.stores)
    await told.stores.jobs.fire_due_timers()
    (job,) = await told.stores.jobs.claim("w1", 10)
    await told.stores.jobs.fail(job, "no", max_attempts=2, retry_after=AT_ONCE)
    (delivery,) = await claim(told.stores)
    assert delivery.event.session is not None
    assert (EventType.SESSION_FAILED, SessionStatus.FAILED) == (delivery.event.type, delivery.event.session.status)


async def test_a_commit_that_is_refused_tells_nothing(told: World) -> None:
    """Whether the job is stale or the memories have moved on; the one that is made tells once."""
    job = await told.job()
    assert CommitOutcome.STALE_MEMORIES == await told.stores.jobs.commit(job, commit(chain(), revision=7))
    assert CommitOutcome.COMMITTED == await told.stores.jobs.commit(job, commit(chain()))
    assert CommitOutcome.STALE_JOB == await told.stores.jobs.commit(job, commit(chain(), revision=1))
    assert [EventType.SESSION_PROCESSED] == await drain(told.stores)


async def test_a_conflict_is_told_when_its_status_says_so(told: World) -> None:
    """When it is raised and when it is resolved, and not when it gets a source or a worker."""
    stores, pending = told.stores, conflict()
    after = answered(pending, answers(pending))
    more = replace(pending, proposed="Ann likes green tea")
    for revision, state in enumerate((pending, more, taken_up(after), done := resolved(after, [], NOW), done)):
        await stores.memories.apply(told.scope, raised(state, revision=revision))
    events = []
    for _ in range(2):
        (delivery,) = await claim(stores)
        events.append((delivery.event.type, delivery.event.conflict, delivery.event.created_at))
        await stores.deliveries.end(delivery, DONE)
    assert [(EventType.CONFLICT_CREATED, pending, PAST), (EventType.CONFLICT_RESOLVED, done, NOW)] == events
    assert [] == await claim(stores)


async def test_a_conflict_that_failed_is_told(told: World) -> None:
    """After the last attempt, with its time."""
    _, job = await queued(told)
    await told.stores.jobs.fail(job, "no", max_attempts=1, retry_after=AT_ONCE)
    (first,) = await claim(told.stores)
    await told.stores.deliveries.end(first, DONE)
    (delivery,) = await claim(told.stores)
    assert delivery.event.conflict is not None
    assert delivery.event.conflict == await told.stores.conflicts.get(told.scope, delivery.event.conflict.conflict_id)
    assert (EventType.CONFLICT_FAILED, ConflictStatus.FAILED) == (delivery.event.type, delivery.event.conflict.status)


async def test_events_of_a_user_come_one_after_the_other(told: World) -> None:
    """While the first one is leased, or waits for its next attempt, the second one is not to be had; another user's is."""
    ben = World(told.stores, await told.stores.users.create(ACME, new_user("ben")))
    for world in (told, told, ben):
        await processed(world)
    claimed = await claim(told.stores)
    assert {"ann", "ben"} == {delivery.event.user_id for delivery in claimed}
    (first, other) = sorted(claimed, key=lambda delivery: delivery.event.user_id)
    await told.stores.deliveries.end(other, DONE)
    assert [] == await claim(told.stores)
    assert await told.stores.deliveries.end(first, FAILED)
    assert [] == await claim(told.stores)
    (again,) = await told.stores.deliveries.claim(NOW + DAY, {}, limit=100, each=100)
    assert (first.event, FAILED) == (again.event, again.attempts)
    assert await told.stores.deliveries.end(again, DONE)
    (second,) = await claim(told.stores)
    assert second.event != first.event


async def test_a_lease_that_ran_out_is_lost(told: World) -> None:
    """Another worker makes the attempt, and only its end counts."""
    await processed(told)
    (first,) = await claim(told.stores)
    (second,) = await told.stores.deliveries.claim(NOW + LEASE, {}, limit=1, each=1)
    assert first.event == second.event
    assert not await told.stores.deliveries.end(first, DEAD)
    assert await told.stores.deliveries.end(second, DONE)
    assert not await told.stores.deliveries.end(second, DEAD)
    assert [DONE] == [each.attempts for each in (await told.stores.deliveries.list(ACME, FIRST_PAGE, dead=False)).items]


async def test_a_project_gets_no_more_than_its_share(told: World) -> None:
    """What it has in hand already counts; the others get theirs."""
    await subscribe(told.stores, GLOBEX)
    for project_id in (ACME, GLOBEX):
        for name in range(3):
            user = await told.stores.users.create(project_id, new_user(f"u{name}"))
            await processed(World(told.stores, user))
    claimed = await told.stores.deliveries.claim(NOW, {ACME: 1}, limit=10, each=2)
    assert [ACME, GLOBEX, GLOBEX] == sorted(delivery.event.project_id for delivery in claimed)
    assert 1 == len(await told.stores.deliveries.claim(NOW, {ACME: 0}, limit=10, each=2))
    # of users, also those whose event is leased
    assert 6 == await told.stores.deliveries.waiting()


async def test_dead_events_are_kept_and_replayed(told: World) -> None:
    """One alone, or all; with what was tried forgotten, and one that waits is left alone."""
    for _ in range(2):
        await processed(told)
        (delivery,) = await claim(told.stores)
        await told.stores.deliveries.end(delivery, DEAD)
    dead = await told.stores.deliveries.list(ACME, FIRST_PAGE, dead=True)
    assert (2, [DEAD, DEAD]) == (dead.total, [each.attempts for each in dead.items])
    for _ in range(2):
        await told.stores.deliveries.replay(ACME, dead.items[0].event.event_id)
    (again,) = await claim(told.stores)
    assert (dead.items[0].event, Attempts()) == (again.event, again.attempts)
    await told.stores.deliveries.end(again, DONE)
    assert (1, 0) == (await told.stores.deliveries.replay_dead(ACME), await told.stores.deliveries.replay_dead(ACME))
    assert [EventType.SESSION_PROCESSED] == await drain(told.stores)
    for name in ("evt_0", "*", "evt_" + "0" * 32):
        with pytest.raises(WebhookEventNotFound):
            await told.stores.deliveries.replay(ACME, EventId(name))
    with pytest.raises(WebhookEventNotFound):
        await told.stores.deliveries.replay(GLOBEX, again.event.event_id)


async def test_deliveries_are_listed_newest_first(told: World) -> None:
    """Over all users, in pages, each as far as it is; another project sees nothing of them."""
    names = ["a", "b", "c", "d"]
    for name in names:
        await processed(World(told.stores, await told.stores.users.create(ACME, new_user(name))))
    deliveries = told.stores.deliveries
    pages = [await deliveries.list(ACME, replace(FIRST_PAGE, offset=offset, limit=2), dead=False) for offset in (0, 2)]
    assert ["d", "c", "b", "a"] == [each.event.user_id for page in pages for each in page.items]
    assert [(4, True), (4, False)] == [(page.total, page.has_more) for page in pages]
    assert 0 == (await deliveries.list(GLOBEX, FIRST_PAGE, dead=False)).total


async def test_a_deleted_user_leaves_one_event(told: World) -> None:
    """That it is gone: what was to be told of it, or was told, went with it."""
    await processed(told)
    assert 1 == len(await drain(told.stores))
    await told.stores.memories.apply(told.scope, raised(conflict()))
    await told.stores.users.delete(ACME, ANN)
    page = await told.stores.deliveries.list(ACME, FIRST_PAGE, dead=False)
    assert ([(EventType.USER_FORGOTTEN, ANN)], 1) == ([(each.event.type, each.event.user_id) for each in page.items], page.total)
    assert [EventType.USER_FORGOTTEN] == await drain(told.stores)


async def test_a_dropped_event_is_gone(told: World) -> None:
    """The next one of its user comes."""
    for _ in range(2):
        await processed(told)
    (first,) = await claim(told.stores)
    await told.stores.deliveries.drop(first)
    assert 1 == (await told.stores.deliveries.list(ACME, FIRST_PAGE, dead=False)).total
    assert 1 == len(await drain(told.stores))


async def test_old_events_are_removed_when_they_have_ended(told: World, client: Client) -> None:
    """Delivered and dead ones; one that waits stays, and of a user that is gone nothing is left."""
    await processed(told)
    (delivery,) = await claim(told.stores)
    await told.stores.deliveries.end(delivery, DEAD)
    await processed(told)
    future = delivery.event.created_at + DAY
    assert 0 == await told.stores.deliveries.expire(ACME, delivery.event.created_at)
    assert 1 == await told.stores.deliveries.expire(ACME, future)
    assert [0, 1] == [(await told.stores.deliveries.list(ACME, FIRST_PAGE, dead=dead)).total for dead in (True, False)]
    await told.stores.users.delete(ACME, ANN)
    await drain(told.stores)
    assert 1 == await told.stores.deliveries.expire(ACME, future)
    assert [] == [key async for key in client.scan_iter(f"*{told.scope.user_key}*")]


async def test_events_go_with_what_they_are_about(told: World) -> None:
    """A session, a conflict: also one that waits, or is on its way; those about others stay, and nothing new is told."""
    pending, other = conflict(), conflict()
    await told.stores.memories.apply(told.scope, raised(pending, other))
    await processed(told)
    await processed(told)
    (first,) = await claim(told.stores)
    assert first.event.conflict == pending
    await told.stores.memories.apply(told.scope, MemoryChange(revision=1, drop_conflicts=(pending.conflict_id,)))
    listed = (await told.stores.deliveries.list(ACME, FIRST_PAGE, dead=False)).items
    newest = max((each.event for each in listed if each.event.session), key=lambda event: event.created_at)
    assert newest.session is not None
    await told.stores.sessions.delete(told.scope, newest.session.session_id, put(revision=2))
    assert not await told.stores.deliveries.end(first, DONE)
    later = await told.stores.deliveries.claim(NOW + LEASE, {}, limit=100, each=100)
    assert [other] == [delivery.event.conflict for delivery in later]
    assert await told.stores.deliveries.end(later[0], DONE)
    assert [EventType.SESSION_PROCESSED] == await drain(told.stores)
    assert 2 == (await told.stores.deliveries.list(ACME, FIRST_PAGE, dead=False)).total
