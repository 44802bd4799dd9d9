"""
Measures what the forward proxy adds to a call of a provider on this machine, against the same call without the proxy.

    python -m tests.bench.forward [--calls 400] [--concurrency 0,1,64] [--cases pass,low_latency]

The provider is a process of its own that answers at once, or streams 50 events 10 ms apart. Latency is that of the whole answer,
or of the first event of a stream; CPU is that of the gateway's process alone, from the kernel's count. What an event costs is
what 50 cost more than 10, without what a request costs in any case.
`pass` is a path without memory, `no recall` a turn without words, the others recall for a user with 100 messages; a `long` one
sends 50 messages of history along.
`alone` is the recall's own time: `Recall` with the same query, strategy and limits, asked of the service by a caller of its
own on the same machine, over the socket that the gateway uses too, as that caller sees it (p50; half of the calls before the
forwarded ones and half after, so that both find as many messages). `beside` is what the proxy adds less that. `recall` is
what the service says that the recall took within the turn, from the moment on at which its session is found: the query is
being embedded by then, so it is less than all of it.
With a concurrency of 0 calls come one at a time, 100 ms after the last, so that a turn is not slowed by the work that the turn
before it left behind: storing and embedding what was said.
At the end 3,000 streams are given up in their middle: the memory of the gateway after each 1,000.
Published beside it: LiteLLM adds 2 ms at the median and 13 ms at p99, at 290 requests a second on 4 cores.
"""

# ruff: noqa: T201 - it prints a report for a person

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import uvicorn
from mneme.v1.memory_service_pb2 import RecallRequest, RecallResponse
from mneme.v1.recall_pb2 import RecallOptions, RecallStrategy

from frames.client import open_channel
from service.supervisor.datadir import DataDirectory
from tests.bench.processes import cpu_seconds, resident_megabytes
from tests.e2e.serving import BOOTSTRAP, CREDENTIALS, ROOT, Serving

