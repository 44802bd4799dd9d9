"""A turn goes to the provider, comes back, and is stored once."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from aiohttp import web

from service.domain.ids import ProjectId, UserId
from service.domain.sessions import NewSession
from tests.conftest import Waiter
from tests.forward import wire
from tests.forward.conftest import Caller
from tests.forward.provider import Provider, streamed

ALICE = ("user", "I am Alice.")
NICE = ("assistant", "Nice to meet you, Alice.")

REQUESTS: dict[str, Any] = {
    "/v1/messages": {"model": "claude-sonnet-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": "I am Alice."}]},
    "/v1/chat/completions": {"model": "gpt-5", "messages": [{"role": "user", "content": "I am Alice."}]},
    "/v1/responses": {"model": "gpt-5", "input": "I am Alice."},
    "/v1beta/models/gemini-3:generateContent": {"contents": [{"role": "user", "parts": [{"text": "I am Alice."}]}]},
    "/v1beta/models/gemini-3:streamGenerateContent?alt=sse": {"contents": [{"parts": [{"text": "I am Alice."}]}]},
}


async def settled(caller: Caller, wait_until: Waiter[Any], count: int) -> list[tuple[str, str]]:
    """Return what is stored once it is *count* messages."""

    async def enough() -> list[tuple[str, str]]:
        stored = await caller.stored()
        return stored if len(stored) >= count else []

    found: list[tuple[str, str]] = await wait_until(enough, f"{count} messages are stored")
    return found


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("path", REQUESTS)
async def test_a_turn_is_stored(caller: Caller, wait_until: Waiter[Any], path: str, *, stream: bool) -> None:
    """What the user said and what the model replied, for every API, streamed or not."""
    body = REQUESTS[path] | ({"stream": True} if stream and "/models/" not in path else {})
    async with caller.client() as client:
        answer = await client.post(path, json=body)
    assert answer.status_code == 200
    assert await settled(caller, wait_until, 2) == [ALICE, NICE]


async def test_a_streamed_turn_is_durable_before_the_answer_ends(caller: Caller) -> None:
    """Whoever has read the stream to its end finds the turn stored, without waiting."""
    async with caller.client() as client:
        await client.post("/v1/messages", json=REQUESTS["/v1/messages"] | {"stream": True})
    assert await caller.stored() == [ALICE, NICE]


async def test_history_that_is_sent_again_is_stored_once(caller: Caller, wait_until: Waiter[Any]) -> None:
    """Each request of a growing conversation adds its own turn alone."""
    said: list[dict[str, str]] = []
    async with caller.client() as client:
        for number in range(3):
            said.append({"role": "user", "content": f"Question {number}"})
            answer = await client.post("/v1/chat/completions", json={"model": "gpt-5", "messages": said})
            said.append(answer.json()["choices"][0]["message"])
            await settled(caller, wait_until, len(said))
    assert await caller.stored() == [(entry["role"], entry["content"]) for entry in said]


async def test_a_retry_is_stored_once(caller: Caller, provider: Provider) -> None:
    """The first reply is kept, also when the second one differs."""
    body = REQUESTS["/v1/messages"] | {"stream": True}
    async with caller.client() as client:
        await client.post("/v1/messages", json=body)
        provider.text = "Hello again."
        await client.post("/v1/messages", json=body)
    assert await caller.stored() == [ALICE, NICE]


async def test_racing_requests_are_stored_once(caller: Caller) -> None:
    """Eight at the same time, also when they race to create the user and the session."""
    body = REQUESTS["/v1/messages"] | {"stream": True}
    async with caller.client() as client:
        answers = await asyncio.gather(*(client.post("/v1/messages", json=body) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert await caller.sessions() == list({answer.headers["x-recallr-session-id"] for answer in answers})
    assert await caller.stored() == [ALICE, NICE]


async def test_a_loop_of_tool_calls_is_one_turn(caller: Caller, provider: Provider) -> None:
    """The user's words are stored with the first call, the reply with the answer that has one; tools are no part of either."""
    calls = [{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}]

    async def call(request: Any) -> Any:
        body = wire.chat_events("", finish="tool_calls")
        return await streamed(request, wire.sse(body, done=True))

    said: list[dict[str, Any]] = [{"role": "user", "content": "Is it raining in Rome?"}]
    async with caller.client() as client:
        provider.answer = call
        await client.post("/v1/chat/completions", json={"model": "gpt-5", "stream": True, "messages": said})
        provider.answer, provider.text = None, "It is dry."
        said += [
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": "call_1", "content": "dry"},
        ]
        await client.post("/v1/chat/completions", json={"model": "gpt-5", "stream": True, "messages": said})
    assert await caller.stored() == [("user", "Is it raining in Rome?"), ("assistant", "It is dry.")]


