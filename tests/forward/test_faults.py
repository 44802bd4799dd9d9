"""Everything that goes wrong between a client and a provider."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import zlib
from datetime import timedelta
from typing import Any
from uuid import uuid4

import anthropic
import httpx
import openai
import pytest
from aiohttp import web

from gateway.wiring import running_gateway
from tests.conftest import Waiter
from tests.forward import wire
from tests.forward.conftest import Caller, settings_for
from tests.forward.provider import EVENTS, Provider, abort, streamed, until_cancelled

BODY: Any = {"model": "claude-opus-4-1", "max_tokens": 9, "messages": [{"role": "user", "content": "I am Alice."}]}
STREAM = BODY | {"stream": True}
ALICE = ("user", "I am Alice.")
NICE = ("assistant", "Nice to meet you, Alice.")
BROKEN = (
    b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"The connection to the provider broke off"}}\n\n'
)
FRAMES = wire.sse(wire.anthropic_events(NICE[1]), named=True)


async def begun(request: web.Request, *frames: bytes, **headers: str) -> web.StreamResponse:
    """Begin a stream with *frames* and do not end it."""
    response = web.StreamResponse(headers={**EVENTS, **headers})
    await response.prepare(request)
    for frame in frames:
        await response.write(frame)
    return response


async def until_broken(client: httpx.AsyncClient, url: str) -> bytes:
    """Return what comes of a stream until its connection breaks. A stream that ends as it should fails the test."""
    received = bytearray()
    try:
        async with client.stream("POST", url, json=STREAM) as answer:
            async for chunk in answer.aiter_raw():
                received += chunk
    except httpx.RemoteProtocolError:
        return bytes(received)
    raise AssertionError("the stream came to its end")


async def test_a_provider_that_refuses_connections(caller: Caller) -> None:
    """Is a 502 in the provider's own shape, which its SDK may try again."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{free.getsockname()[1]}"
        async with running_gateway(settings_for(caller.service.address, origin)) as gateway, httpx.AsyncClient() as client:
            url = f"{gateway.url}/api/v1/forward/{origin}/v1/messages"
            answer = await client.post(url, json=BODY, headers=caller.headers)
    assert (answer.status_code, answer.json()["error"]["type"]) == (502, "api_error")
    assert "x-should-retry" not in answer.headers


async def test_a_provider_that_hangs(caller: Caller, provider: Provider, wait_until: Waiter[Any]) -> None:
    """Is a 504 after the time for the first byte, and is let go."""

    async def hang(_request: web.Request) -> web.StreamResponse:
        await until_cancelled()

    provider.answer = hang
    settings = settings_for(caller.service.address, provider.origin, forward_first_byte=timedelta(milliseconds=100))
    async with running_gateway(settings) as gateway, httpx.AsyncClient() as client:
        answer = await client.post(
            f"{gateway.url}/api/v1/forward/{provider.origin}/v1/messages", json=BODY, headers=caller.headers
        )
    assert (answer.status_code, answer.json()["type"]) == (504, "error")
    await wait_until(lambda: provider.running == 0, "the provider was let go")


async def test_a_provider_that_falls_silent(caller: Caller, provider: Provider, wait_until: Waiter[Any]) -> None:
    """Ends in an error event between two events; what had been said is stored as interrupted."""

    async def fall_silent(request: web.Request) -> web.StreamResponse:
        await begun(request, b"".join(FRAMES[:9]))
        await until_cancelled()

    provider.answer = fall_silent
    settings = settings_for(caller.service.address, provider.origin, forward_idle=timedelta(milliseconds=500))
    async with running_gateway(settings) as gateway, httpx.AsyncClient(headers=caller.headers) as client:
        received = await until_broken(client, f"{gateway.url}/api/v1/forward/{provider.origin}/v1/messages")
        await wait_until(lambda: provider.running == 0, "the provider was let go")
    assert received.removeprefix(b"".join(FRAMES[:9])) == BROKEN
    assert await caller.stored() == [ALICE, ("assistant", "Nice to  [interrupted]")]


