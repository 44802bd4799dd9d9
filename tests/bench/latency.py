"""
Measures latency against a real `mneme serve`: adding a message, getting a context, recalling, as one user's memory grows.

    python -m tests.bench.latency [--sizes 1000,10000] [--calls 200]

A size counts messages, each a turn that recall ranks as it does memories; they go in through REST as any client's do. The bare
embedding of such queries is timed beside, in this process: it is the floor of any recall.
"""

# ruff: noqa: T201 - it prints a report for a person

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from mneme.v1.memory_service_pb2 import RecallRequest, RecallResponse
from mneme.v1.memory_service_pb2_grpc import MemoryServiceStub
from mneme.v1.recall_pb2 import RecallOptions, RecallStrategy

from service.domain.ports.models import Embedder
from service.models import open_embedder
from tests.bench.evaluation.measure import latency, table
from tests.bench.evaluation.server import NEVER_SECONDS, Client, serving

Call = Callable[[], Awaitable[object]]

USER = "bench"
SESSION_MESSAGES = 50
WRITERS = 16
STRATEGIES = ("low_latency", "balanced", "agentic")

_PEOPLE = ("Ann", "Bob", "Cy", "Dora", "Emil", "Fay", "Gus", "Hana", "Ivo", "Jun")
_DEEDS = ("bought", "painted", "repaired", "sold", "found", "lost", "planned", "visited", "cooked", "studied", "wrote", "cleaned")
_THINGS = ("boat", "garden", "violin", "bakery", "museum", "bicycle", "novel", "castle", "telescope", "kitchen", "forest", "lamp")
_PLACES = ("Lisbon", "Oslo", "Kyoto", "Lima", "Accra", "Turin", "Quito", "Perth", "Leeds", "Bergen", "Tunis", "Hanoi")


def _sentence(chance: random.Random, number: int) -> str:
    who, deed, thing, place = (chance.choice(words) for words in (_PEOPLE, _DEEDS, _THINGS, _PLACES))
    return f"I went with {who} to {place} and we {deed} the {thing} number {number}, it took {chance.randint(2, 90)} days."


def _question(chance: random.Random) -> str:
    who, thing, place = (chance.choice(words) for words in (_PEOPLE, _THINGS, _PLACES))
    # the number makes each query new: nothing that was embedded before is found in a cache
    return f"When did {who} see the {thing} in {place} number {chance.random()}?"


async def measure(sizes: Sequence[int], calls: int) -> dict[str, dict[str, object]]:
    """Return latencies in milliseconds by what was called and at which size."""
    chance = random.Random(7)  # noqa: S311 - a fixed seed makes runs comparable
    rows: dict[str, dict[str, object]] = {}
    async with serving() as client, open_embedder("minilm", threads=1) as embedder:
        await _post(client, "/users", {"user_id": USER})
        added = 0
        for size in sizes:
            print(f"adding messages up to {size} …", file=sys.stderr, flush=True)
            await _fill(client, chance, added, size)
            added = size
            session = await _session(client)
            await _add(client, session, _question(chance))
            rows |= {f"{size}: {name}": await _timed(calls, call) for name, call in _calls(client, embedder, chance, session)}
    return rows


def _calls(client: Client, embedder: Embedder, chance: random.Random, session: str) -> list[tuple[str, Call]]:
    """Return what is timed, in the order of the report. Adding messages comes last, because it makes the memory grow."""
    recalls = [(f"gRPC Recall {name}", partial(_ask, client, name, chance)) for name in STRATEGIES]
    return [
        ("embedding alone", lambda: embedder.embed([_question(chance)])),
        *recalls,
        ("REST context", partial(_context, client, session)),
        ("REST add message", partial(_add, client, session, "When did we see the lighthouse?")),
    ]


async def _ask(client: Client, strategy: str, chance: random.Random) -> RecallResponse:
    return await _recall(client, strategy, _question(chance))


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


async def _fill(client: Client, chance: random.Random, present: int, size: int) -> None:
    """Add messages until there are *size*, and wait until the last of them can be found."""
    queue = [range(start, min(start + SESSION_MESSAGES, size)) for start in range(present, size, SESSION_MESSAGES)]
    limit = asyncio.Semaphore(WRITERS)

    async def write(numbers: range) -> None:
        async with limit:
            session = await _session(client)
            for number in numbers:
                await _add(client, session, _sentence(chance, number))

    await asyncio.gather(*(write(numbers) for numbers in queue))
    for numbers in queue[-WRITERS:]:
        while not await _found(client, numbers[-1]):
            await asyncio.sleep(0.5)


async def _found(client: Client, number: int) -> bool:
    answer = await _recall(client, "low_latency", f"number {number}")
    return any(f"number {number}," in item.content for item in answer.items)


async def _recall(client: Client, strategy: str, text: str) -> RecallResponse:
    wire = RecallStrategy.Value(f"RECALL_STRATEGY_{strategy.upper()}")
    request = RecallRequest(user_id=USER, query=text, options=RecallOptions(recall_strategy=wire))
    return await MemoryServiceStub(client.channel).Recall(request, metadata=client.metadata)


async def _session(client: Client) -> str:
    return str((await _post(client, f"/users/{USER}/sessions", {"auto_process_after_seconds": NEVER_SECONDS}))["session_id"])


async def _add(client: Client, session: str, text: str) -> object:
    return await _post(client, f"/users/{USER}/sessions/{session}/add-message", {"role": "user", "message": text})


async def _context(client: Client, session: str) -> object:
    path = f"/users/{USER}/sessions/{session}/context"
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