@pytest.mark.parametrize("status", [400, 401, 429, 500, 529])
async def test_a_refused_turn_is_not_stored(caller: Caller, provider: Provider, status: int) -> None:
    """The provider's error reaches the client as it is, and the session stays empty."""

    async def refuse(_request: Any) -> Any:
        headers = {"retry-after": "3", "request-id": "req_9", "x-ratelimit-remaining-tokens": "0"}
        return web.json_response({"type": "error", "error": {"type": "overloaded_error"}}, status=status, headers=headers)

    provider.answer = refuse
    async with caller.client() as client:
        answer = await client.post("/v1/messages", json=REQUESTS["/v1/messages"])
    assert (answer.status_code, answer.json()) == (status, {"type": "error", "error": {"type": "overloaded_error"}})
    assert (answer.headers["retry-after"], answer.headers["request-id"]) == ("3", "req_9")
    assert await caller.stored() == []


async def test_a_refusal_of_the_model_is_not_stored(caller: Caller, provider: Provider) -> None:
    """Nothing of the turn is kept."""

    async def refuse(request: Any) -> Any:
        return await streamed(request, wire.sse(wire.anthropic_events("No.", stop="refusal"), named=True))

    provider.answer = refuse
    async with caller.client() as client:
        await client.post("/v1/messages", json=REQUESTS["/v1/messages"] | {"stream": True})
    assert await caller.stored() == []


async def test_recalled_text_that_comes_back_is_not_stored(caller: Caller, wait_until: Waiter[Any]) -> None:
    """A client that sends the context along has not said it."""
    fence = '<memory-data id="0011">\n- Alice has a dog.\n</memory-data id="0011">'
    sent = f"# Memory\n\nNow: Monday 8 May 2023, 13:56 (UTC)\n\n## Memories\n\n{fence}\n\nI am Alice."
    async with caller.client() as client:
        await client.post("/v1/chat/completions", json={"model": "m", "messages": [{"role": "user", "content": sent}]})
    assert await settled(caller, wait_until, 2) == [ALICE, NICE]


async def test_only_text_is_stored(caller: Caller, provider: Provider, wait_until: Waiter[Any]) -> None:
    """Images go to the provider byte for byte, and the words beside them into memory."""
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo=" * 10_000}}
    content = [image, {"type": "text", "text": "I am Alice."}]
    async with caller.client() as client:
        await client.post("/v1/messages", json={"model": "m", "messages": [{"role": "user", "content": content}]})
    assert provider.last.json["messages"][0]["content"] == content
    assert await settled(caller, wait_until, 2) == [ALICE, NICE]


async def test_the_open_session_goes_on(caller: Caller) -> None:
    """Two turns within the timeout are one session."""
    async with caller.client() as client:
        first = await _ask(client, "One")
        second = await _ask(client, "Two")
    assert first.headers["x-recallr-session-id"] == second.headers["x-recallr-session-id"]


async def test_a_given_session_is_continued(caller: Caller) -> None:
    """Also when it is not the newest."""
    async with caller.client() as client:
        first = (await _ask(client, "One")).headers["x-recallr-session-id"]
    sessions = caller.service.application.sessions
    new = NewSession(metadata={}, auto_process_after=None)
    await sessions.create(ProjectId(caller.project_id), UserId(caller.user_id), new, idempotency_key=None)
    async with caller.client(**{"X-Recallr-Session-Id": first}) as client:
        answer = await _ask(client, "Two")
    assert answer.headers["x-recallr-session-id"] == first
    assert [text for _, text in await caller.stored(first)] == ["One", NICE[1], "Two", NICE[1]]


async def test_a_session_that_was_processed_gets_a_successor(caller: Caller) -> None:
    """A client that keeps sending its id is not turned away."""
    async with caller.client() as client:
        first = (await _ask(client, "One")).headers["x-recallr-session-id"]
    await caller.service.application.sessions.process(ProjectId(caller.project_id), UserId(caller.user_id), first)
    async with caller.client(**{"X-Recallr-Session-Id": first}) as client:
        second = (await _ask(client, "Two")).headers["x-recallr-session-id"]
    assert second != first
    assert [text for _, text in await caller.stored(second)] == ["Two", NICE[1]]


async def _ask(client: httpx.AsyncClient, text: str) -> httpx.Response:
    """Say *text* in a stream, so that the turn is stored when it returns."""
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": text}]}
    return await client.post("/v1/messages", json=body)
