"""Webhooks through crashes: an event is raised once, and arrives at least once and in order."""

from __future__ import annotations

from typing import Any, cast

import pytest

from service.domain.conflicts import Answer
from service.domain.users import UserUpdate
from service.extraction.embedded import EmbeddedExtractor
from service.storage.redis.deliveries import LEASE
from service.usecases.conflicts.settle import SettleConflict
from service.usecases.conflicts.wording import Wording
from service.usecases.processing.plan import Planner
from service.usecases.processing.process_session import ProcessSession
from tests.conftest import FakeClock
from tests.receiver import Posted
from tests.usecases.desk import Desk
from tests.usecases.interruptions import Interrupted, Interruption, dies
from tests.usecases.world import World


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_a_crash_while_it_is_delivered(desk: Desk, *, before: bool) -> None:
    """At each call, before and after it: the event arrives at least once, and the next one after it."""
    place, crashed = 0, True
    while crashed:
        desk.receiver.heard.clear()
        sessions = [await desk.world.remember("I adopted a dog named Rex.") for _ in range(2)]
        (delivery,) = await desk.claim()
        crashed = await dies(desk.deliverer(Interruption(place, crash=True, before=before))(delivery))
        # whoever takes over
        desk.clock.advance(LEASE)
        while await desk.deliver():
            pass
        arrived = [posted.json["data"]["session"]["session_id"] for posted in desk.receiver.heard]
        assert sessions == list(dict.fromkeys(arrived))
        assert arrived == sorted(arrived, key=sessions.index)
        place += 1
    # the webhook, the request, its end
    assert place == 4


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_a_crash_while_it_is_raised(desk: Desk, *, before: bool) -> None:
    """At each call of a store while a session is processed: each of its events is raised once."""
    application, world = desk.world.application, desk.world
    update = UserUpdate(set_merge_conflict_enabled=True, merge_conflict_enabled=True)
    await application.users.update(world.project_id, world.user.user_id, update)
    await world.remember("My birthday is on 4 May.")
    place, crashed = 0, True
    while crashed:
        await desk.deliver()
        desk.receiver.heard.clear()
        session_id = await world.say(f"My birthday is on {place + 5} June.")
        job = await world.start(session_id)
        crashed = await dies(processor(world, Interruption(place, crash=True, before=before), desk.clock)(job))
        await application.process_session(job)
        while await desk.deliver():
            pass
        told = [(posted.json["type"], about(posted)) for posted in desk.receiver.heard]
        assert [("merge_conflict.created", session_id), ("session.processed", session_id)] == told
        place += 1
    assert place > 6


def about(posted: Posted) -> str:
    """Return the session that an event is about."""
    data = posted.json["data"]
    return str(data.get("session", {}).get("session_id") or data["conflict"]["session_id"])


def processor(world: World, interruption: Interruption, clock: FakeClock) -> ProcessSession:
    """Return what processes sessions, interrupted."""
    application, stores = world.application, world.application.stores

    def port(real: object) -> Any:
        return Interrupted(real, interruption)

    extractor = world.application.process_session._extractor
    planner = Planner(
        memories=port(stores.memories),
        conflicts=port(stores.conflicts),
        index=port(application.index),
        outbox=port(stores.outbox),
        embedder=application.embedder,
        extractor=extractor,
    )
    return ProcessSession(
        projects=port(stores.projects),
        users=port(stores.users),
        sessions=port(stores.sessions),
        memories=port(stores.memories),
        jobs=port(stores.jobs),
        extractor=extractor,
        planner=planner,
        clock=clock,
    )


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_a_crash_while_a_conflict_is_resolved(desk: Desk, *, before: bool) -> None:
    """At each call of a store: that it is resolved is told once."""
    application, world = desk.world.application, desk.world
    stores = application.stores
    update = UserUpdate(set_merge_conflict_enabled=True, merge_conflict_enabled=True)
    await application.users.update(world.project_id, world.user.user_id, update)
    await world.remember("My birthday is on 4 May.")
    place, crashed = 0, True
    while crashed:
        await world.remember(f"My birthday is on {place + 5} June.")
        (conflict,) = await stores.conflicts.open(world.scope)
        # what is known stays, for the next round
        answers = [Answer(question=each.question, answer=each.options[1]) for each in conflict.questions]
        await application.conflicts.resolve(world.project_id, world.user.user_id, conflict.conflict_id, answers)
        while await desk.deliver():
            pass
        desk.receiver.heard.clear()
        job, interruption = await world.claim(), Interruption(place, crash=True, before=before)
        dying = SettleConflict(
            conflicts=cast(Any, Interrupted(stores.conflicts, interruption)),
            memories=cast(Any, Interrupted(stores.memories, interruption)),
            jobs=cast(Any, Interrupted(stores.jobs, interruption)),
            wording=Wording(EmbeddedExtractor(application.embedder), application.embedder, desk.clock),
            clock=desk.clock,
        )
        crashed = await dies(dying(job))
        await application.settle_conflict(job)
        while await desk.deliver():
            pass
        assert [("merge_conflict.resolved", conflict.conflict_id)] == [
            (posted.json["type"], posted.json["data"]["conflict"]["id"]) for posted in desk.receiver.heard
        ]
        place += 1
    assert place > 6
