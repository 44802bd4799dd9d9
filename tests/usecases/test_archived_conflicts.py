"""Merge conflicts go with the archive of their user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import protovalidate
import pytest

from service.domain.archives import ArchivedConflict, ArchiveRecord
from service.domain.conflicts import Choice, ConflictStatus
from service.domain.errors import InvalidRequest
from service.domain.ids import MemoryId, SessionId
from service.domain.projects import ProjectSettings
from service.domain.users import User, UserUpdate
from service.rpc.mapping.lines import from_line, to_line
from tests.conftest import FakeClock
from tests.usecases.test_archives import NOBODY, exported, give, imported
from tests.usecases.test_conflicts import answer, conflicts, no_dangling_ids, settle
from tests.usecases.world import World

VALIDATOR = protovalidate.Validator()


async def asked(world: World) -> World:
    """Return the user, who wants to be asked."""
    update = UserUpdate(set_merge_conflict_enabled=True, merge_conflict_enabled=True)
    return replace(world, user=await world.application.users.update(world.project_id, world.user.user_id, update))


async def disputes(world: World, clock: FakeClock) -> World:
    """Let the user contradict itself four times: one conflict is resolved, one left nothing, one is answered, one is open."""
    world = await asked(world)
    for first, then in (
        ("My birthday is on 4 May.", "My birthday is on 9 June."),
        ("I love mushrooms.", "I hate mushrooms."),
        ("I was born in Leeds.", "I was born in York."),
        ("I have no siblings.", "My brother Tom is a pilot."),
    ):
        await world.remember(first)
        clock.advance(timedelta(days=1))
        await world.remember(then)
        clock.advance(timedelta(days=1))
    born, left, settled, resolved = [found for _, found in sorted((c.proposed, c) for c in await conflicts(world))]
    await settle(world, resolved, Choice.PROPOSED)
    await settle(world, settled, Choice.NEITHER)
    await answer(world, left, Choice.KNOWN, "My brother is called Tom.")
    assert born.status is ConflictStatus.PENDING
    return world


async def restored(world: World, lines: list[str]) -> World:
    """Return the world of the user whom an archive becomes in another project."""
    user: User = await imported(world, [from_line(line, VALIDATOR) for line in lines])
    return replace(world, project_id=user.project_id, user=user)


async def test_conflicts_are_exported_the_same_after_an_import(world: World, clock: FakeClock) -> None:
    """Line by line, byte by byte, with every status; and no id in them names what is not there."""
    world = await disputes(world, clock)
    lines = [to_line(record) for record in await exported(world)]
    there = await restored(world, lines)
    assert lines == [to_line(record) for record in await exported(there)]
    statuses = sorted(conflict.status for conflict in await conflicts(there))
    assert [ConflictStatus.IN_QUEUE, ConflictStatus.PENDING, ConflictStatus.RESOLVED, ConflictStatus.RESOLVED] == statuses


async def test_a_conflict_that_was_answered_is_resolved_where_it_is_imported(world: World, clock: FakeClock) -> None:
    """Its job is queued with the import; the pending one can be answered there."""
    world = await disputes(world, clock)
    there = await restored(world, [to_line(record) for record in await exported(world)])
    for job in await there.application.stores.jobs.claim("test", 10):
        await there.application.settle_conflict(job)
    (pending,) = [conflict for conflict in await conflicts(there) if conflict.is_open]
    await settle(there, pending, Choice.PROPOSED)
    assert {ConflictStatus.RESOLVED} == {conflict.status for conflict in await conflicts(there)}
    assert await no_dangling_ids(there)


SPOILT: Mapping[str, dict[str, Any]] = {
    "unknown session": {"session_id": SessionId(NOBODY)},
    "resolved at no time": {"status": ConflictStatus.RESOLVED},
    "made of nothing": {"new_memories": ()},
    "no question": {"questions": ()},
}
"""What can be wrong with a pending conflict."""


def pending(records: list[ArchiveRecord]) -> tuple[int, ArchivedConflict]:
    """Return the place of the pending conflict among records, from 0, and the record."""
    (found,) = [
        (place, record)
        for place, record in enumerate(records)
        if isinstance(record, ArchivedConflict) and record.conflict.status is ConflictStatus.PENDING
    ]
    return found


async def refused(world: World, records: Sequence[ArchiveRecord], number: int) -> None:
    """Expect an import to be refused because of one record."""
    project = await world.application.projects.create(None, name="other", settings=ProjectSettings())
    with pytest.raises(InvalidRequest, match=f"^record {number}: "):
        await world.application.archives.restore(project.project_id, give(records))


@pytest.mark.parametrize("how", [*SPOILT, "no memory", "unknown memory", "twice"])
async def test_a_bad_conflict_is_refused(world: World, clock: FakeClock, how: str) -> None:
    """The error names its record."""
    world = await asked(world)
    await world.remember("My birthday is on 4 May.")
    clock.advance(timedelta(days=1))
    await world.remember("My birthday is on 9 June.")
    records = await exported(world)
    place, record = pending(records)
    spoilt = {
        "no memory": [replace(record, newest=(None,))],
        "unknown memory": [replace(record, newest=(MemoryId(NOBODY),))],
        "twice": [record, record],
    }.get(how) or [replace(record, conflict=replace(record.conflict, **SPOILT[how]))]
    await refused(world, [*records[:place], *spoilt, *records[place + 1 :]], place + len(spoilt))


async def test_a_memory_cannot_name_a_conflict_that_is_not_there(world: World, clock: FakeClock) -> None:
    """A version that a resolution ended is refused without its conflict."""
    world = await asked(world)
    await world.remember("My birthday is on 4 May.")
    clock.advance(timedelta(days=1))
    await world.remember("My birthday is on 9 June.")
    (conflict,) = await conflicts(world)
    await settle(world, conflict, Choice.PROPOSED)
    records = [record for record in await exported(world) if not isinstance(record, ArchivedConflict)]
    await refused(world, records, len(records))
