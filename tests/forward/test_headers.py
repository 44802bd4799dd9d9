"""Which headers are read, which go on, and which come with every answer."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from aiohttp import web

from gateway.forward.options import WrongHeader, read_options
from service.domain.ids import ProjectId
from tests.conftest import Waiter
from tests.forward.conftest import Caller
from tests.forward.provider import Provider, streamed

CHAT = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
OURS = ["x-recallr-session-id", "x-recallr-user-id", "x-recallr-request-id", "x-recallr-process-time"]


def options(**headers: str) -> Any:
    """Read headers given by the end of their name."""
    return read_options({f"x-recallr-{name.replace('_', '-')}".encode(): value.encode() for name, value in headers.items()})


def test_the_defaults() -> None:
    """Those of the documented headers, which are not those of REST."""
    read = options()
    assert (read.user_id, read.allow_new_user, read.session_timeout_seconds, read.session_id) == (None, False, 600, "")
    assert (read.min_top_k, read.max_top_k, read.memories_threshold, read.summaries_threshold) == (10, 50, 0.7, 0.6)
    assert (read.last_n_messages, read.last_n_summaries, read.timezone, read.include_system_prompt) == (None, None, "", True)
    assert read.strategy == options(recall_strategy="balanced").strategy


@pytest.mark.parametrize(
    ("text", "same"), [("Agentic", "agentic"), ("deep", "agentic"), ("LOW_LATENCY", "low_latency"), ("Auto", "auto")]
)
def test_strategies_are_read_without_regard_to_case(text: str, same: str) -> None:
    """And by an old name."""
    assert options(recall_strategy=text).strategy == options(recall_strategy=same).strategy


def test_the_old_name_of_a_header_is_read() -> None:
    """The newer one wins."""
    assert options(last_n_messages="3").last_n_messages == 3
    assert options(last_n_messages="3", last_n_user_messages="5").last_n_messages == 5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("session_timeout_seconds", "599"), ("session_timeout_seconds", "6e2"), ("session_timeout_seconds", "31536001"),
        ("min_top_k", "-1"), ("min_top_k", "101"), ("min_top_k", "1_0"), ("min_top_k", "\u0661"),
        ("max_top_k", "0"), ("max_top_k", "101"),
        ("memories_threshold", "1.01"), ("memories_threshold", "-0.1"), ("memories_threshold", "nan"),
        ("memories_threshold", "high"),
        ("summaries_threshold", "2"), ("last_n_user_messages", "0"), ("last_n_user_messages", "101"), ("last_n_summaries", "21"),
        ("recall_strategy", "fast"), ("allow_new_user_creation", "yes"), ("include_system_prompt", "maybe"),
        ("user_id", "x" * 513),
        ("timezone", "x" * 65),
    ],
)  # fmt: skip
def test_what_a_header_cannot_hold(name: str, value: str) -> None:
    """Is refused by the header's name."""
    with pytest.raises(WrongHeader, match=name.replace("_", "-").title().replace("-Id", "-Id")):
        options(**{name: value})


@pytest.mark.parametrize("value", ["0", "0.5", "1", "1.0", ".7"])
def test_thresholds_go_from_0_to_1(value: str) -> None:
    """Wider than those of REST."""
    assert options(memories_threshold=value).memories_threshold == float(value)


@pytest.mark.parametrize("stream", [False, True])
async def test_every_answer_carries_our_headers(caller: Caller, *, stream: bool) -> None:
    """Streams too; the user id is the caller's, the request id is new each time."""
    async with caller.client() as client:
        first, second = [await client.post("/v1/chat/completions", json=CHAT | {"stream": stream}) for _ in range(2)]
    assert [name for name in OURS if name not in first.headers] == []
    assert first.headers["x-recallr-user-id"] == caller.user_id
    assert first.headers["x-recallr-request-id"] != second.headers["x-recallr-request-id"]
    assert float(first.headers["x-recallr-process-time"]) > 0


async def test_an_error_of_the_provider_carries_them_too(caller: Caller, provider: Provider) -> None:
    """So that it can be looked up."""

    async def refuse(_request: web.Request) -> web.Response:
        return web.json_response({}, status=529)

    provider.answer = refuse
    async with caller.client() as client:
        answer = await client.post("/v1/chat/completions", json=CHAT)
    assert [name for name in OURS if name not in answer.headers] == []


