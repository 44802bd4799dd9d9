"""Exporting and importing users."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import protovalidate
import pytest

from service.domain.archives import ArchivedMemory, ArchivedSession, ArchivedUser, ArchiveRecord
from service.domain.errors import InvalidRequest, UserAlreadyExists, UserNotFound
from service.domain.events import NewEvent
from service.domain.ids import MemoryId, ProjectId, SessionId, UserId
from service.domain.memories import MemoryFilter, Source
from service.domain.ports.work import IndexedKind
from service.domain.projects import ProjectSettings
from service.domain.sessions import NOWHERE, Message, MessageRole, NewMessage, NewSession, SessionStatus
from service.domain.users import User, UserUpdate
from service.domain.values import PageRequest
from service.rpc.mapping.lines import from_line, to_line
from tests.conftest import FakeClock
from tests.usecases.world import World

VALIDATOR = protovalidate.Validator()
PAST = datetime(2023, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
NOBODY = "00000000-0000-4000-8000-000000000000"


async def live(world: World, clock: FakeClock) -> None:
    """Give the user something of everything."""
    update = UserUpdate(new_metadata={"plan": {"tier": "pro", "seats": 3, "rate": 0.5}, "tags": ["a", None, True]})
    await world.application.users.update(world.project_id, world.user.user_id, update)
    for said in (
        "My brother Tom plays the cello.",
        "I live in Lisbon.",
        "I moved, I live in Porto now.",
        "I visited Tom in Sintra.",
    ):
        await world.remember(said)
        clock.advance(timedelta(days=1))
    await world.say("Un café, s'il vous plaît \u2028 \u0000 😀", at=PAST)
    waiting = NewSession(metadata={"channel": "web"}, auto_process_after=timedelta(seconds=600), created_at=None)
    _, session = await world.application.sessions.create(world.project_id, world.user.user_id, waiting, idempotency_key=None)
    said_last = [NewMessage(role=MessageRole.ASSISTANT, content="Hello.", metadata={"trace": {"id": 7, "tags": ["a"]}})]
    await world.application.sessions.add_messages(
        world.project_id, world.user.user_id, session.session_id, said_last, idempotency_key=None
    )
    busy = await world.say("I adopted a dog named Rex.", "Good night.")
    await world.application.sessions.process(world.project_id, world.user.user_id, busy)


async def exported(world: World, project_id: ProjectId | None = None) -> list[ArchiveRecord]:
    """Return the archive of the user, or of the user of the same id in another project."""
    export = world.application.archives.export
    return [record async for record in export(project_id or world.project_id, world.user.user_id)]


async def give(records: Sequence[ArchiveRecord]) -> AsyncIterator[ArchiveRecord]:
    """Yield what a caller sends."""
    for record in records:
        yield record


async def imported(world: World, records: Sequence[ArchiveRecord]) -> User:
    """Import an archive into an empty project and return the user."""
    project = await world.application.projects.create(None, name="other", settings=ProjectSettings())
    await world.application.archives.restore(project.project_id, give(records))
    return await world.application.users.get(project.project_id, world.user.user_id)


async def test_what_is_imported_is_exported_the_same(world: World, clock: FakeClock) -> None:
    """Line by line and byte by byte."""
    await live(world, clock)
    lines = [to_line(record) for record in await exported(world)]
    user = await imported(world, [from_line(line, VALIDATOR) for line in lines])
    assert lines == [to_line(record) for record in await exported(world, user.project_id)]


async def test_a_session_of_events_is_imported(world: World) -> None:
    """It is processed within less than a second, which an archive calls one."""
    event = NewEvent(user_id=world.user.user_id, role=MessageRole.USER, kind="", content="Hello.", origin=NOWHERE)
    await world.application.ingest(world.project_id, event)
    lines = [to_line(record) for record in await exported(world)]
    user = await imported(world, [from_line(line, VALIDATOR) for line in lines])
    assert lines == [to_line(record) for record in await exported(world, user.project_id)]


async def test_objects_of_the_callers_are_in_order(world: World) -> None:
    """Whatever the process: protobuf has the names of an object in a random order."""
    named = {name: {"y": [{"b": 1, "a": 2}], "x": None} for name in "hgfedcba"}
    await world.application.users.update(world.project_id, world.user.user_id, UserUpdate(new_metadata=named))
    told = json.loads(to_line((await exported(world))[0]))["user"]["metadata"]
    assert (list("abcdefgh"), ["x", "y"], ["a", "b"]) == (list(told), list(told["a"]), list(told["a"]["y"][0]))


async def test_an_archive_holds_everything(world: World, clock: FakeClock) -> None:
    """Each session, message, version and connection; and nothing twice."""
    await live(world, clock)
    records = await exported(world)
    kinds = [type(record) for record in records]
    assert [1, 7, 8, 3] == [kinds.count(kind) for kind in (ArchivedUser, ArchivedSession, Message, ArchivedMemory)]
    memories = [record for record in records if isinstance(record, ArchivedMemory)]
    assert [1, 1, 2] == sorted(len(memory.versions) for memory in memories)
    assert 2 == sum(bool(memory.connected) for memory in memories)


async def test_no_id_of_ours_is_in_an_archive(world: World, clock: FakeClock) -> None:
    """Neither of the user nor of a memory over its versions."""
    await live(world, clock)
    text = "".join(to_line(record) for record in await exported(world))
    chains = await world.chains()
    assert [] == [id_ for id_ in (world.scope.user_key, *(chain.chain_id for chain in chains)) if id_ in text]


async def test_an_imported_user_is_recalled(world: World, clock: FakeClock) -> None:
    """Its records are in the index when the outbox is empty."""
    await live(world, clock)
    user = await imported(world, await exported(world))
    await world.sync()
    stores, index = world.application.stores, world.application.index
    chains = await stores.memories.list(user.scope, PageRequest(offset=0, limit=100), MemoryFilter())
    assert {chain.chain_id for chain in chains.items} == await index.record_ids(IndexedKind.MEMORY, user.scope)
    assert 8 == len(await index.record_ids(IndexedKind.TURN, user.scope))
    assert 4 == len(await index.record_ids(IndexedKind.SUMMARY, user.scope))


async def test_what_was_being_processed_is_processed_where_it_is_imported(world: World, clock: FakeClock) -> None:
    """Its job is queued with the import, and commits."""
    await live(world, clock)
    await world.application.process_session(await world.claim())
    records = await exported(world)
    busy = [
        replace(record, status=SessionStatus.PROCESSING, processed_at=None, summary=None)
        if isinstance(record, ArchivedSession) and record.status is SessionStatus.PROCESSED
        else record
        for record in records
        if not isinstance(record, ArchivedMemory)
    ]
    user = await imported(world, busy)
    jobs = await world.application.stores.jobs.claim("test", 10)
    assert 5 == len(jobs)
    for job in jobs:
        await world.application.process_session(job)
    memories = await world.application.stores.memories.list(user.scope, PageRequest(offset=0, limit=10), MemoryFilter())
    assert 4 == memories.total


async def test_a_timer_goes_on_where_it_was(world: World, clock: FakeClock) -> None:
    """A session whose time was over fires at once."""
    await live(world, clock)
    late = [
        replace(record, last_active_at=PAST) if isinstance(record, ArchivedSession) and record.auto_process_after else record
        for record in await exported(world)
    ]
    user = await imported(world, late)
    (waiting,) = (record.session_id for record in late if isinstance(record, ArchivedSession) and record.auto_process_after)
    assert 1 == await world.application.stores.jobs.fire_due_timers()
    assert SessionStatus.PROCESSING == (await world.application.stores.sessions.get(user.scope, waiting)).status


async def test_an_id_that_is_taken_changes_nothing(world: World, clock: FakeClock) -> None:
    """Importing twice is refused, and the first import stays as it is."""
    await live(world, clock)
    records = await exported(world)
    with pytest.raises(UserAlreadyExists):
        await world.application.archives.restore(world.project_id, give(records))
    assert records == await exported(world)


SPOILT: Mapping[str, tuple[type, dict[str, Any]]] = {
    "message of another session": (Message, {"session_id": SessionId(NOBODY)}),
    "message out of order": (Message, {"index": 7}),
    "huge metadata": (ArchivedSession, {"metadata": {"text": "x" * 70_000}}),
    "processed at no time": (ArchivedSession, {"status": SessionStatus.PROCESSED}),
    "unknown connection": (ArchivedMemory, {"connected": (MemoryId(NOBODY),)}),
    "no version": (ArchivedMemory, {"versions": ()}),
}
SPOILT_VERSION: Mapping[str, dict[str, Any]] = {
    "unknown session": {"session_id": SessionId(NOBODY)},
    "no source": {"sources": ()},
    "unknown source": {"sources": (Source(session_id=SessionId(NOBODY), message_index=0),)},
    "newest expired": {"expired_at": PAST},
    "ends before it starts": {"event_end": PAST},
}
"""What can be wrong with the last record of a kind, and with the newest version of the last memory."""


def last(records: Sequence[ArchiveRecord], kind: type) -> int:
    """Return the place of the last record of a kind."""
    return max(place for place, record in enumerate(records) if isinstance(record, kind))


def spoilt(records: Sequence[ArchiveRecord], how: str) -> tuple[int, list[ArchiveRecord]]:
    """Return the archive with one thing wrong, and which record, from 1, it is."""
    if how in SPOILT:
        kind, fields = SPOILT[how]
    else:
        kind, memory = ArchivedMemory, records[-1]
        assert isinstance(memory, ArchivedMemory)
        newest: Any = replace(memory.versions[-1], **SPOILT_VERSION[how])
        fields = {"versions": (*memory.versions[:-1], newest)}
    place = last(records, kind)
    record: Any = records[place]
    return place + 1, [*records[:place], replace(record, **fields), *records[place + 1 :]]


@pytest.mark.parametrize("how", [*SPOILT, *SPOILT_VERSION])
async def test_a_bad_record_changes_nothing(world: World, clock: FakeClock, how: str) -> None:
    """The error names the record; no user is there, and not a key of it is left."""
    await live(world, clock)
    number, records = spoilt(await exported(world), how)
    redis = world.application.stores.users.database
    project = await world.application.projects.create(None, name="other", settings=ProjectSettings())
    before = await redis.get("KEYS", "*")
    with pytest.raises(InvalidRequest, match=f"^record {number}: "):
        await world.application.archives.restore(project.project_id, give(records))
    with pytest.raises(UserNotFound):
        await world.application.users.get(project.project_id, world.user.user_id)
    assert [] == [key for key in await redis.get("KEYS", "*") if key not in before]


@pytest.mark.parametrize("kind", [ArchivedUser, ArchivedSession, ArchivedMemory])
async def test_a_record_that_comes_twice_is_refused(world: World, clock: FakeClock, kind: type) -> None:
    """Each user, session and memory is one."""
    await live(world, clock)
    records = await exported(world)
    place = last(records, kind)
    project = await world.application.projects.create(None, name="other", settings=ProjectSettings())
    with pytest.raises(InvalidRequest, match=f"^record {place + 2}: "):
        await world.application.archives.restore(project.project_id, give([*records[: place + 1], *records[place:]]))


async def test_an_empty_archive_is_refused(world: World) -> None:
    """It holds no user."""
    with pytest.raises(InvalidRequest, match="empty"):
        await world.application.archives.restore(world.project_id, give([]))


async def test_a_draft_that_died_is_removed(world: World, clock: FakeClock) -> None:
    """Its intent falls due after a day; here it is made due at once."""
    await live(world, clock)
    records = await exported(world)
    redis = world.application.stores.users.database
    archives = world.application.stores.archives
    before = set(await redis.get("KEYS", "*"))
    scope = await archives.begin(world.project_id)
    chains = await world.chains()
    await archives.add_memories(scope, chains)
    keys = archives.keyspace.user(scope)
    (draft,) = [text for text in await redis.get("ZRANGE", keys.bucket.intents, 0, -1) if scope.user_key in text]
    await redis.get("ZADD", keys.bucket.intents, 0, draft)
    await world.application.stores.jobs.fire_due_timers()
    assert set() == set(await redis.get("KEYS", "*")) - before
    assert records == await exported(world)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"user": {}}',
        b'{"person": {}}',
        b'{"message": {"session_id": "x"}}',
        b'{"user": {"user_id": "u", "created_at": "2024-01-01T00:00:00Z", "last_active_at": "yesterday"}}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_a_line_that_is_no_record_is_refused(line: bytes) -> None:
    """As a bad request, whatever is wrong with it."""
    with pytest.raises(InvalidRequest):
        from_line(line, VALIDATOR)


async def test_a_user_that_is_not_there_cannot_be_exported(world: World) -> None:
    """As for any call."""
    with pytest.raises(UserNotFound):
        await anext(world.application.archives.export(world.project_id, UserId("nobody")))
