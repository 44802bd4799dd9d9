"""What the gateway does for every request, whatever route it takes."""

from __future__ import annotations

import asyncio
import json
import re

import httpx
import pytest
from google.protobuf.struct_pb2 import Struct
from mneme.v1.memory_pb2 import ConnectedMemoryList, Memory, MemoryVersionList
from mneme.v1.memory_service_pb2 import GetMemoryResponse
from mneme.v1.user_pb2 import User
from mneme.v1.users_service_pb2 import CreateUserResponse, GetUserResponse

from tests.gateway.conftest import MAX_BODY_BYTES
from tests.gateway.peer import Peer

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("path", ["/", "/nope", "/api/v1", "/api/v1/users/", "/api/v1//users", "/api/v1/users/a/b", "/healthz/"])
async def test_unknown_route(http: httpx.AsyncClient, path: str) -> None:
    """A path that no template has is answered with one exact plain text."""
    answer = await http.get(path)

    assert (404, b"404 page not found", "text/plain; charset=utf-8") == (
        answer.status_code,
        answer.content,
        answer.headers["content-type"],
    )


@pytest.mark.parametrize(
    ("verb", "path", "allow"),
    [
        ("PATCH", "/api/v1/users/a", "DELETE, GET, PUT"),
        ("GET", "/api/v1/users/a/sessions/s/process", "POST"),
        ("POST", "/healthz", "GET"),
        ("OPTIONS", "/api/v1/users", "GET, POST"),
    ],
)
async def test_wrong_verb(http: httpx.AsyncClient, verb: str, path: str, allow: str) -> None:
    """A known path under another verb is 405 and says which verbs there are."""
    answer = await http.request(verb, path)

    assert (405, allow, {"detail": "Method Not Allowed"}) == (answer.status_code, answer.headers["allow"], answer.json())


async def test_created_is_201(http: httpx.AsyncClient, peer: Peer) -> None:
    """A create answers with 201 and the whole object, its aliases and its nulls."""
    user = User(user_id="a", metadata=Struct())
    user.created_at.FromJsonString("2026-01-31T09:30:00.5Z")
    peer.replies["CreateUser"] = CreateUserResponse(user=user)

    answer = await http.post("/api/v1/users", json={"custom_user_id": "a"})

    expected: dict[str, object] = {
        "user_id": "a",
        "custom_user_id": "a",
        "metadata": {},
        "merge_conflict_enabled": None,
        "created_at": "2026-01-31T09:30:00.500Z",
        "last_active_at": None,
    }
    assert (201, "application/json", {"user": expected}) == (
        answer.status_code,
        answer.headers["content-type"],
        answer.json(),
    )


async def test_no_content_has_no_body(http: httpx.AsyncClient, peer: Peer) -> None:
    """A delete answers with 204, no body and no content type."""
    answer = await http.delete("/api/v1/users/a")

    assert (204, b"", False, "DeleteUser") == (
        answer.status_code,
        answer.content,
        "content-type" in answer.headers,
        peer.last.method,
    )


@pytest.mark.parametrize("path", ["/api/v1/users/a/memory/m", "/api/v1/users/a/memories/m"])
async def test_response_body_is_one_field(http: httpx.AsyncClient, peer: Peer, path: str) -> None:
    """Under both of its paths a memory is the bare object; lists that were not asked for are null, empty ones are empty."""
    memory = Memory(memory_id="m", connected_memories=ConnectedMemoryList(), previous_versions=MemoryVersionList())
    memory.ClearField("previous_versions")
    peer.replies["GetMemory"] = GetMemoryResponse(memory=memory)

    body = (await http.get(path)).json()

    assert ("m", None, []) == (body["memory_id"], body["previous_versions"], body["connected_memories"])


@pytest.mark.parametrize("content", [b"{", b"nope", b'{"a": NaN}', b"\xff", b'{"a": "\\ud800"}', b"[" * 65 + b"]" * 65])
async def test_malformed_json(http: httpx.AsyncClient, peer: Peer, content: bytes) -> None:
    """A body that is no JSON that we take is 422, with the place where it goes wrong."""
    answer = await http.post("/api/v1/users", content=content)

    entry = answer.json()["detail"][0]
    assert (422, "json_invalid", "body", []) == (answer.status_code, entry["type"], entry["loc"][0], peer.calls)


@pytest.mark.parametrize("content", [b"[]", b'"a"', b"3", b"null", b"true"])
async def test_body_must_be_an_object(http: httpx.AsyncClient, peer: Peer, content: bytes) -> None:
    """A body of another kind of JSON is 422."""
    answer = await http.post("/api/v1/users", content=content)

    assert (422, ["body"], []) == (answer.status_code, answer.json()["detail"][0]["loc"], peer.calls)