async def test_an_answer_is_the_providers_own(caller: Caller, provider: Provider) -> None:
    """Its ids, limits and repeated headers pass; what belongs to its connection or site does not."""
    frames = [b'data: {"choices":[]}\n\n']
    own = {"x-request-id": "req_1", "openai-processing-ms": "12", "x-ratelimit-limit-requests": "60", "retry-after-ms": "20"}
    theirs = {"set-cookie": "a=b", "alt-svc": "h3", "strict-transport-security": "max-age=1", "x-recallr-memory": "forged"}

    async def speak(request: web.Request) -> web.StreamResponse:
        return await streamed(request, frames, headers={**own, **theirs, "connection": "keep-alive, x-hop", "x-hop": "1"})

    provider.answer = speak
    async with caller.client() as client:
        answer = await client.post("/v1/chat/completions", json=CHAT | {"stream": True})
    assert {name: answer.headers[name] for name in own} == own
    assert [name for name in ("set-cookie", "alt-svc", "strict-transport-security", "x-hop") if name in answer.headers] == []
    assert answer.headers.get_list("x-request-id") == ["req_1"]
    assert answer.headers.get_list("x-recallr-memory") == ["empty"]
    assert len(answer.headers.get_list("date")) == 1


async def test_a_request_is_the_clients_own(caller: Caller, provider: Provider) -> None:
    """What is meant for the provider arrives, repeated headers too; what is not stays here."""
    headers = [
        ("anthropic-beta", "one"),
        ("anthropic-beta", "two"),
        ("x-stainless-retry-count", "0"),
        ("user-agent", "client/1"),
        ("cookie", "session=1"),
        ("x-forwarded-for", "1.2.3.4"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("proxy-authorization", "Basic x"),
    ]
    async with caller.client() as client:
        await client.post("/v1/messages", json=CHAT, headers=headers)
    heard = provider.last
    assert heard.header("anthropic-beta") in (["one", "two"], ["one, two"])
    assert (heard.header("user-agent"), heard.header("x-stainless-retry-count")) == (["client/1"], ["0"])
    gone = ("cookie", "x-forwarded-for", "x-hop", "proxy-authorization", "x-recallr-api-key")
    assert [name for name in gone if heard.header(name)] == []


@pytest.mark.parametrize("header", ["authorization", "x-api-key", "x-goog-api-key"])
async def test_our_key_does_not_leave(caller: Caller, provider: Provider, header: str) -> None:
    """A client that sends it as the provider's is told, and the provider is not."""
    value = f"Bearer {caller.api_key}" if header == "authorization" else caller.api_key
    async with caller.client() as client:
        answer = await client.post("/v1/messages", json=CHAT, headers={header: value})
        in_query = await client.post("/v1/messages", params={"key": caller.api_key}, json=CHAT)
    assert (answer.status_code, in_query.status_code, provider.heard) == (400, 400, [])


async def test_a_missing_user_is_asked_for(caller: Caller) -> None:
    """By header or in the body."""
    async with httpx.AsyncClient(base_url=caller.base) as client:
        headers = {name: value for name, value in caller.headers.items() if name != "X-Recallr-User-Id"}
        answer = await client.post("/v1/messages", json=CHAT, headers=headers)
        named = await client.post("/v1/messages", json=CHAT | {"user": caller.user_id}, headers=headers)
    assert (answer.status_code, named.status_code) == (422, 200)
    assert answer.json()["detail"] == answer.json()["error"]["message"] == "X-Recallr-User-Id or `user` in the body is required"
    assert named.headers["x-recallr-user-id"] == caller.user_id


@pytest.mark.parametrize(("path", "arrives"), [("/v1/messages", False), ("/v1/chat/completions", True)])
async def test_the_user_in_the_body_goes_where_it_is_known(
    caller: Caller, provider: Provider, path: str, *, arrives: bool
) -> None:
    """A provider that would refuse the field does not see it."""
    async with caller.client() as client:
        await client.post(path, json={"user": "someone", **CHAT})
    assert ("user" in provider.last.json) == arrives


async def test_a_header_beats_the_body(caller: Caller) -> None:
    """The user is the header's."""
    async with caller.client() as client:
        answer = await client.post("/v1/chat/completions", json=CHAT | {"user": "someone-else"})
    assert answer.headers["x-recallr-user-id"] == caller.user_id


@pytest.mark.parametrize(
    ("changed", "status", "text"),
    [
        ({"X-Recallr-API-Key": ""}, 401, "API key and project id are required"),
        ({"X-Recallr-API-Key": "rai_x"}, 401, "Invalid API key or project id"),
        ({"X-Recallr-Project-Id": "other"}, 401, "Invalid API key or project id"),
        ({"X-Recallr-Allow-New-User-Creation": "false"}, 404, "not found"),
        ({"X-Recallr-Session-Id": "no-uuid"}, 404, "Session no-uuid not found"),
        ({"X-Recallr-Timezone": "Mars/Base"}, 422, "timezone"),
        ({"X-Recallr-Session-Timeout-Seconds": "10"}, 422, "Session-Timeout-Seconds"),
    ],
)
async def test_our_own_errors(caller: Caller, provider: Provider, changed: dict[str, str], status: int, text: str) -> None:
    """Say what is wrong, in the provider's shape and in ours, and nothing reaches the provider."""
    async with caller.client(**changed) as client:
        answer = await client.post("/v1/messages", json=CHAT)
    assert (answer.status_code, answer.json()["type"], provider.heard) == (status, "error", [])
    assert text in answer.json()["error"]["message"]
    assert answer.json()["detail"] == answer.json()["error"]["message"]
    assert answer.headers["x-should-retry"] == "false"


async def test_other_paths_pass_through(caller: Caller, provider: Provider) -> None:
    """Any verb, with query and body as they are, and without a user."""
    headers = {name: value for name, value in caller.headers.items() if "User" not in name}
    body = b'{"input" :  "x"}'
    async with httpx.AsyncClient(base_url=caller.base, headers=headers) as client:
        listed = await client.get("/v1/models?limit=2&after=%2Fx")
        embedded = await client.post("/v1/embeddings", content=body, headers={"content-type": "application/json"})
    assert [heard.path for heard in provider.heard] == ["/v1/models?limit=2&after=%2Fx", "/v1/embeddings"]
    assert (listed.status_code, embedded.status_code, provider.last.body) == (200, 200, body)
    assert listed.headers["x-recallr-memory"] == "off"


async def test_an_upload_passes_through_as_it_comes(caller: Caller, provider: Provider) -> None:
    """Without being held: it may be longer than any body that is read."""
    chunk = bytes(1024 * 1024)

    async def chunks() -> Any:
        for _ in range(40):
            yield chunk

    async def count(_request: web.Request) -> web.Response:
        return web.json_response({"bytes": len(provider.last.body)})

    provider.answer = count
    async with caller.client() as client:
        answer = await client.post("/v1/files", content=chunks())
    assert answer.json() == {"bytes": 40 * len(chunk)}


async def test_a_stranger_cannot_pass_through(caller: Caller, provider: Provider) -> None:
    """The proxy is for the holders of a key."""
    async with caller.client(**{"X-Recallr-API-Key": "rai_x"}) as client:
        answer = await client.get("/v1/models")
    assert (answer.status_code, provider.heard) == (401, [])


async def test_a_revoked_key_is_out(caller: Caller, wait_until: Waiter[Any]) -> None:
    """At once where memory is, and within a second where nothing of ours is."""
    projects = caller.service.application.projects
    async with caller.client() as client:
        assert (await client.get("/v1/models")).status_code == 200
        for key in await projects.list_keys(ProjectId(caller.project_id)):
            await projects.revoke_key(ProjectId(caller.project_id), key.key_id)
        assert (await client.post("/v1/messages", json=CHAT)).status_code == 401

        async def refused() -> bool:
            return (await client.get("/v1/models")).status_code == 401

        await wait_until(refused, "the key is refused")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"not json", b'{"messages": 1}', b'{"messages": [1]}', b'{"messages": [{"role": "user", "content": 5}]}']
)
async def test_a_body_of_unknown_shape_passes_through(caller: Caller, provider: Provider, body: bytes) -> None:
    """The provider knows best what is wrong with it; the answer says that memory could do nothing."""

    async def refuse(_request: web.Request) -> web.Response:
        return web.json_response({}, status=400)

    provider.answer = refuse
    async with caller.client() as client:
        answer = await client.post("/v1/chat/completions", content=body)
    assert (answer.headers["x-recallr-memory"], provider.last.body) == ("unsupported", body)


async def test_a_user_id_cannot_break_a_header(caller: Caller) -> None:
    """A line end in it is written as text."""
    headers = {name: value for name, value in caller.headers.items() if name != "X-Recallr-User-Id"}
    async with httpx.AsyncClient(base_url=caller.base, headers=headers) as client:
        answer = await client.post("/v1/chat/completions", json=CHAT | {"user": "a\r\nx-evil: 1"})
    assert (answer.headers["x-recallr-user-id"], "x-evil" in answer.headers) == ("a%0D%0Ax-evil%3A%201", False)


async def test_the_figures_are_kept(caller: Caller) -> None:
    """For Prometheus, by API."""
    async with caller.client() as client:
        await client.post("/v1/chat/completions", json=CHAT | {"stream": True})
    async with httpx.AsyncClient(base_url=caller.url) as client:
        figures = (await client.get("/metrics")).text
    for name in ("added_milliseconds_count", "first_token_seconds_count"):
        assert f'mneme_forward_{name}{{api="openai_chat"}}' in figures
    assert 'mneme_forward_turns_total{outcome="stored"}' in figures
    assert json.dumps(caller.user_id) not in figures
