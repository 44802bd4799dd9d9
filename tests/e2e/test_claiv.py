"""The Claiv API as its reference shows it, by curl: the examples as written, and the errors that it documents."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.serving import API_KEY, Serving, wait_until

INGEST = {"user_id": "user-123", "type": "message", "content": "User prefers dark mode and concise responses"}
RECALL = {"user_id": "user-123", "task": "What are the user preferences?", "token_budget": 2000}


@pytest.fixture(scope="module")
def serving() -> Iterator[Serving]:
    """Serve with a project and a key that the tests know."""
    with Serving() as running:
        yield running


@pytest.fixture
def http(serving: Serving) -> Iterator[httpx.Client]:
    """Return a client with the key."""
    with httpx.Client(base_url=serving.http, headers={"Authorization": f"Bearer {API_KEY}"}) as client:
        yield client


def curl(serving: Serving, path: str, body: dict[str, Any]) -> Any:
    """Return what curl prints for a POST."""
    headers = ["-H", f"Authorization: Bearer {API_KEY}", "-H", "Content-Type: application/json"]
    command = ["curl", "-sS", "-X", "POST", f"{serving.http}{path}", *headers, "-d", json.dumps(body)]
    return json.loads(subprocess.run(command, capture_output=True, check=True, timeout=30).stdout)


def test_the_documented_examples(serving: Serving) -> None:
    """An event is ingested once, and within five seconds it is a fact that cites it, in a context within the budget."""
    stored = curl(serving, "/v1/ingest", INGEST)
    assert {"event_id", "deduped"} == set(stored)
    assert {**stored, "deduped": True} == curl(serving, "/v1/ingest", INGEST)

    def recalled() -> Any:
        answer = curl(serving, "/v1/recall", RECALL)
        return answer if [block["type"] for block in answer["memory_blocks"]] == ["fact"] else None

    answer = wait_until(recalled, "the event is a fact")
    assert {"system_context", "memory_blocks", "citations", "token_estimate"} == set(answer)
    (block,) = answer["memory_blocks"]
    assert "prefers dark mode" in block["content"]
    assert 0 < block["relevance"] == block["score"] <= 1
    assert [stored["event_id"]] == answer["citations"] == block["source_ids"]
    assert block["content"] in answer["system_context"]
    assert 0 < answer["token_estimate"] <= 2000


REFUSED = [
    ("/v1/ingest", {"type": "message", "content": "x"}, 400, "invalid_request", "user_id"),
    ("/v1/ingest", {"user_id": "u", "content": "x"}, 400, "invalid_request", "type"),
    ("/v1/ingest", {"user_id": "u", "type": "note", "content": "x"}, 400, "invalid_request", "type"),
    ("/v1/ingest", {"user_id": "u", "type": "message", "content": ""}, 400, "invalid_request", "content"),
    ("/v1/ingest", {"user_id": "u", "type": "message", "content": 7}, 400, "invalid_request", "content"),
    ("/v6/ingest", {"user_id": "u", "type": "message", "content": "x", "event_time": "now"}, 400, "invalid_request",
     "event_time"),
    ("/v6/ingest", {"user_id": "u", "type": "message", "content": "x", "scope": "here"}, 400, "invalid_request", "scope"),
    ("/v6/ingest", {"user_id": "u", "type": "message", "content": "x", "scope": "project"}, 422, "unprocessable", "body"),
    ("/v1/recall", {"user_id": "u", "task": "x"}, 400, "invalid_request", "token_budget"),
    ("/v1/recall", {"user_id": "u", "task": "x", "token_budget": "500"}, 400, "invalid_request", "token_budget"),
    ("/v1/recall", {"user_id": "u", "task": "x", "token_budget": True}, 400, "invalid_request", "token_budget"),
    ("/v1/recall", {"user_id": "u", "task": "x", "token_budget": 500.5}, 400, "invalid_request", "token_budget"),
    ("/v1/recall", {"user_id": "u", "task": "x", "token_budget": 199}, 422, "unprocessable", "token_budget"),
    ("/v1/recall", {"user_id": "u", "task": "x", "token_budget": 8001}, 422, "unprocessable", "token_budget"),
    ("/v1/recall", {"user_id": "u", "task": "x", "token_budget": 10**12}, 422, "unprocessable", "token_budget"),
    ("/v1/recall", {"user_id": "u", "task": "x", "token_budget": 500, "min_confidence": 2}, 422, "unprocessable",
     "min_confidence"),
    ("/v6/recall", {"user_id": "u", "query": "x", "limits": {"document_chunks": 51}}, 422, "unprocessable",
     "limits.document_chunks"),
    ("/v6/recall/r/feedback", {"selected_ids": [], "user_rating": 6}, 422, "unprocessable", "user_rating"),
    ("/v3/recall/r/feedback", {}, 400, "invalid_request", "selected_ids"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "status", "code", "field"), REFUSED)
def test_what_is_wrong_is_told(  # noqa: PLR0917 - one row
    http: httpx.Client, path: str, body: dict[str, Any], status: int, code: str, field: str
) -> None:
    """400 for what is missing or no such value, 422 for what is out of range, each with its field."""
    answer = http.post(path, json=body)
    error = answer.json()["error"]
    assert (status, code, [field]) == (answer.status_code, error["code"], [each["field"] for each in error["details"]])


@pytest.mark.parametrize(
    ("verb", "path", "status", "code"),
    [
        ("POST", "/v1/nothing", 404, "not_found"),
        ("GET", "/v6", 404, "not_found"),
        ("GET", "/v1/ingest", 405, "method_not_allowed"),
        ("PUT", "/v6/recall", 405, "method_not_allowed"),
        ("POST", "/v6/recall/unknown/feedback", 404, "not_found"),
    ],
)
def test_there_is_no_such_thing(http: httpx.Client, verb: str, path: str, status: int, code: str) -> None:
    """Also of routes, and the id of the request is in the body and in a header."""
    answer = http.request(verb, path, json={"selected_ids": []} if verb == "POST" else None)
    error = answer.json()["error"]
    assert (status, code, answer.headers["x-request-id"]) == (answer.status_code, error["code"], error["request_id"])


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer wrong", "Basic dTpw", API_KEY])
def test_a_caller_without_a_good_key(serving: Serving, header: str | None) -> None:
    """Whatever is missing or wrong, it is 401."""
    headers = {} if header is None else {"Authorization": header}
    answer = httpx.post(f"{serving.http}/v1/recall", json=RECALL, headers=headers)
    assert (401, "unauthorized") == (answer.status_code, answer.json()["error"]["code"])


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "invalid_request"),
        (b"[]", "application/json", 400, "invalid_request"),
        (b"<x/>", "text/xml", 415, "unsupported_media_type"),
    ],
)
def test_a_body_that_is_no_object(http: httpx.Client, content: bytes, content_type: str, status: int, code: str) -> None:
    """It is refused in the shape of the surface too."""
    answer = http.post("/v1/ingest", content=content, headers={"Content-Type": content_type})
    assert (status, code) == (answer.status_code, answer.json()["error"]["code"])