async def test_body_too_large(http: httpx.AsyncClient, peer: Peer) -> None:
    """A body over the limit is 413 in JSON, and the service is not called."""
    answer = await http.post("/api/v1/users", content=b" " * (MAX_BODY_BYTES + 1))

    assert (413, {"detail": f"Request body is larger than {MAX_BODY_BYTES} bytes"}, []) == (
        answer.status_code,
        answer.json(),
        peer.calls,
    )


async def test_chunked_body_too_large(http: httpx.AsyncClient) -> None:
    """A body that does not say its length is counted as it comes."""

    async def chunks() -> object:
        for _ in range(3):
            yield b" " * (MAX_BODY_BYTES // 2)

    assert 413 == (await http.post("/api/v1/users", content=chunks())).status_code  # type: ignore[arg-type] # an async generator


async def test_body_at_the_limit(http: httpx.AsyncClient, peer: Peer) -> None:
    """A body of exactly the limit is taken."""
    message = "x" * (MAX_BODY_BYTES - len('{"message":"","role":"user"}'))

    answer = await http.post("/api/v1/users/a/sessions/s/add-message", content=f'{{"message":"{message}","role":"user"}}')

    assert (200, message) == (answer.status_code, peer.last.request.message)


async def test_head_too_large(http: httpx.AsyncClient) -> None:
    """Headers over the limit are 431 in JSON."""
    answer = await http.get("/healthz", headers={"X-Long": "x" * 20_000})

    assert (431, {"detail": "Request header fields are too large"}) == (answer.status_code, answer.json())


async def test_no_http_at_all(url: str) -> None:
    """What is no HTTP gets a 400 in JSON."""
    reader, writer = await asyncio.open_connection(httpx.URL(url).host, httpx.URL(url).port)
    writer.write(b"\x16\x03\x01 hello\r\n\r\n")

    head, _, body = (await reader.read()).partition(b"\r\n\r\n")

    writer.close()
    assert (b"HTTP/1.1 400 Bad Request", {"detail": "Invalid HTTP request"}) == (head.split(b"\r\n")[0], json.loads(body))


async def test_request_id_is_made(http: httpx.AsyncClient, peer: Peer) -> None:
    """Every answer has a request id, the one that the service heard."""
    answer = await http.get("/api/v1/users/a")

    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])
    assert answer.headers["x-request-id"] == peer.last.metadata["x-request-id"]


@pytest.mark.parametrize(
    ("given", "kept"), [("my-id:1.2_3", True), ("x" * 128, True), ("x" * 129, False), ("a b", False), ("", False)]
)
async def test_request_id_of_the_caller(http: httpx.AsyncClient, given: str, kept: bool) -> None:  # noqa: FBT001 - a row
    """A caller's own request id is kept when it is short and plain."""
    answer = await http.get("/nope", headers={"X-Request-Id": given})

    assert kept == (answer.headers["x-request-id"] == given)


async def test_error_answers_have_a_request_id(http: httpx.AsyncClient) -> None:
    """An error can be found in the log too."""
    assert "r1" == (await http.get("/api/v1/users?limit=x", headers={"X-Request-Id": "r1"})).headers["x-request-id"]


async def test_server_names_nobody(http: httpx.AsyncClient) -> None:
    """The answer does not say which program gave it."""
    assert "server" not in (await http.get("/healthz")).headers


async def test_live_and_ready(http: httpx.AsyncClient) -> None:
    """With the service there, both health checks are good."""
    assert [200, 200] == [(await http.get(path)).status_code for path in ("/healthz", "/readyz")]
    assert (await http.get("/healthz")).json()["ok"] is True


async def test_metrics_count_by_template(http: httpx.AsyncClient, peer: Peer) -> None:
    """Requests are counted by verb, route template and status, never by id."""
    peer.replies["GetUser"] = GetUserResponse()
    await http.get("/api/v1/users/very-private")

    text = (await http.get("/metrics")).text

    assert 'mneme_gateway_requests_total{method="GET",route="/api/v1/users/{user_id}",status="200"}' in text
    assert "very-private" not in text


async def test_docs_need_nobody_else(http: httpx.AsyncClient) -> None:
    """The documentation page loads nothing from another host."""
    page = await http.get("/docs")

    assert ("text/html; charset=utf-8", []) == (page.headers["content-type"], re.findall(r"https?://", page.text))


async def test_page_of_a_broken_answer_is_json(http: httpx.AsyncClient, peer: Peer) -> None:
    """When the gateway itself breaks, here on a time that no calendar has, the client gets a bland 500 in JSON."""
    broken = User()
    broken.created_at.seconds = 2**62
    peer.replies["GetUser"] = GetUserResponse(user=broken)

    answer = await http.get("/api/v1/users/a")

    assert (500, {"detail": "Internal server error"}) == (answer.status_code, answer.json())


async def test_a_body_that_is_too_long_for_another_surface(http: httpx.AsyncClient) -> None:
    """It is refused in the shape of that surface."""
    answer = await http.post("/v1/ingest", content=b" " * (MAX_BODY_BYTES + 1))
    assert (413, "payload_too_large") == (answer.status_code, answer.json()["error"]["code"])