EVENTS = 50
FEW_EVENTS = 10
CANCELS = 1000
PACE = 0.01
PAUSE = 0.1
USER = "bench"
RECALL = "/mneme.v1.MemoryService/Recall"
ANSWER = json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": "x" * 1400}, "finish_reason": "stop"}]})
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"word "},"finish_reason":null}]}\n\n'
LAST = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """
    One kind of call: where to, whether streamed, and with which strategy.

    *words* is whether the user says anything, *history* how many messages go along.
    """

    name: str
    path: str = "/v1/chat/completions"
    stream: bool = False
    strategy: str = "low_latency"
    words: bool = True
    history: int = 4
    events: int = EVENTS

    @property
    def recalls(self) -> bool:
        """Whether something is recalled."""
        return self.words and self.path == "/v1/chat/completions"

    def body(self, number: int) -> bytes:
        """Return a body of about 2 KB, more with a longer history, of a turn that nobody had before."""
        history = [{"role": role, "content": f"{role} " * 40} for role in ("user", "assistant") * (self.history // 2)]
        said = question(number) if self.words else ""
        messages = [{"role": "system", "content": "Be brief. " * 20}, *history, {"role": "user", "content": said}]
        return json.dumps(
            {"model": "m", "stream": self.stream, "nonce": number, "events": self.events, "messages": messages}
        ).encode()


def question(number: int) -> str:
    """Return words that nobody said before."""
    return f"When did Ann paint the boat in Oslo, {number}?"


CASES = [
    Case(name="pass", path="/v1/embeddings"),
    Case(name="no recall", words=False),
    Case(name="low_latency"),
    Case(name="long low_latency", history=50),
    Case(name="balanced", strategy="balanced"),
    Case(name="stream pass", path="/v1/other", stream=True),
    Case(name="stream low_latency", stream=True),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How many calls, and how many of them at a time."""

    calls: int
    level: int


async def provider(scope: Any, receive: Any, send: Any) -> None:
    """Answer one request, as raw ASGI."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    asked = json.loads(body)
    if not asked["stream"]:
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(ANSWER)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": ANSWER.encode()})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    for _ in range(asked["events"]):
        await send({"type": "http.response.body", "body": EVENT, "more_body": True})
        await asyncio.sleep(PACE)
    await send({"type": "http.response.body", "body": LAST})
    del scope


async def timed(session: aiohttp.ClientSession, url: str, body: bytes, headers: dict[str, str]) -> tuple[float, float]:
    """Return the milliseconds until the answer, or the first event of it, is there, and those that the recall took of them."""
    begun = time.perf_counter()
    async with session.post(url, data=body, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        await answer.content.readany()
        first = time.perf_counter()
        await answer.content.read()
    return (first - begun) * 1000, float(answer.headers.get("x-recallr-recall-time", "0"))


async def many(calls: int, concurrency: int, call: Callable[[int], Awaitable[tuple[float, float]]]) -> list[tuple[float, float]]:
    """Return what *calls* calls gave, *concurrency* at a time; 0 means one at a time with a pause in between."""
    numbers = iter(range(calls))
    results: list[tuple[float, float]] = []

    async def worker() -> None:
        for number in numbers:
            results.append(await call(number))
            if not concurrency:
                await asyncio.sleep(PAUSE)

    await asyncio.gather(*(worker() for _ in range(max(1, concurrency))))
    return results


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Return p50, p95 and p99."""
    ranked = statistics.quantiles(values, n=100, method="inclusive")
    return ranked[49], ranked[94], ranked[98]


@asynccontextmanager
async def running_provider() -> AsyncIterator[str]:
    """Run the provider in a process of its own, and yield its origin."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.forward", "--serve"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield (await asyncio.to_thread(process.stdout.readline)).strip()
    finally:
        # it has nothing to lose, and streams that were given up still run in it
        process.kill()
        process.wait(10)


def serve() -> None:
    """Be the provider: say where, then answer until stopped."""
    config = uvicorn.Config(
        provider, host="127.0.0.1", port=0, log_level="error", access_log=False, lifespan="off", timeout_keep_alive=75
    )
    listener = config.bind_socket()
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(config).run([listener])


async def prepare(session: aiohttp.ClientSession, url: str) -> None:
    """Give the user 100 messages to remember."""
    chance = random.Random(7)  # noqa: S311 - a fixed seed makes runs comparable
    things = ("boat", "garden", "violin", "bakery", "museum", "bicycle", "novel")

    async def post(path: str, body: Any) -> Any:
        async with session.post(f"{url}/api/v1{path}", json=body, headers=CREDENTIALS) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    await post("/users", {"user_id": USER})
    opened = await post(f"/users/{USER}/sessions", {})
    said = [f"I painted the {chance.choice(things)} number {number} in Oslo with Ann." for number in range(100)]
    messages = [{"role": "user", "message": text} for text in said]
    await post(f"/users/{USER}/sessions/{opened['session_id']}/messages", {"messages": messages})


async def measure(calls: int, levels: Sequence[int], cases: Sequence[Case]) -> None:
    """Print a line for each case at each level of concurrency."""
    print(
        "milliseconds added; alone: the same recall asked of the service directly, as its caller sees it; beside: p50 less that"
    )
    print(
        "recall: what it took within the turn once the session was found; rest: p50 less that; CPU: the gateway's processor time"
    )
    columns = "".join(f"{name:>8}" for name in ("p50", "p95", "p99", "alone", "beside", "recall", "rest", "CPU"))
    print(f"{'':20}{'conc':>5}{columns}{'requests/s':>12}")
    async with running_provider() as origin:
        environment = {**BOOTSTRAP, "MNEME_FORWARD_ORIGINS": origin, "MNEME_FORWARD_RECALL_MILLISECONDS": "60000"}
        with Serving(environment={**environment, "MNEME_LOG_LEVEL": "warning"}) as serving:
            connector = aiohttp.TCPConnector(limit=0)
            async with aiohttp.ClientSession(connector=connector) as session:
                await prepare(session, serving.http)
                for case in cases:
                    for level in levels:
                        load = Load(calls=max(level * 3, calls), level=level)
                        await measure_case(session, serving, origin, case, load)
                if cases == CASES:
                    await cancel(session, serving, origin)


async def measure_case(session: aiohttp.ClientSession, serving: Serving, origin: str, case: Case, load: Load) -> None:
    """Print one line."""
    level = load.level
    calls = max(level * 2, load.calls // 8) if case.stream or not level else load.calls
    base = f"{serving.http}/api/v1/forward/{origin}"
    headers = {**CREDENTIALS, "X-Recallr-User-Id": USER, "X-Recallr-Recall-Strategy": case.strategy}
    offset = random.SystemRandom().randrange(10**9)
    calls_socket = DataDirectory(serving.data_dir).service_socket

    async def direct(number: int) -> tuple[float, float]:
        return await timed(session, f"{origin}{case.path}", case.body(number), {})

    async def forwarded(number: int) -> tuple[float, float]:
        return await timed(session, f"{base}{case.path}", case.body(offset + number), headers)

    await many(max(10, level * 2), level, direct)
    await many(max(10, level * 2), level, lambda number: forwarded(number + 10**7))
    floor = spread([whole for whole, _ in await many(calls, level, direct)])
    alone = await recalls(calls_socket, case, load, calls // 2)
    gateway, begun = serving.children()["gateway"], time.perf_counter()
    used = cpu_seconds(gateway)
    results = await many(calls, level, forwarded)
    seconds, cpu = time.perf_counter() - begun, (cpu_seconds(gateway) - used) / calls * 1000
    alone += await recalls(calls_socket, case, load, calls // 2)
    found = spread([whole for whole, _ in results])
    own = statistics.median(recall for _, recall in results)
    rest = statistics.median(whole - recall for whole, recall in results) - floor[0]
    added = [through - without for through, without in zip(found, floor, strict=True)]
    by_itself = statistics.median(alone or [0.0])
    figures = "".join(f"{value:8.2f}" for value in (*added, by_itself, added[0] - by_itself, own, rest, cpu))
    events = ""
    if case.stream:
        case, offset, used = replace(case, events=FEW_EVENTS), offset + 10**6, cpu_seconds(gateway)
        await many(calls, level, forwarded)
        few = (cpu_seconds(gateway) - used) / calls * 1000
        events = f"  {(cpu - few) / (EVENTS - FEW_EVENTS) * 1000:.0f} µs an event"
    print(f"{case.name:20}{level:>5}{figures}{calls / seconds:12.0f}{events}", flush=True)


async def recalls(socket: Path, case: Case, load: Load, calls: int) -> list[float]:
    """Return the milliseconds that recalls take when the service is asked directly, *calls* of them; none for a case without."""
    if not case.recalls:
        return []
    metadata = tuple((name.lower(), value) for name, value in CREDENTIALS.items())
    options = RecallOptions(
        recall_strategy=RecallStrategy.Value(f"RECALL_STRATEGY_{case.strategy.upper()}"),
        min_top_k=10,
        max_top_k=50,
        memories_threshold=0.7,
        summaries_threshold=0.6,
    )
    offset = random.SystemRandom().randrange(10**9)
    async with open_channel(socket) as channel:
        recall = channel.unary_unary(RECALL, RecallRequest.SerializeToString, RecallResponse.FromString)

        async def ask(number: int) -> tuple[float, float]:
            request = RecallRequest(user_id=USER, query=question(offset + number), options=options)
            begun = time.perf_counter()
            await recall(request, metadata=metadata)
            return (time.perf_counter() - begun) * 1000, 0

        await many(max(10, load.level * 2), load.level, lambda number: ask(number + 10**7))
        return [whole for whole, _ in await many(calls, load.level, ask)]


async def cancel(session: aiohttp.ClientSession, serving: Serving, origin: str) -> None:
    """Give up streams in their middle, and print the memory of the gateway after each round."""
    case = Case(name="cancelled", stream=True, words=False, events=1000)
    url = f"{serving.http}/api/v1/forward/{origin}{case.path}"
    headers = {**CREDENTIALS, "X-Recallr-User-Id": USER}
    gateway = serving.children()["gateway"]

    async def give_up(_number: int) -> tuple[float, float]:
        async with session.post(url, data=case.body(next(numbers)), headers=headers) as answer:
            await answer.content.readany()
            answer.close()
        return 0, 0

    numbers, sizes = itertools.count(10**8), []
    for _ in range(3):
        await many(CANCELS, 64, give_up)
        sizes.append(f"{resident_megabytes(gateway):.1f}")
    print(f"resident megabytes after each {CANCELS} streams given up: {', '.join(sizes)}", flush=True)


def main() -> None:
    """Measure, or be the provider."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--concurrency", default="0,1,64")
    parser.add_argument("--cases", default=",".join(case.name for case in CASES), help="names, separated by commas")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve()
    else:
        cases = [case for case in CASES if case.name in arguments.cases.split(",")]
        asyncio.run(measure(arguments.calls, [int(level) for level in arguments.concurrency.split(",")], cases))


if __name__ == "__main__":
    main()