async def test_a_connection_that_closes_inside_of_an_event(caller: Caller, provider: Provider) -> None:
    """Closes the client's too, without an end of the body: nothing is made up."""

    async def break_off(request: web.Request) -> web.StreamResponse:
        response = await begun(request, *FRAMES[:8], FRAMES[8][:30])
        abort(request)
        return response

    provider.answer = break_off
    async with caller.client() as client:
        received = await until_broken(client, "/v1/messages")
    assert received == b"".join(FRAMES[:8]) + FRAMES[8][:30]


async def test_the_anthropic_sdk_hears_of_a_broken_stream(caller: Caller, provider: Provider) -> None:
    """As the kind of error that it raises for the provider's own error events."""

    async def break_off(request: web.Request) -> web.StreamResponse:
        response = await begun(request, *FRAMES[:9])
        abort(request)
        return response

    provider.answer = break_off
    client = anthropic.AsyncAnthropic(base_url=caller.base, api_key="k", default_headers=caller.headers, max_retries=0)
    with pytest.raises(anthropic.APIError, match="broke off"):
        async with client, client.messages.stream(model="claude-opus-4-8", max_tokens=9, messages=BODY["messages"]) as stream:
            await stream.get_final_text()


async def test_the_openai_sdk_hears_of_a_broken_stream(caller: Caller, provider: Provider) -> None:
    """As the kind of error that it raises for the provider's own error chunks."""

    async def break_off(request: web.Request) -> web.StreamResponse:
        response = await begun(request, *wire.sse(wire.chat_events("One two three"))[:3])
        abort(request)
        return response

    provider.answer = break_off
    client = openai.AsyncOpenAI(base_url=f"{caller.base}/v1", api_key="k", default_headers=caller.headers, max_retries=0)
    async with client:
        stream: Any = await client.chat.completions.create(model="m", messages=BODY["messages"], stream=True)
        with pytest.raises(openai.APIError, match="broke off"):
            [chunk async for chunk in stream]


