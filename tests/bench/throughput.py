"""
Measures processing: messages per second on the embedded extractor and engines, as one user's memory grows.

    python -m tests.bench.throughput [--sizes 0,1000,10000,100000] [--sessions 20]

The user gets as many memories as a size says; then sessions of 20 messages are processed, one after the other as those of one
user are, and after each the index is brought up to date. Memories are counted and not messages: what processing may have to look
at is memories.

The first session is "cold": the engine has none of the user's points in memory and begins to read them. All else is warm, from
when the engine stands still again; so it is with a user of whom something was processed or recalled a while ago.

Beside the time stands the processor time of a message in each process, which hardly depends on what else the machine does: the
"worker" is this process, which decides and embeds. The first three are of processing, those behind a plus of its index entries.
"""

# ruff: noqa: T201 - it prints a report for a person

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
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
from tests.bench.processes import cpu_seconds

USER = UserId("bench")
SESSION_MESSAGES = 20
STILL_SECONDS = 0.5
"""An engine that used no processor for so long has read what it wanted to."""


@dataclass(slots=True)
class _Used:
    """Seconds that went by, and processor seconds by process, over all that was `timed`."""

    pids: Mapping[str, int]
    seconds: float = 0.0
    processor: dict[str, float] = field(default_factory=dict)

    async def timed(self, work: Callable[[], Awaitable[object]]) -> None:
        """Add what *work* takes."""
        before, begun = self._processor(), time.perf_counter()
        await work()
        self.seconds += time.perf_counter() - begun
        after = self._processor()
        self.processor = {name: self.processor.get(name, 0.0) + after[name] - before[name] for name in self.pids}

    def _processor(self) -> Mapping[str, float]:
        return {name: cpu_seconds(pid) for name, pid in self.pids.items()}


def _sentence(chance: random.Random, who: str) -> str:
    friend, deed, thing, place = (chance.choice(words) for words in (PEOPLE, DEEDS, THINGS, PLACES))
    return f"{who} went with {friend} to {place} and {deed} the {thing} number {chance.randint(1, 10**9)}."


async def measure(application: Application, pids: Mapping[str, int], size: int, sessions: int) -> dict[str, object]:
    """Return the figures with *size* memories at the start."""
    chance = random.Random(size)  # noqa: S311 - a fixed seed makes runs comparable
    project = await application.projects.create(None, name="bench", settings=ProjectSettings())
    await fill(application, project.project_id, USER, size)
    print(f"processing {sessions} sessions beside {size} memories …", file=sys.stderr, flush=True)
    cold, processing, indexing = _Used(pids), _Used(pids), _Used(pids)
    await _session(application, project.project_id, chance, cold, _Used(pids))
    await _stands_still(pids["engine"])
    for _ in range(sessions):
        await _session(application, project.project_id, chance, processing, indexing)
    await application.users.delete(project.project_id, USER)
    await _index(application)
    messages = sessions * SESSION_MESSAGES
    return {
        "cold ms/session": round(cold.seconds * 1000, 1),
        "ms/session": round(processing.seconds / sessions * 1000, 1),
        "messages/s": round(messages / processing.seconds, 1),
        "with index": round(messages / (processing.seconds + indexing.seconds), 1),
        **{name: round(seconds / messages * 1000, 2) for name, seconds in processing.processor.items()},
        **{f"+ {name}": round(seconds / messages * 1000, 2) for name, seconds in indexing.processor.items()},
    }


async def _session(application: Application, project_id: ProjectId, chance: random.Random, work: _Used, index: _Used) -> None:
    """Process a session, then bring the index up to date."""
    new = NewSession(metadata={}, auto_process_after=None)
    _, session = await application.sessions.create(project_id, USER, new, idempotency_key=None)
    said = [NewMessage(role=MessageRole.USER, content=_sentence(chance, "I")) for _ in range(SESSION_MESSAGES)]
    await application.sessions.add_messages(project_id, USER, session.session_id, said, idempotency_key=None)
    await application.sessions.process(project_id, USER, session.session_id)
    (job,) = await application.stores.jobs.claim("bench", 1)
    await work.timed(lambda: application.process_session(job))
    await index.timed(lambda: _index(application))


async def _index(application: Application) -> None:
    while await application.sync_index("bench"):
        pass


async def _stands_still(pid: int) -> None:
    """Return when a process uses no processor."""
    before, now = -1.0, cpu_seconds(pid)
    while before < now:
        await asyncio.sleep(STILL_SECONDS)
        before, now = now, cpu_seconds(pid)


async def run(sizes: Sequence[int], sessions: int) -> dict[str, dict[str, object]]:
    """Return the figures of each size."""
    with tempfile.TemporaryDirectory(prefix="mn", dir="/tmp") as name:
        directory = Path(name)
        async with (
            start_valkey(directory / "valkey", directory / "v.sock") as valkey,
            start_engine(directory / "index", directory / "i.sock") as engine,
        ):
            settings = Settings(data_dir=directory, redis_url=valkey.url, index_socket=engine.socket, key_pepper="bench")
            pids = {"worker": os.getpid(), "engine": engine.pid, "valkey": valkey.pid}
            async with open_application(settings) as application:
                await application.prepare_index()
                return {f"{size} memories": await measure(application, pids, size, sessions) for size in sizes}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Measure processing at several sizes of one user's memory")
    parser.add_argument("--sizes", default="0,1000,10000,100000")
    parser.add_argument("--sessions", type=int, default=20)
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.sizes.split(",")]
    rows = asyncio.run(run(sizes, arguments.sessions))
    columns = list(next(iter(rows.values())))
    print(f"processor milliseconds a message by process; warm but for the first column\n{table(rows, columns)}")


if __name__ == "__main__":
    main()
