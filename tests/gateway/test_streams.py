"""Server streams as a client reads them from the wire."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Callable, MutableMapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import httpx
import orjson
import pytest
from mneme.v1.http_pb2 import StreamFormat
from mneme.v1.memory_service_pb2 import StreamContextResponse
from mneme.v1.recall_pb2 import RECALL_STRATEGY_BALANCED, ContextEvent, ContextMetadata

from gateway.exchange import Exchange
from gateway.status import CallFailed, Failure
from gateway.transcode.encoding import Encoder
from gateway.transcode.errors import answer_of
from gateway.transcode.methods import Method, methods_of
from gateway.transcode.streaming import FailureEvent, Relay
from gateway.wiring import CONTRACT, running_gateway
from tests.conftest import Waiter
from tests.gateway.conftest import settings_for
from tests.gateway.peer import Peer, Refusal, refusal

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/api/v1/users/a/sessions/s/context?stream=true"


def status(text: str) -> StreamContextResponse:
    """Return an event that reports a stage."""
    return StreamContextResponse(event=ContextEvent(status_update_message=text))


def final(text: str) -> StreamContextResponse:
    """Return the last event."""
    metadata = ContextMetadata(recall_strategy_used=RECALL_STRATEGY_BALANCED)
    return StreamContextResponse(event=ContextEvent(is_final=True, context=text, metadata=metadata))


def says(*events: StreamContextResponse | Refusal) -> Callable[[Any], AsyncIterator[Any]]:
    """Return a stream of *events*."""

    async def reply(_: Any) -> AsyncIterator[Any]:
        for event in events:
            yield event

    return reply


async def test_one_data_line_for_each_event(http: httpx.AsyncClient, peer: Peer) -> None:
    """Each event is one `data:` line of JSON and a blank line; nothing follows the last one."""
    peer.replies["StreamContext"] = says(status("Searching\nmemories"), final("# Memories\nüber"))

    answer = await http.get(PATH)

    first, second, rest = answer.text.split("\n\n")
    assert ("", True, True) == (rest, first.startswith("data: {"), second.startswith("data: {"))
    assert [("Searching\nmemories", None), (None, "# Memories\nüber")] == [
        (event["status_update_message"], event["context"]) for event in (json.loads(line[6:]) for line in (first, second))
    ]


async def test_content_type_and_buffering(http: httpx.AsyncClient, peer: Peer) -> None:
    """The stream says that it is one, and that nobody should hold it back."""
    peer.replies["StreamContext"] = says(final("x"))

    headers = (await http.get(PATH)).headers

    assert ("text/event-stream; charset=utf-8", "no-store", "no") == (
        headers["content-type"],
        headers["cache-control"],
        headers["x-accel-buffering"],
    )


async def test_metadata_of_an_event(http: httpx.AsyncClient, peer: Peer) -> None:
    """An absent list of ids is left out, and the strategy is spelled as clients expect."""
    peer.replies["StreamContext"] = says(final("x"))

    event = json.loads((await http.get(PATH)).text[6:])

    assert {"recall_strategy_used": "balanced"} == event["metadata"]


@pytest.mark.parametrize(("query", "method"), [("stream=false", "GetContext"), ("", "GetContext"), ("stream=1", "StreamContext")])
async def test_parameter_selects_the_method(http: httpx.AsyncClient, peer: Peer, query: str, method: str) -> None:
    """One path serves two methods; the parameter that the contract names chooses."""
    peer.replies["StreamContext"] = says(final("x"))

    await http.get(f"/api/v1/users/a/sessions/s/context?{query}")

    assert method == peer.last.method


async def test_error_before_the_first_event_has_its_own_status(http: httpx.AsyncClient, peer: Peer) -> None:
    """An error before any event is an ordinary error answer."""
    peer.replies["StreamContext"] = refusal(grpc.StatusCode.NOT_FOUND, "Session s not found", "SESSION_NOT_FOUND")

    answer = await http.get(PATH)

    assert (404, {"detail": "Session s not found"}) == (answer.status_code, answer.json())


async def test_error_after_events_is_the_last_event(http: httpx.AsyncClient, peer: Peer) -> None:
    """A stream that fails halfway ends with an event that is final and carries the text of the error."""
    lost = refusal(grpc.StatusCode.UNAVAILABLE, "The redis store is unavailable, try again", "STORAGE_UNAVAILABLE")
    peer.replies["StreamContext"] = says(status("Searching"), lost)

    answer = await http.get(PATH)

    last = json.loads(answer.text.rstrip("\n").split("\n\n")[-1].removeprefix("data: "))
    assert (200, True, "The redis store is unavailable, try again", None, True) == (
        answer.status_code,
        last["is_final"],
        last["error_message"],
        last["context"],
        answer.text.endswith("}\n\n"),
    )


async def test_internal_error_in_a_stream_tells_nothing(http: httpx.AsyncClient, peer: Peer) -> None:
    """The text of an internal error does not reach the client."""
    peer.replies["StreamContext"] = says(status("Searching"), Refusal(code=grpc.StatusCode.INTERNAL, message="secret"))

    assert ("secret" in (await http.get(PATH)).text) is False


async def test_silence_is_filled_with_comments(module_peer: tuple[Peer, str, Path], peer: Peer) -> None:
    """While the service says nothing, even before its first event, comments keep the connection alive."""
    go_on = asyncio.Event()
    # not that of the module, whose streams are compared word for word, however slowly they come
    lively = dataclasses.replace(settings_for(module_peer[1]), keep_alive=timedelta(milliseconds=50))

    async def slow(_: Any) -> AsyncIterator[Any]:
        await go_on.wait()
        yield final("done")

    peer.replies["StreamContext"] = slow
    lines = []
    async with (
        running_gateway(lively) as gateway,
        httpx.AsyncClient(base_url=gateway.url) as http,
        http.stream("GET", PATH) as answer,
    ):
        async for line in answer.aiter_lines():
            lines.append(line)
            if lines.count(": ping") == 2:
                go_on.set()

    assert ([": ping", "", ": ping", ""], "done") == (lines[:4], json.loads(lines[-2][6:])["context"])


async def test_events_are_sent_as_they_happen(http: httpx.AsyncClient, peer: Peer) -> None:
    """The first event is with the client while the second is still to come."""
    seen = asyncio.Event()

    async def stepwise(_: Any) -> AsyncIterator[Any]:
        yield status("first")
        await seen.wait()
        yield final("second")

    peer.replies["StreamContext"] = stepwise
    events = []
    async with http.stream("GET", PATH) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                events.append(json.loads(line[6:]))
                seen.set()

    assert ["first", None] == [event["status_update_message"] for event in events]


async def never(_: Any) -> AsyncIterator[Any]:
    """Say one thing and then nothing, for ever."""
    yield status("Searching")
    await asyncio.Event().wait()


async def silent(_: Any) -> AsyncIterator[Any]:
    """Never say anything."""
    await asyncio.Event().wait()
    yield status("never")


@pytest.mark.parametrize("stream", [never, silent])
async def test_client_that_leaves_ends_the_call(url: str, peer: Peer, wait_until: Waiter[object], stream: Any) -> None:
    """When the client disconnects, after an event or before any, the call of the service is cancelled."""
    peer.replies["StreamContext"] = stream
    host, port = httpx.URL(url).host, httpx.URL(url).port
    _, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    await wait_until(lambda: bool(peer.calls), "the call arrives")

    writer.close()

    await wait_until(lambda: peer.cancelled == 1, "the call is cancelled")


async def relayed(method: Method, *events: StreamContextResponse | CallFailed) -> list[bytes]:
    """Return the pieces of body that a relay of *method* writes for *events*, to a client that stays."""
    written: list[bytes] = []
    encode = Encoder().message(method.output)

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: MutableMapping[str, Any]) -> None:
        written.extend([message["body"]] if "body" in message else [])

    async def messages() -> AsyncIterator[Any]:
        for event in events:
            if isinstance(event, CallFailed):
                raise event
            yield event

    relay = Relay(
        method=method,
        encode=lambda message: orjson.dumps(encode(message)["context"]),
        encode_failure=lambda failure, _: orjson.dumps({"detail": answer_of(failure).detail}),
        keep_alive=timedelta(seconds=15),
    )
    scope = {"type": "http", "method": "GET", "headers": []}
    await relay(Exchange(scope, receive, send), messages())
    return written


STREAM = next(method for method in methods_of(CONTRACT) if method.streams)
LOST = CallFailed(Failure(code=grpc.StatusCode.UNAVAILABLE, message="try again"))


async def test_lines_of_json() -> None:
    """A stream in the format of lines is one JSON text a line."""
    lines = dataclasses.replace(STREAM, stream_format=StreamFormat.STREAM_FORMAT_NDJSON)

    assert [b'"a"\n', b'"b"\n', b""] == await relayed(lines, final("a"), final("b"))


@pytest.mark.parametrize(
    ("stream_format", "last"),
    [
        (StreamFormat.STREAM_FORMAT_SSE, b'event: error\ndata: {"detail":"try again"}\n\n'),
        (StreamFormat.STREAM_FORMAT_NDJSON, b'{"detail":"try again"}\n'),
    ],
)
async def test_failure_without_fields_for_it(stream_format: StreamFormat.ValueType, last: bytes) -> None:
    """Where no field can carry an error, a stream that fails ends with an error event, or a line, that is the error body."""
    bare = dataclasses.replace(STREAM, stream_format=stream_format, stream_error_field="", stream_final_field="")

    assert last == (await relayed(bare, final("a"), LOST))[-1]


@pytest.mark.parametrize(
    "broken",
    [dataclasses.replace(STREAM, stream_error_field="nothing"), dataclasses.replace(STREAM, stream_final_field="nothing")],
    ids=["error", "final"],
)
async def test_fields_that_do_not_exist_are_found_at_start(broken: Method) -> None:
    """A contract that names a field which the response does not have cannot be served."""
    with pytest.raises(ValueError, match="has no field 'nothing'"):
        FailureEvent(broken)
