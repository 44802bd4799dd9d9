"""Removing what a project wants kept no longer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from service.domain.errors import SessionNotFound
from service.domain.ports.work import IndexedKind
from service.domain.projects import ProjectSettings
from tests.conftest import FakeClock
from tests.usecases.world import World

DAYS = timedelta(days=30)


async def keep_for(world: World, span: timedelta | None) -> None:
    """Set the retention of the project."""
    await world.application.projects.update(world.project_id, name=None, settings=ProjectSettings(retention=span))


async def sweep(world: World, clock: FakeClock, after: timedelta) -> int:
    """Apply retention some time after now; the store's clock is the real one."""
    clock.time = datetime.now(UTC) + after
    return await world.application.apply_retention()


async def test_what_is_too_old_goes_with_all_that_came_of_it(world: World, clock: FakeClock) -> None:
    """The session, its messages, its summary and its memories, in the records and in the index."""
    session_id = await world.remember("I adopted a dog named Rex.")
    await world.sync()
    await keep_for(world, DAYS)
    assert 1 == await sweep(world, clock, DAYS + timedelta(minutes=1))
    await world.sync()
    with pytest.raises(SessionNotFound):
        await world.application.stores.sessions.get(world.scope, session_id)
    assert [] == await world.contents()
    assert [frozenset()] * len(IndexedKind) == [
        await world.application.index.record_ids(kind, world.scope) for kind in IndexedKind
    ]


async def test_what_is_not_too_old_stays(world: World, clock: FakeClock) -> None:
    """Its age is counted from its last message, also when it tells of a time long ago."""
    await world.remember("I adopted a dog named Rex.", at=datetime(2020, 1, 1, tzinfo=UTC))
    await keep_for(world, DAYS)
    assert 0 == await sweep(world, clock, DAYS - timedelta(minutes=1))
    assert 1 == len(await world.chains())


async def test_nothing_goes_without_a_retention(world: World, clock: FakeClock) -> None:
    """However old it is."""
    await world.remember("I adopted a dog named Rex.")
    assert 0 == await sweep(world, clock, 100 * DAYS)


async def test_settings_are_kept_as_they_were_given(world: World) -> None:
    """Guidance and retention survive the store."""
    project = await world.application.projects.get(world.project_id)
    guidance = replace(project.settings.guidance, include="all", negative_examples=("no",), excluded_keywords=("C++", "x y"))
    wanted = replace(project.settings, guidance=guidance, retention=DAYS)
    await world.application.projects.update(world.project_id, name=None, settings=wanted)
    assert wanted == (await world.application.projects.get(world.project_id)).settings


async def test_more_sessions_than_a_page_go_at_once(world: World, clock: FakeClock) -> None:
    """Removing some does not hide others."""
    for _ in range(120):
        await world.say()
    await keep_for(world, DAYS)
    assert 120 == await sweep(world, clock, 2 * DAYS)
    assert 0 == await sweep(world, clock, 2 * DAYS)