async def test_an_error_event_of_the_provider_passes(caller: Caller, provider: Provider) -> None:
    """Byte for byte, and the turn is not stored."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    frames = [*FRAMES[:9], *wire.sse([error], named=True)]

    async def fail(request: web.Request) -> web.StreamResponse:
        return await streamed(request, frames)

    provider.answer = fail
    async with caller.client() as client:
        answer = await client.post("/v1/messages", json=STREAM)
    assert answer.content == b"".join(frames)
    assert await caller.stored() == []


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_compressed_answer_passes_and_is_read(caller: Caller, provider: Provider, encoding: str) -> None:
    """The bytes stay compressed; what they say is stored."""
    pack = gzip.compress if encoding == "gzip" else zlib.compress
    packed = pack(b"".join(FRAMES))

    async def compress(request: web.Request) -> web.StreamResponse:
        return await streamed(request, [packed[:50], packed[50:]], headers={"content-encoding": encoding})

    provider.answer = compress
    async with caller.client() as client, client.stream("POST", "/v1/messages", json=STREAM) as answer:
        received = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert (received, answer.headers["content-encoding"]) == (packed, encoding)
    assert provider.last.header("accept-encoding") == ["identity"]
    assert await caller.stored() == [ALICE, NICE]


async def test_an_answer_that_cannot_be_read_passes(caller: Caller, provider: Provider) -> None:
    """In a coding that is not known here the words are lost to memory, and to nobody else."""

    async def brotli(request: web.Request) -> web.StreamResponse:
        return await streamed(request, [b"\x0b\x02\x80", b"hello\x03"], headers={"content-encoding": "br"})

    provider.answer = brotli
    async with caller.client() as client, client.stream("POST", "/v1/messages", json=STREAM) as answer:
        assert b"".join([chunk async for chunk in answer.aiter_raw()]) == b"\x0b\x02\x80hello\x03"
    assert await caller.stored() == [ALICE]


@pytest.mark.parametrize("size", [1, 7, 65_536])
async def test_chunks_of_any_size_pass(caller: Caller, provider: Provider, size: int) -> None:
    """One byte at a time, or all at once: the client gets the same bytes and memory the same words."""
    whole = b"".join(FRAMES)

    async def cut(request: web.Request) -> web.StreamResponse:
        return await streamed(request, [whole[start : start + size] for start in range(0, len(whole), size)])

    provider.answer = cut
    async with caller.client() as client:
        answer = await client.post("/v1/messages", json=STREAM)
    assert answer.content == whole
    assert await caller.stored() == [ALICE, NICE]


async def test_an_event_of_64_kib_passes(caller: Caller, provider: Provider) -> None:
    """In one piece for memory too."""
    long = "word " * 13_200

    async def speak(request: web.Request) -> web.StreamResponse:
        events = wire.anthropic_events("")
        events[7:8] = [{"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": long}}]
        return await streamed(request, wire.sse(events, named=True))

    provider.answer = speak
    async with caller.client() as client:
        assert (await client.post("/v1/messages", json=STREAM)).status_code == 200
    assert await caller.stored() == [ALICE, ("assistant", long)]


async def test_a_client_that_leaves_before_the_answer(caller: Caller, provider: Provider, wait_until: Waiter[Any]) -> None:
    """Takes the provider's work with it, and leaves no turn."""

    async def think(_request: web.Request) -> web.StreamResponse:
        await until_cancelled()

    provider.answer = think
    async with caller.client() as client:
        asking = asyncio.create_task(client.post("/v1/messages", json=STREAM))
        await wait_until(lambda: provider.running == 1, "the provider thinks")
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await wait_until(lambda: provider.running == 0, "the provider was let go")
    assert await caller.stored() == []


async def test_a_client_that_leaves_in_the_middle(caller: Caller, provider: Provider, wait_until: Waiter[Any]) -> None:
    """Takes the provider's work with it; what it has heard is stored as interrupted."""

    async def speak(request: web.Request) -> web.StreamResponse:
        await begun(request, *FRAMES[:9])
        await until_cancelled()

    provider.answer = speak
    async with caller.client() as client:
        async with client.stream("POST", "/v1/messages", json=STREAM) as answer:
            async for chunk in answer.aiter_raw():
                if b"to " in chunk:
                    break
        await wait_until(lambda: provider.running == 0, "the provider was let go")

    async def stored() -> bool:
        return await caller.stored() == [ALICE, ("assistant", "Nice to  [interrupted]")]

    await wait_until(stored, "the beginning is stored")


async def test_a_retry_after_an_interruption_is_stored_in_full(
    caller: Caller, provider: Provider, wait_until: Waiter[Any]
) -> None:
    """The user's words once, the beginning of the first reply, and the second reply."""
    await test_a_client_that_leaves_in_the_middle(caller, provider, wait_until)
    provider.answer = None
    async with caller.client() as client:
        await client.post("/v1/messages", json=STREAM)
    assert await caller.stored() == [ALICE, ("assistant", "Nice to  [interrupted]"), NICE]


async def test_a_client_that_leaves_is_drained_by_choice(caller: Caller, provider: Provider, wait_until: Waiter[Any]) -> None:
    """With a time to drain, the answer is read to its end for memory."""
    go_on = asyncio.Event()

    async def speak(request: web.Request) -> web.StreamResponse:
        response = await begun(request, *FRAMES[:9])
        await go_on.wait()
        for frame in FRAMES[9:]:
            await response.write(frame)
        await response.write_eof()
        return response

    provider.answer = speak
    settings = settings_for(caller.service.address, provider.origin, forward_drain=timedelta(seconds=20))
    async with running_gateway(settings) as gateway:
        async with httpx.AsyncClient(headers=caller.headers) as client:
            url = f"{gateway.url}/api/v1/forward/{provider.origin}/v1/messages"
            async with client.stream("POST", url, json=STREAM) as answer:
                await anext(answer.aiter_raw())
        go_on.set()

        async def stored() -> bool:
            return await caller.stored() == [ALICE, NICE]

        await wait_until(stored, "the whole turn is stored")


