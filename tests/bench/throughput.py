"""
Measures processing: messages per second on the embedded extractor and engines, as one user's memory grows.

    python -m tests.bench.throughput [--sizes 0,1000,10000] [--sessions 40]

The user gets memories by import until there are as many as a size says, and they are indexed; then sessions of 20 messages are
processed, one after the other as those of one user are, and after each the index is brought up to date. Memories are counted and
not messages: what processing may have to look at is memories.
"""

# ruff: noqa: T201 - it prints a report for a person

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from service.domain.archives import ArchivedMemory, ArchivedSession, ArchivedUser, ArchiveRecord
from service.domain.ids import MemoryId, ProjectId, SessionId, UserId
from service.domain.memories import MemoryVersion, Source, VersionReason
from service.domain.projects import ProjectSettings
from service.domain.sessions import Message, MessageRole, NewMessage, NewSession, SessionStatus
from service.settings import Settings
from service.storage.embedded.valkey import start_valkey
from service.storage.embedded.vector_engine import start_engine
from service.wiring import open_application
from service.wiring.application import Application
from tests.bench.evaluation.measure import table
from tests.bench.invented import DEEDS, PEOPLE, PLACES, THINGS, random_uuid

USER = UserId("bench")
SESSION_MESSAGES = 20
PAST = datetime(2023, 1, 1, tzinfo=UTC)


def _sentence(chance: random.Random, who: str) -> str:
    friend, deed, thing, place = (chance.choice(words) for words in (PEOPLE, DEEDS, THINGS, PLACES))
    return f"{who} went with {friend} to {place} and {deed} the {thing} number {chance.randint(1, 10**9)}."


async def _archive(chance: random.Random, memories: int) -> AsyncIterator[ArchiveRecord]:
    """Yield a user with so many memories, all of one session."""
    session_id = SessionId(random_uuid(chance))
    yield ArchivedUser(user_id=USER, metadata={}, merge_conflict_enabled=None, created_at=PAST, last_active_at=PAST)
    yield ArchivedSession(
        session_id=session_id,
        status=SessionStatus.PROCESSED,
        created_at=PAST,
        custom_created_at=True,
        metadata={},
        auto_process_after=None,
        processed_at=PAST,
        last_active_at=PAST,
        summary=None,
    )
    yield Message(session_id=session_id, index=0, role=MessageRole.USER, content="Hello.", timestamp=PAST)
    for number in range(memories):
        at = PAST + timedelta(minutes=number)
        version = MemoryVersion(
            memory_id=MemoryId(random_uuid(chance)),
            content=(content := _sentence(chance, "The user")),
            categories=("events_and_experiences",),
            entities=tuple(word for word in (*PEOPLE, *PLACES) if word in content),
            event_start=at,
            event_end=at,
            created_at=at,
            reason=VersionReason.INITIAL_MEMORY,
            session_id=session_id,
            sources=(Source(session_id=session_id, message_index=0),),
        )
        yield ArchivedMemory(versions=(version,), connected=())


async def measure(application: Application, size: int, sessions: int) -> dict[str, object]:
    """Return messages per second and milliseconds per session with *size* memories at the start."""
    chance = random.Random(size)  # noqa: S311 - a fixed seed makes runs comparable
    project = await application.projects.create(None, name="bench", settings=ProjectSettings())
    await application.archives.restore(project.project_id, _archive(chance, size))
    await _index(application)
    print(f"processing {sessions} sessions beside {size} memories …", file=sys.stderr, flush=True)
    processing = indexing = 0.0
    for _ in range(sessions):
        await _say(application, project.project_id, chance)
        (job,) = await application.stores.jobs.claim("bench", 1)
        begun = time.perf_counter()
        await application.process_session(job)
        processed = time.perf_counter()
        await _index(application)
        processing += processed - begun
        indexing += time.perf_counter() - processed
    await application.users.delete(project.project_id, USER)
    await _index(application)
    messages = sessions * SESSION_MESSAGES
    return {
        "messages/s processed": round(messages / processing, 1),
        "ms/session": round(processing / sessions * 1000, 1),
        "messages/s with index": round(messages / (processing + indexing), 1),
    }


async def _say(application: Application, project_id: ProjectId, chance: random.Random) -> None:
    new = NewSession(metadata={}, auto_process_after=None)
    _, session = await application.sessions.create(project_id, USER, new, idempotency_key=None)
    said = [NewMessage(role=MessageRole.USER, content=_sentence(chance, "I")) for _ in range(SESSION_MESSAGES)]
    await application.sessions.add_messages(project_id, USER, session.session_id, said, idempotency_key=None)
    await application.sessions.process(project_id, USER, session.session_id)


async def _index(application: Application) -> None:
    while await application.sync_index("bench"):
        pass


async def run(sizes: Sequence[int], sessions: int) -> dict[str, dict[str, object]]:
    """Return the figures of each size."""
    with tempfile.TemporaryDirectory(prefix="mn", dir="/tmp") as name:
        directory = Path(name)
        async with (
            start_valkey(directory / "valkey", directory / "v.sock") as valkey,
            start_engine(directory / "index", directory / "i.sock") as engine,
        ):
            settings = Settings(data_dir=directory, redis_url=valkey.url, index_socket=engine.socket, key_pepper="bench")
            async with open_application(settings) as application:
                await application.prepare_index()
                return {f"{size} memories": await measure(application, size, sessions) for size in sizes}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Measure processing at several sizes of one user's memory")
    parser.add_argument("--sizes", default="0,1000,10000")
    parser.add_argument("--sessions", type=int, default=40)
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.sizes.split(",")]
    rows = asyncio.run(run(sizes, arguments.sessions))
    print(table(rows, ["messages/s processed", "ms/session", "messages/s with index"]))


if __name__ == "__main__":
    main()
