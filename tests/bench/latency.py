"""
Measures latency against a real `mneme serve`: adding a message, getting a context, recalling, as one user's memory grows.

    python -m tests.bench.latency [--sizes 1000,10000] [--calls 200]

A size counts memories of one user, each with the message that it comes from, so recall looks through twice as many records. The
bare embedding of such queries is timed beside, in this process, in turn with the recalls: it is the floor of any recall, and
"by embedding" is how many times its median a call takes. This is what a client sees; `tests.bench.scale` has the server's part.
"""

# ruff: noqa: T201 - it prints a report for a person

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

from mneme.v1.memory_service_pb2 import RecallRequest, RecallResponse
from mneme.v1.memory_service_pb2_grpc import MemoryServiceStub
from mneme.v1.recall_pb2 import RecallOptions, RecallStrategy

from service.domain.ports.models import Embedder
from service.models import open_embedder
from tests.bench.evaluation.measure import latency, table
from tests.bench.evaluation.server import KEY, NEVER_SECONDS, PROJECT, Client, serving
from tests.bench.filling import fill_directory, question

Call = Callable[[], Awaitable[object]]

WARM_UP = 20
"""Calls before those that are timed: after the first the engine takes the user's points into memory."""
COLUMNS = ("p50", "p95", "embedding", "by embedding")
STRATEGIES = ("low_latency", "balanced", "agentic")


async def measure(sizes: Sequence[int], calls: int) -> dict[str, dict[str, object]]:
    """Return latencies in milliseconds by what was called and at which size."""
    chance = random.Random(7)  # noqa: S311 - a fixed seed makes runs comparable
    rows: dict[str, dict[str, object]] = {}
    data = Path(tempfile.mkdtemp(prefix="mneme-bench-"))
    await fill_directory(data, {f"bench-{size}": size for size in sizes}, project=PROJECT, key=KEY)
    async with serving(data=data) as client, open_embedder("minilm", threads=1) as embedder:
        for size in sizes:
            user = f"bench-{size}"
            session = await _session(client, user)
            await _add(client, user, session, question(chance))
            calls_of = _calls(client, chance, user, session)
            rows |= {f"{size}: {name}": await _timed(calls, call, embedder, chance) for name, call in calls_of}
    return rows


def _calls(client: Client, chance: random.Random, user: str, session: str) -> list[tuple[str, Call]]:
    """Return what is timed, in the order of the report. Adding messages comes last, because it makes the memory grow."""
    recalls = [(f"gRPC Recall {name}", partial(ask, client, user, name, chance)) for name in STRATEGIES]
    return [
        *recalls,
        ("REST context", partial(_context, client, user, session)),
        ("REST add message", partial(_add, client, user, session, "When did we see the lighthouse?")),
    ]


async def ask(client: Client, user: str, strategy: str, chance: random.Random) -> RecallResponse:
    """Recall what a new question is about."""
    wire = RecallStrategy.Value(f"RECALL_STRATEGY_{strategy.upper()}")
    request = RecallRequest(user_id=user, query=question(chance), options=RecallOptions(recall_strategy=wire))
    return await MemoryServiceStub(client.channel).Recall(request, metadata=client.metadata)


async def _timed(calls: int, call: Call, embedder: Embedder, chance: random.Random) -> dict[str, object]:
    """Return the latency of *calls* calls, one after the other, after a few to warm up, each with an embedding beside it."""
    for _ in range(WARM_UP):
        await call()
    seconds, bare = [], []
    for _ in range(calls):
        begun = time.perf_counter()
        await embedder.embed([question(chance)])
        bare.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        await call()
        seconds.append(time.perf_counter() - begun)
    return {**latency(seconds), "embedding": latency(bare)["p50"], "by embedding": round(median(seconds) / median(bare), 2)}


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
    print(f"milliseconds, {arguments.calls} calls one after the other\n{table(rows, COLUMNS)}")


if __name__ == "__main__":
    main()
