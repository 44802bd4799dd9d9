"""
Measures what a person waits for: the first event of a streamed context, and a message until it can be recalled.

    python -m tests.bench.streams [--calls 100] [--in-flight 16]

Starts a `mneme serve` of its own. Both are measured at a client on the same machine, streams one after the other, messages with
as many on their way at once as asked for.
"""

# ruff: noqa: T201 - it prints a report for a person

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence

from mneme.v1.memory_service_pb2 import RecallRequest, StreamContextRequest
from mneme.v1.memory_service_pb2_grpc import MemoryServiceStub
from mneme.v1.recall_pb2 import ContextOptions, RecallOptions, RecallStrategy

from tests.bench.evaluation.measure import latency, table
from tests.bench.evaluation.server import NEVER_SECONDS, Client, serving

WARM_UP = 5
STRATEGIES = ("low_latency", "balanced", "agentic")
POLL_SECONDS = 0.025
"""How long is waited between two looks for a message: each is a recall, and takes time from what is measured."""


async def measure(calls: int, in_flight: int) -> dict[str, dict[str, object]]:
    """Return latencies in milliseconds by what was waited for."""
    rows: dict[str, dict[str, object]] = {}
    async with serving() as client:
        user, session = await _begun(client)
        for strategy in STRATEGIES:
            grpc = [await _over_grpc(client, user, session, strategy) for _ in range(WARM_UP + calls)][WARM_UP:]
            sse = [await _over_sse(client, user, session, strategy) for _ in range(WARM_UP + calls)][WARM_UP:]
            for way, found in (("gRPC", grpc), ("SSE", sse)):
                for event, column in (("first event", 0), ("context", 1)):
                    rows[f"{way} {strategy}: {event}"] = {**latency([row[column] for row in found])}
        rows[f"message until recalled, {in_flight} at once"] = {**latency(await _until_recalled(client, calls, in_flight))}
    return rows


async def _begun(client: Client) -> tuple[str, str]:
    """Return a new user, and a session of it that asks something."""
    await _post(client, "/users", {"user_id": "waiting"})
    session = await _session(client, "waiting")
    await _say(client, "waiting", session, "What do you know about my dog in the garden?")
    return "waiting", session


async def _over_grpc(client: Client, user: str, session: str, strategy: str) -> tuple[float, float]:
    """Return the seconds until the first event and until the last."""
    options = ContextOptions(recall=RecallOptions(recall_strategy=RecallStrategy.Value(f"RECALL_STRATEGY_{strategy.upper()}")))
    request = StreamContextRequest(user_id=user, session_id=session, options=options)
    begun = time.perf_counter()
    stream = MemoryServiceStub(client.channel).StreamContext(request, metadata=client.metadata)
    times = [time.perf_counter() - begun async for _ in stream]
    return times[0], times[-1]


async def _over_sse(client: Client, user: str, session: str, strategy: str) -> tuple[float, float]:
    path = f"/users/{user}/sessions/{session}/context?stream=true&recall_strategy={strategy}"
    begun = time.perf_counter()
    async with client.rest.stream("GET", path) as answer:
        lines = answer.raise_for_status().aiter_lines()
        times = [time.perf_counter() - begun async for line in lines if line.startswith("data:")]
    return times[0], times[-1]


async def _until_recalled(client: Client, calls: int, in_flight: int) -> Sequence[float]:
    """Return the seconds from the acknowledgement of each message until a recall finds it."""
    room = asyncio.Semaphore(in_flight)

    async def one(number: int) -> float:
        user = f"telling-{number}"
        async with room:
            await _post(client, "/users", {"user_id": user})
            session = await _session(client, user)
            await _say(client, user, session, f"The code of the day is zqx{number}w")
            begun = time.perf_counter()
            while not await _found(client, user, f"zqx{number}w"):
                await asyncio.sleep(POLL_SECONDS)
            return time.perf_counter() - begun

    return await asyncio.gather(*(one(number) for number in range(calls)))


async def _found(client: Client, user: str, code: str) -> bool:
    options = RecallOptions(recall_strategy=RecallStrategy.RECALL_STRATEGY_LOW_LATENCY)
    request = RecallRequest(user_id=user, query=code, options=options)
    answer = await MemoryServiceStub(client.channel).Recall(request, metadata=client.metadata)
    return any(code in item.content for item in answer.items)


async def _session(client: Client, user: str) -> str:
    return str((await _post(client, f"/users/{user}/sessions", {"auto_process_after_seconds": NEVER_SECONDS}))["session_id"])


async def _say(client: Client, user: str, session: str, text: str) -> None:
    await _post(client, f"/users/{user}/sessions/{session}/add-message", {"role": "user", "message": text})


async def _post(client: Client, path: str, body: dict[str, object]) -> dict[str, object]:
    answer: dict[str, object] = (await client.rest.post(path, json=body)).raise_for_status().json()
    return answer


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Measure the first event of a stream, and a message until it can be recalled")
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--in-flight", type=int, default=16)
    arguments = parser.parse_args()
    rows = asyncio.run(measure(arguments.calls, arguments.in_flight))
    print(f"milliseconds, {arguments.calls} calls each\n{table(rows, ['p50', 'p95'])}")


if __name__ == "__main__":
    main()
