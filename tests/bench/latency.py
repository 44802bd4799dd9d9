"""
Measures latency against a real `mneme serve`: adding a message, getting a context, recalling, as one user's memory grows.

    python -m tests.bench.latency [--sizes 1000,10000] [--calls 200]

A size counts memories of one user, each with the message that it comes from, so recall looks through twice as many records; they
come in by `ImportMemories`. The bare embedding of such queries is timed beside, in this process: it is the floor of any recall.
"""

# ruff: noqa: T201 - it prints a report for a person

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from google.protobuf.timestamp_pb2 import Timestamp
from mneme.v1 import archive_pb2, memory_pb2, session_pb2
from mneme.v1.archives_service_pb2 import ImportMemoriesRequest
from mneme.v1.archives_service_pb2_grpc import ArchivesServiceStub
from mneme.v1.memory_service_pb2 import RecallRequest, RecallResponse
from mneme.v1.memory_service_pb2_grpc import MemoryServiceStub
from mneme.v1.recall_pb2 import RecalledKind, RecallOptions, RecallStrategy

from service.domain.ports.models import Embedder
from service.models import open_embedder
from tests.bench.evaluation.measure import latency, table
from tests.bench.evaluation.server import NEVER_SECONDS, Client, serving
from tests.bench.invented import DEEDS, PEOPLE, PLACES, THINGS, random_uuid

Call = Callable[[], Awaitable[object]]

SESSION_MESSAGES = 50
PAST = datetime(2023, 1, 1, tzinfo=UTC)
STRATEGIES = ("low_latency", "balanced", "agentic")


def _sentence(chance: random.Random, number: int) -> str:
    who, deed, thing, place = (chance.choice(words) for words in (PEOPLE, DEEDS, THINGS, PLACES))
    return f"I went with {who} to {place} and we {deed} the {thing} number {number}, it took {chance.randint(2, 90)} days."


def _question(chance: random.Random) -> str:
    who, thing, place = (chance.choice(words) for words in (PEOPLE, THINGS, PLACES))
    # the number makes each query new: nothing that was embedded before is found in a cache
    return f"When did {who} see the {thing} in {place} number {chance.random()}?"


async def measure(sizes: Sequence[int], calls: int) -> dict[str, dict[str, object]]:
    """Return latencies in milliseconds by what was called and at which size."""
    chance = random.Random(7)  # noqa: S311 - a fixed seed makes runs comparable
    rows: dict[str, dict[str, object]] = {}
    async with serving() as client, open_embedder("minilm", threads=1) as embedder:
        for size in sizes:
            print(f"importing {size} memories …", file=sys.stderr, flush=True)
            user = f"bench-{size}"
            await _import(client, user, chance, size)
            session = await _session(client, user)
            await _add(client, user, session, _question(chance))
            calls_of = _calls(client, embedder, chance, user, session)
            rows |= {f"{size}: {name}": await _timed(calls, call) for name, call in calls_of}
    return rows


def _calls(client: Client, embedder: Embedder, chance: random.Random, user: str, session: str) -> list[tuple[str, Call]]:
    """Return what is timed, in the order of the report. Adding messages comes last, because it makes the memory grow."""
    recalls = [(f"gRPC Recall {name}", partial(_ask, client, user, name, chance)) for name in STRATEGIES]
    return [
        ("embedding alone", lambda: embedder.embed([_question(chance)])),
        *recalls,
        ("REST context", partial(_context, client, user, session)),
        ("REST add message", partial(_add, client, user, session, "When did we see the lighthouse?")),
    ]


async def _ask(client: Client, user: str, strategy: str, chance: random.Random) -> RecallResponse:
    return await _recall(client, user, strategy, _question(chance))


async def _timed(calls: int, call: Call) -> dict[str, object]:
    """Return the latency of *calls* calls, one after the other, after a few to warm up."""
    for _ in range(5):
        await call()
    seconds = []
    for _ in range(calls):
        begun = time.perf_counter()
        await call()
        seconds.append(time.perf_counter() - begun)
    return {**latency(seconds)}


