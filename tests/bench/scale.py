"""
Measures what the server itself does for a `low_latency` recall, beside the bare embedding of the query, as memories grow.

    python -m tests.bench.scale users      50,000 memories over 100 users, one call after the other and 32 at once
    python -m tests.bench.scale one        10,000 memories of one user, likewise
    python -m tests.bench.scale curve      500, 5,000 and 50,000 of one user: 1,000, 10,000 and 100,000 points; --picture PATH

Every memory has the message that it comes from, so there are twice as many points. Server-side is what the log of the service
says of each call: from when it is read to when its answer is ready. Each call has an embedding beside it, in this process, so
that both meet the same machine; with 32 callers the server and the embedder take turns, some seconds each. Memories have made-up
vectors, queries their own. "As shipped" is the embedding as onnxruntime runs the model of the wheel, in floats, beside as many
calls again: a measure that does not become harder when our own embedding becomes faster.
"""

# ruff: noqa: T201 - it prints a report for a person

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from statistics import median
from typing import cast

from service.domain.ports.models import Embedder
from service.models import EmbedderChoice, open_embedder
from service.models.minilm import open_minilm
from tests.bench.curve import curve_picture
from tests.bench.evaluation.measure import latency, table
from tests.bench.evaluation.server import KEY, PROJECT, Client, serving
from tests.bench.filling import fill_directory, question
from tests.bench.latency import ask

SCENARIOS: Mapping[str, Sequence[Mapping[str, int]]] = {
    "users": [{f"user-{number}": 500 for number in range(100)}],
    "one": [{"user": 10_000}],
    "curve": [{"small": 500}, {"middle": 5_000}, {"large": 50_000}],
}
"""What is measured: groups of users, each user with so many memories."""
CALLERS = 32
TURNS = 2
"""How often the server and the embedder take turns with many callers."""
CALLS_OF_A_TURN = 320
PATIENCE = 60.0
"""Seconds for the engine to take the points of the users into memory, before anything is timed."""
STEADY = 1.5
"""How much slower than the fastest call a user's call may be to count as warm."""
STEADY_CALLS = 200
"""So many of them in turn. Calls are steady before as well, but so slow that by then all points are in memory."""
METHOD = "mneme.v1.MemoryService/Recall"


async def measure(groups: Sequence[Mapping[str, int]], calls: int, *, together: bool) -> dict[str, dict[str, object]]:
    """Return the figures of each group of users; *together* measures many callers at once too."""
    chance = random.Random(7)  # noqa: S311 - a fixed seed makes runs comparable
    data = Path(tempfile.mkdtemp(prefix="mneme-bench-"))
    await fill_directory(data, {user: size for group in groups for user, size in group.items()}, project=PROJECT, key=KEY)
    rows: dict[str, dict[str, object]] = {}
    async with serving(data=data) as client, open_embedder("minilm", threads=2) as embedder, _as_shipped() as shipped:
        for group in groups:
            users = list(group)
            await _warm_up(client, users, chance)
            log = data / "log"
            before = len(_logged(log))
            bare = await _one_by_one(client, embedder, users, chance, calls)
            served = _logged(log)[before:]
            slower = await _one_by_one(client, shipped, users, chance, calls)
            row = _figures(bare, slower, served)
            if together:
                row |= await _together(client, embedder, shipped, users, chance)
            rows[f"{sum(group.values()):,} memories, {len(users)} user{'s' * (len(users) > 1)}"] = row
    return rows


def _as_shipped() -> AbstractAsyncContextManager[Embedder]:
    """Open the default embedder as it would be without a graph of our own."""
    opened = open_minilm(EmbedderChoice(name="minilm", threads=2), floats=True)
    return cast("AbstractAsyncContextManager[Embedder]", opened)


async def _warm_up(client: Client, users: Sequence[str], chance: random.Random) -> None:
    """Call for every user until the engine has the points of the last one in memory: its calls have become steady."""
    for user in users:
        await ask(client, user, "low_latency", chance)
    fastest, steady, ends = float("inf"), 0, time.monotonic() + PATIENCE
    while steady < STEADY_CALLS and time.monotonic() < ends:
        begun = time.perf_counter()
        await ask(client, users[-1], "low_latency", chance)
        took = time.perf_counter() - begun
        fastest = min(fastest, took)
        steady = steady + 1 if took < fastest * STEADY else max(0, steady - 1)


async def _one_by_one(client: Client, embedder: Embedder, users: Sequence[str], chance: random.Random, calls: int) -> list[float]:
    """Recall so many times, and return the seconds of the embeddings in between."""
    bare = []
    for _ in range(calls):
        begun = time.perf_counter()
        await embedder.embed([question(chance)])
        bare.append(time.perf_counter() - begun)
        await ask(client, chance.choice(users), "low_latency", chance)
    return bare


def _figures(bare: Sequence[float], shipped: Sequence[float], seconds: Sequence[float]) -> dict[str, object]:
    return {
        "embedding p50": latency(bare)["p50"],
        "as shipped p50": latency(shipped)["p50"],
        "server p50": latency(seconds)["p50"],
        "server p95": latency(seconds)["p95"],
        "ratio": round(median(seconds) / median(bare), 2),
        "ratio to shipped": round(median(seconds) / median(shipped), 2),
    }


def _logged(log: Path) -> list[float]:
    """Return the seconds of each recall that the service has logged."""
    with log.open() as lines:
        found = [json.loads(line) for line in lines if METHOD in line]
    return [entry["milliseconds"] / 1000 for entry in found]


async def _together(
    client: Client, embedder: Embedder, shipped: Embedder, users: Sequence[str], chance: random.Random
) -> dict[str, object]:
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "embedder": lambda: embedder.embed([question(chance)]),
        "as shipped": lambda: shipped.embed([question(chance)]),
        "server": lambda: ask(client, chance.choice(users), "low_latency", chance),
    }
    turns = [{name: await _rate(call) for name, call in calls.items()} for _ in range(TURNS)]
    rates = {name: median(turn[name] for turn in turns) for name in calls}
    return {
        **{f"{name} at {CALLERS}": f"{rate:.0f}/s" for name, rate in rates.items()},
        "share": f"{rates['server'] / rates['embedder']:.0%}",
        "share of shipped": f"{rates['server'] / rates['as shipped']:.0%}",
    }


async def _rate(call: Callable[[], Awaitable[object]]) -> float:
    """Return how many calls a second many callers at once get done."""

    async def caller() -> None:
        for _ in range(CALLS_OF_A_TURN // CALLERS):
            await call()

    begun = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return CALLS_OF_A_TURN / (time.perf_counter() - begun)


def main() -> None:
    """Measure one scenario and print its table."""
    parser = argparse.ArgumentParser(description="Measure recall on the server as memories grow")
    parser.add_argument("scenario", choices=SCENARIOS)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--picture", type=Path, help="where to draw the curve, as SVG")
    arguments = parser.parse_args()
    groups = SCENARIOS[arguments.scenario]
    rows = asyncio.run(measure(groups, arguments.calls, together=arguments.scenario != "curve"))
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    print(f"milliseconds, {arguments.calls} calls one after the other\n{table(rows, columns)}")
    if arguments.picture is not None:
        points = [2 * sum(group.values()) for group in groups]
        lines = {name: [float(str(row[name])) for row in rows.values()] for name in ("embedding p50", "server p50", "server p95")}
        arguments.picture.write_text(curve_picture(points, lines, title="low_latency recall of one user, on the server"))


if __name__ == "__main__":
    main()