async def test_a_dead_service_does_not_break_the_chat(caller: Caller, provider: Provider) -> None:
    """The request goes on byte for byte as it came, and the answer says that memory failed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = f"127.0.0.1:{free.getsockname()[1]}"
        settings = settings_for(
            nowhere,
            provider.origin,
            forward_recall=timedelta(milliseconds=50),
            forward_store_wait=timedelta(0),
            drain=timedelta(milliseconds=100),
        )
        async with running_gateway(settings) as gateway, httpx.AsyncClient() as client:
            url = f"{gateway.url}/api/v1/forward/{provider.origin}/v1/messages"
            body = json.dumps(BODY, indent=3).encode()
            answer = await client.post(url, content=body, headers={**caller.headers, "content-type": "application/json"})
    assert (answer.status_code, answer.headers["x-recallr-memory"]) == (200, "failed")
    assert provider.last.body == body


async def test_a_recall_over_its_deadline_is_left_out(caller: Caller, provider: Provider) -> None:
    """The request goes on as it came; the session is known and the turn is stored."""
    # long, and never embedded before: no recall is that quick
    said = " ".join(str(uuid4()) for _ in range(50))
    body = STREAM | {"messages": [{"role": "user", "content": said}]}
    settings = settings_for(
        caller.service.address,
        provider.origin,
        forward_recall=timedelta(milliseconds=1),
        forward_store_wait=timedelta(seconds=20),
    )
    async with running_gateway(settings) as gateway, httpx.AsyncClient() as client:
        url = f"{gateway.url}/api/v1/forward/{provider.origin}"
        # connects to the service: of the first turn that would be a part
        await client.get(f"{url}/v1/models", headers=caller.headers)
        answer = await client.post(f"{url}/v1/messages", json=body, headers=caller.headers)
    assert answer.headers["x-recallr-memory"] == "timed_out"
    assert provider.last.json == body
    assert await caller.stored() == [("user", said), NICE]


async def test_a_body_that_is_too_long_is_refused(caller: Caller, provider: Provider) -> None:
    """As the provider would refuse it."""
    async with (
        running_gateway(settings_for(caller.service.address, provider.origin, forward_max_body_bytes=1000)) as gateway,
        httpx.AsyncClient() as client,
    ):
        url = f"{gateway.url}/api/v1/forward/{provider.origin}/v1/messages"
        answer = await client.post(url, content=b" " * 1001, headers=caller.headers)
    assert (answer.status_code, answer.json()["error"]["type"]) == (413, "request_too_large")
    assert provider.heard == []


async def test_one_request_too_many_is_told_to_come_again(caller: Caller, provider: Provider, wait_until: Waiter[Any]) -> None:
    """With a time after which to try."""
    go_on = asyncio.Event()

    async def wait(_request: web.Request) -> web.StreamResponse:
        await go_on.wait()
        return web.json_response(wire.anthropic("Hi."))

    provider.answer = wait
    async with (
        running_gateway(settings_for(caller.service.address, provider.origin, forward_max_requests=1)) as gateway,
        httpx.AsyncClient(headers=caller.headers) as client,
    ):
        url = f"{gateway.url}/api/v1/forward/{provider.origin}/v1/messages"
        first = asyncio.create_task(client.post(url, json=BODY))
        await wait_until(lambda: provider.running == 1, "the first one runs")
        second = await client.post(url, json=BODY)
        go_on.set()
        assert (await first).status_code == 200
    assert (second.status_code, second.headers["retry-after"]) == (503, "1")
