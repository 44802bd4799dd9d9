"""
Measures processing: messages per second on the embedded extractor and engines, as one user's memory grows.

    python -m tests.bench.throughput [--sizes 0,1000,10000,100000] [--sessions 20]

The user gets as many memories as a size says; then sessions of 20 messages are processed, one after the other as those of one
user are, and after each the index is brought up to date. Memories are counted and not messages: what processing may have to look
at is memories. Beside the time stands the processor time of this process, which hardly depends on what else the machine does.
"""

# ruff: noqa: T201 - it prints a report for a person

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from service.domain.ids import ProjectId, UserId
from service.domain.projects import ProjectSettings
from service.domain.sessions import MessageRole, NewMessage, NewSession
from service.settings import Settings
from service.storage.embedded.valkey import start_valkey
from service.storage.embedded.vector_engine import start_engine
from service.wiring import open_application
from service.wiring.application import Application
from tests.bench.evaluation.measure import table
from tests.bench.filling import fill
from tests.bench.invented import DEEDS, PEOPLE, PLACES, THINGS

USER = UserId("bench")
SESSION_MESSAGES = 20


def _sentence(chance: random.Random, who: str) -> str:
    friend, deed, thing, place = (chance.choice(words) for words in (PEOPLE, DEEDS, THINGS, PLACES))
    return f"{who} went with {friend} to {place} and {deed} the {thing} number {chance.randint(1, 10**9)}."


async def measure(application: Application, size: int, sessions: int) -> dict[str, object]:
    """Return messages per second and milliseconds per session with *size* memories at the start."""
    chance = random.Random(size)  # noqa: S311 - a fixed seed makes runs comparable
    project = await application.projects.create(None, name="bench", settings=ProjectSettings())
    await fill(application, project.project_id, USER, size)
    print(f"processing {sessions} sessions beside {size} memories …", file=sys.stderr, flush=True)
    processing = indexing = processor = 0.0
    for _ in range(sessions):
        await _say(application, project.project_id, chance)
        (job,) = await application.stores.jobs.claim("bench", 1)
        begun, used = time.perf_counter(), time.process_time()
        await application.process_session(job)
        processed = time.perf_counter()
        processor += time.process_time() - used
        await _index(application)
        processing += processed - begun
        indexing += time.perf_counter() - processed
    await application.users.delete(project.project_id, USER)
    await _index(application)
    messages = sessions * SESSION_MESSAGES
    return {
        "messages/s processed": round(messages / processing, 1),
        "ms/session": round(processing / sessions * 1000, 1),
        "processor ms/message": round(processor / messages * 1000, 1),
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
    parser.add_argument("--sizes", default="0,1000,10000,100000")
    parser.add_argument("--sessions", type=int, default=20)
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.sizes.split(",")]
    rows = asyncio.run(run(sizes, arguments.sessions))
    print(table(rows, ["messages/s processed", "ms/session", "processor ms/message", "messages/s with index"]))


if __name__ == "__main__":
    main()
