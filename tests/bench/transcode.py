"""
What the gateway adds to a call, in microseconds of CPU: `python tests/bench/transcode.py`.

Prints the codec beside `google.protobuf.json_format`, route matching, and whole requests through the ASGI application without the
gRPC call.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Callable, MutableMapping
from datetime import timedelta
from functools import partial
from typing import Any, cast

import orjson
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from mneme.v1 import memory_pb2, memory_service_pb2, sessions_service_pb2, users_service_pb2

from gateway.app import Gateway, Mount
from gateway.client import ServiceClient
from gateway.logs import open_log
from gateway.metrics import Metrics
from gateway.transcode.app import Transcoder
from gateway.transcode.decoding import Decoder
from gateway.transcode.encoding import Encoder
from gateway.transcode.jsontext import parse
from gateway.transcode.methods import methods_of
from gateway.transcode.routes import Router
from gateway.wiring import CONTRACT

ROUNDS = 2000


def microseconds(work: Callable[[], Any]) -> float:
    """Return the CPU time of one *work*, the best of five series."""
    series = []
    for _ in range(5):
        started = time.process_time()
        for _ in range(ROUNDS // 5):
            work()
        series.append((time.process_time() - started) / (ROUNDS // 5) * 1e6)
    return min(series)


def page_of_memories() -> Message:
    """Return a response with ten memories."""
    page = memory_service_pb2.ListMemoriesResponse(total=10)
    for index in range(10):
        memory = page.items.add(
            memory_id=f"6f1c0000-0000-0000-0000-{index:012}",
            categories=["travel", "plans"],
            content="The user is going to Lisbon in May with two friends from university.",
            version_number=1,
            total_versions=2,
            session_id="6f1c0000-0000-0000-0000-000000000000",
            sources=[memory_pb2.Source(session_id="s", message_index=index)],
        )
        for name in ("event_date_start", "event_date_end", "created_at"):
            getattr(memory, name).FromJsonString("2026-01-31T09:30:00.123456Z")
    return page


class Canned:
    """Stands where the channel stands and answers at once."""

    def unary(self, path: str, request: Descriptor, response: Descriptor, *, repeatable: bool) -> Any:
        """Return a method that answers with the same message each time."""
        del request, repeatable
        message = page_of_memories() if path.endswith("/ListMemories") else GetMessageClass(response)()

        async def call(*_: Any) -> Message:
            return message

        return call

    def stream(self, *_: Any) -> Any:
        """Return a stream that nobody reads."""
        return None


def report(name: str, value: float) -> None:
    """Print one line."""
    print(f"{name:<64}{value:9.1f} µs")  # noqa: T201 - a benchmark prints


def codec() -> None:
    """Measure both directions of the codec."""
    encoder, decoder = Encoder(), Decoder()
    page: Any = page_of_memories()
    write = encoder.message(page.DESCRIPTOR)
    oracle = partial(json_format.MessageToJson, page, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    report("write a page of 10 memories: ours", microseconds(lambda: orjson.dumps(write(page))))
    report("write a page of 10 memories: json_format", microseconds(oracle))
    requests: list[tuple[Any, bytes]] = [
        (sessions_service_pb2.AddMessageRequest, b'{"message":"I am going to Lisbon in May.","role":"user"}'),
        (users_service_pb2.CreateUserRequest, b'{"user_id":"a","metadata":{"plan":"pro","seats":3,"tags":["x","y"]}}'),
    ]
    for new, body in requests:
        read = partial(read_body, decoder.message(new.DESCRIPTOR), new, body)
        report(f"read {new.DESCRIPTOR.name}: ours", microseconds(read))
        oracle_body = body.replace(b'"user"}', b'"MESSAGE_ROLE_USER"}')
        report(f"read {new.DESCRIPTOR.name}: json_format", microseconds(partial(read_by_oracle, new, oracle_body)))


def read_body(read: Any, new: Any, body: bytes) -> None:
    """Read a body as the gateway does."""
    read(parse(body), new(), ("body",), [])


def read_by_oracle(new: Any, body: bytes) -> None:
    """Read a body as json_format does."""
    json_format.Parse(body, new())


def routes() -> None:
    """Measure route matching."""
    router = Router(methods_of(CONTRACT))
    for path in (b"/api/v1/users", b"/api/v1/users/alice/sessions/6f1c/add-message", b"/api/v1/users/a%20b/memories"):
        verb = "POST" if path.endswith(b"message") else "GET"
        report(f"match {verb} {path.decode()}", microseconds(partial(router.match, verb, path)))


async def requests() -> None:
    """Measure whole requests through the application: log, metrics, routes, binding, codec; everything but the call itself."""
    client = cast("ServiceClient", Canned())
    transcoder = Transcoder(CONTRACT, client, max_body_bytes=1 << 20, keep_alive=timedelta(seconds=15))
    app = Gateway(mounts=[Mount(prefix=b"", handler=transcoder)], log=open_log("info", io.StringIO()), metrics=Metrics())
    session = "/api/v1/users/alice/sessions/6f1c0000-0000-0000-0000-000000000000"
    for verb, path, query, body in (
        ("GET", "/api/v1/users/alice", b"", b""),
        ("POST", f"{session}/add-message", b"", b'{"message":"I am going to Lisbon in May.","role":"user"}'),
        ("GET", f"{session}/context", b"recall_strategy=low_latency&min_top_k=15&max_top_k=50&timezone=UTC", b""),
        ("GET", "/api/v1/users/alice/memories", b"limit=10", b""),
    ):
        scope = {
            "type": "http",
            "method": verb,
            "raw_path": path.encode(),
            "query_string": query,
            "headers": [(b"x-recallr-api-key", b"rai_k"), (b"x-recallr-project-id", b"p"), (b"user-agent", b"bench")],
        }

        async def receive(body: bytes = body) -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(_: MutableMapping[str, Any]) -> None:
            pass

        series = []
        for _ in range(5):
            started = time.process_time()
            for _ in range(ROUNDS // 5):
                await app(scope, receive, send)
            series.append((time.process_time() - started) / (ROUNDS // 5) * 1e6)
        report(f"request {verb} {path.split('/')[-1]}", min(series))


if __name__ == "__main__":
    codec()
    routes()
    asyncio.run(requests())