async def _import(client: Client, user: str, chance: random.Random, size: int) -> None:
    """Import a user with *size* memories, and wait until the last of them, and its message, can be found."""
    stub = ArchivesServiceStub(client.channel)
    requests = (ImportMemoriesRequest(record=record) for record in _archive(user, chance, size))
    await stub.ImportMemories(requests, metadata=client.metadata)
    for kind in (RecalledKind.RECALLED_KIND_MEMORY, RecalledKind.RECALLED_KIND_MESSAGE):
        while not await _found(client, user, kind, size - 1):
            await asyncio.sleep(0.5)


def _archive(user: str, chance: random.Random, size: int) -> Iterator[archive_pb2.ArchiveRecord]:
    """Yield the records of a user: sessions, each with its messages, then a memory of each message."""
    began = _stamp(PAST)
    yield archive_pb2.ArchiveRecord(user=archive_pb2.ArchivedUser(user_id=user, created_at=began, last_active_at=began))
    memories = []
    for start in range(0, size, SESSION_MESSAGES):
        session_id = random_uuid(chance)
        session = archive_pb2.ArchivedSession(
            session_id=session_id,
            status=session_pb2.SESSION_STATUS_PROCESSED,
            created_at=began,
            custom_created_at=True,
            processed_at=began,
            last_active_at=began,
        )
        yield archive_pb2.ArchiveRecord(session=session)
        for index, number in enumerate(range(start, min(start + SESSION_MESSAGES, size))):
            at = _stamp(PAST + timedelta(minutes=number))
            said = _sentence(chance, number)
            yield archive_pb2.ArchiveRecord(
                message=archive_pb2.ArchivedMessage(
                    session_id=session_id,
                    message_index=index,
                    role=session_pb2.MESSAGE_ROLE_USER,
                    content=said,
                    timestamp=at,
                )
            )
            memories.append(
                (random_uuid(chance), f"User{said[1:]}", at, memory_pb2.Source(session_id=session_id, message_index=index))
            )
    for memory_id, content, at, source in memories:
        version = archive_pb2.ArchivedVersion(
            memory_id=memory_id,
            content=content,
            event_date_start=at,
            event_date_end=at,
            created_at=at,
            reason=memory_pb2.VERSION_REASON_INITIAL_MEMORY,
            session_id=source.session_id,
            sources=[source],
        )
        yield archive_pb2.ArchiveRecord(memory=archive_pb2.ArchivedMemory(versions=[version]))


def _stamp(at: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp


async def _found(client: Client, user: str, kind: RecalledKind.ValueType, number: int) -> bool:
    request = RecallRequest(user_id=user, query=f"number {number}", kinds=[kind])
    answer = await MemoryServiceStub(client.channel).Recall(request, metadata=client.metadata)
    return any(f"number {number}," in item.content for item in answer.items)


async def _recall(client: Client, user: str, strategy: str, text: str) -> RecallResponse:
    wire = RecallStrategy.Value(f"RECALL_STRATEGY_{strategy.upper()}")
    request = RecallRequest(user_id=user, query=text, options=RecallOptions(recall_strategy=wire))
    return await MemoryServiceStub(client.channel).Recall(request, metadata=client.metadata)


async def _session(client: Client, user: str) -> str:
    return str((await _post(client, f"/users/{user}/sessions", {"auto_process_after_seconds": NEVER_SECONDS}))["session_id"])


async def _add(client: Client, user: str, session: str, text: str) -> object:
    return await _post(client, f"/users/{user}/sessions/{session}/add-message", {"role": "user", "message": text})


async def _context(client: Client, user: str, session: str) -> object:
    path = f"/users/{user}/sessions/{session}/context"
    return (await client.rest.get(path, params={"recall_strategy": "low_latency"})).raise_for_status().json()


async def _post(client: Client, path: str, body: dict[str, object]) -> dict[str, object]:
    answer: dict[str, object] = (await client.rest.post(path, json=body)).raise_for_status().json()
    return answer


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Measure latency at several sizes of one user's memory")
    parser.add_argument("--sizes", default="1000,10000")
    parser.add_argument("--calls", type=int, default=200)
    arguments = parser.parse_args()
    sizes = sorted(int(size) for size in arguments.sizes.split(","))
    rows = asyncio.run(measure(sizes, arguments.calls))
    print(f"milliseconds, {arguments.calls} calls one after the other\n{table(rows, ['p50', 'p95'])}")


if __name__ == "__main__":
    main()
