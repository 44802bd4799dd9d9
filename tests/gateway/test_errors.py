"""Each row of the error table, as a client sees it."""

from __future__ import annotations

from typing import Any

import grpc
import httpx
import pytest
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2

from tests.gateway.conftest import OVER_BOTH
from tests.gateway.peer import Peer, Refusal, refusal, violations

pytestmark = [pytest.mark.asyncio(loop_scope="module"), OVER_BOTH]

Code = grpc.StatusCode

ROWS = [
    (refusal(Code.UNAUTHENTICATED, "Invalid API key or project id", "CREDENTIALS_INVALID"), 401, "Invalid API key or project id"),
    (refusal(Code.UNAUTHENTICATED, "required", "CREDENTIALS_MISSING"), 401, "required"),
    (refusal(Code.PERMISSION_DENIED, "lacks", "SCOPE_MISSING", scope="admin"), 403, "lacks"),
    (refusal(Code.NOT_FOUND, "User a/b not found", "USER_NOT_FOUND", user_id="a/b"), 404, "User a/b not found"),
    (refusal(Code.NOT_FOUND, "Session s not found", "SESSION_NOT_FOUND", session_id="s"), 404, "Session s not found"),
    (refusal(Code.NOT_FOUND, "Memory m not found", "MEMORY_NOT_FOUND", memory_id="m"), 404, "Memory m not found"),
    (refusal(Code.ALREADY_EXISTS, "User with ID a already exists", "USER_ALREADY_EXISTS"), 409, "User with ID a already exists"),
    (refusal(Code.ABORTED, "try again", "CONCURRENT_CHANGE"), 409, "try again"),
    (refusal(Code.FAILED_PRECONDITION, "Cannot process session with status processed", "SESSION_NOT_PROCESSABLE"), 400,
     "Cannot process session with status processed"),
    (refusal(Code.FAILED_PRECONDITION, "Cannot add message to session with status processed", "SESSION_NOT_WRITABLE"), 400,
     "Cannot add message to session with status processed"),
    (refusal(Code.NOT_FOUND, "Merge conflict c not found", "MERGE_CONFLICT_NOT_FOUND"), 404, "Merge conflict c not found"),
    (refusal(Code.FAILED_PRECONDITION, "Merge conflict c is already resolved", "MERGE_CONFLICT_ALREADY_RESOLVED"), 400,
     "Merge conflict c is already resolved"),
    (refusal(Code.INVALID_ARGUMENT, "Invalid questions provided", "MERGE_CONFLICT_INVALID_QUESTIONS"), 400,
     "Invalid questions provided"),
    (refusal(Code.INVALID_ARGUMENT, "Missing answers", "MERGE_CONFLICT_MISSING_ANSWERS"), 400, "Missing answers"),
    (refusal(Code.INVALID_ARGUMENT, "Invalid answer", "MERGE_CONFLICT_INVALID_ANSWER"), 400, "Invalid answer"),
    (refusal(Code.FAILED_PRECONDITION, "run `mneme reindex`", "INDEX_MODEL_MISMATCH"), 503, "run `mneme reindex`"),
    (refusal(Code.UNAVAILABLE, "The redis store is unavailable, try again", "STORAGE_UNAVAILABLE"), 503,
     "The redis store is unavailable, try again"),
    (refusal(Code.RESOURCE_EXHAUSTED, "Rate limit exceeded", "RATE_LIMITED"), 429, "Rate limit exceeded"),
    (refusal(Code.INTERNAL, "secret table name", "INTERNAL", request_id="x"), 500, "Internal server error"),
    (Refusal(code=Code.UNKNOWN, message="Traceback"), 500, "Internal server error"),
    (Refusal(code=Code.DATA_LOSS, message="page 7"), 500, "Internal server error"),
    (Refusal(code=Code.UNIMPLEMENTED, message="not here"), 501, "not here"),
    (Refusal(code=Code.NOT_FOUND, message="plain"), 404, "plain"),
    (Refusal(code=Code.UNAVAILABLE, message="ipv4:10.0.0.7:50051 refused"), 503, "The service is unavailable, try again"),
    (Refusal(code=Code.DEADLINE_EXCEEDED, message="in core"), 504, "The service took too long to answer"),
    (Refusal(code=Code.CANCELLED, message="going away"), 503, "The call was cancelled, try again"),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "status", "detail"), ROWS, ids=lambda value: getattr(value, "message", None))
async def test_code_and_reason_decide(http: httpx.AsyncClient, peer: Peer, reply: Refusal, status: int, detail: str) -> None:
    """A failed call is answered with the status of its reason, else of its code, and a text that is fit for the caller."""
    peer.replies["ProcessSession"] = reply

    answer = await http.post("/api/v1/users/a/sessions/s/process")

    assert (status, {"detail": detail}) == (answer.status_code, answer.json())


async def test_rate_limit_says_when(http: httpx.AsyncClient, peer: Peer) -> None:
    """The seconds in an error's metadata become Retry-After."""
    peer.replies["GetUser"] = refusal(Code.RESOURCE_EXHAUSTED, "slow down", "RATE_LIMITED", retry_after_seconds="3")

    assert "3" == (await http.get("/api/v1/users/a")).headers["retry-after"]


async def test_retry_info_beats_metadata(http: httpx.AsyncClient, peer: Peer) -> None:
    """A RetryInfo becomes Retry-After in whole seconds, rounded up."""
    retry = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=1, nanos=1))
    info = error_details_pb2.ErrorInfo(reason="RATE_LIMITED", metadata={"retry_after_seconds": "9"})
    peer.replies["GetUser"] = Refusal(code=Code.RESOURCE_EXHAUSTED, message="slow down", details=[info, retry])

    assert "2" == (await http.get("/api/v1/users/a")).headers["retry-after"]


async def test_unknown_details_are_passed_over(http: httpx.AsyncClient, peer: Peer) -> None:
    """A detail of an unknown type, or one that cannot be read, changes nothing about the error."""
    strange = any_pb2.Any(type_url="type.googleapis.com/nobody.Knows", value=b"\xff\xff")
    broken = any_pb2.Any(type_url="type.googleapis.com/google.rpc.ErrorInfo", value=b"\xff\xff")
    peer.replies["GetUser"] = Refusal(code=Code.NOT_FOUND, message="User a not found", details=[strange, broken])

    answer = await http.get("/api/v1/users/a")

    assert (404, {"detail": "User a not found"}) == (answer.status_code, answer.json())


async def test_unknown_categories_are_an_object(http: httpx.AsyncClient, peer: Peer) -> None:
    """The one 400 of the list of memories names the categories that nobody knows."""
    metadata = {"categories": '["sport","hobby"]'}
    peer.replies["ListMemories"] = refusal(Code.INVALID_ARGUMENT, "Unknown categories", "CATEGORIES_UNKNOWN", **metadata)

    answer = await http.get("/api/v1/users/a/memories?categories=sport&categories=hobby")

    expected = {"detail": {"message": "Unknown categories", "invalid_categories": ["sport", "hobby"]}}
    assert (400, expected) == (answer.status_code, answer.json())


async def test_reused_idempotency_key_is_a_violation(http: httpx.AsyncClient, peer: Peer) -> None:
    """An invalid argument without violations is still a list, of one entry whose type is the reason."""
    peer.replies["CreateUser"] = refusal(Code.INVALID_ARGUMENT, "used before", "IDEMPOTENCY_KEY_REUSED", idempotency_key="k")

    answer = await http.post("/api/v1/users", json={"custom_user_id": "a"}, headers={"Idempotency-Key": "k"})

    expected = {"detail": [{"loc": ["body"], "msg": "used before", "type": "idempotency_key_reused"}]}
    assert (422, expected) == (answer.status_code, answer.json())


LOCATIONS: list[tuple[str, str, dict[str, Any], str, list[Any], Any]] = [
    ("POST", "/api/v1/users", {"json": {"custom_user_id": ""}}, "user_id", ["body", "custom_user_id"], ""),
    ("POST", "/api/v1/users", {"json": {"user_id": ".."}}, "user_id", ["body", "user_id"], ".."),
    ("POST", "/api/v1/users", {"json": {}}, "user_id", ["body", "user_id"], None),
    ("POST", "/api/v1/users", {"json": {}, "headers": {"Idempotency-Key": "k"}}, "idempotency_key", ["header", "Idempotency-Key"],
     None),
    ("GET", "/api/v1/users?limit=500", {}, "limit", ["query", "limit"], "500"),
    ("GET", "/api/v1/users/a/sessions/s/context?min_top_k=99", {}, "options.recall.min_top_k", ["query", "min_top_k"], "99"),
    ("POST", "/api/v1/users/a/recall", {"json": {"query": "q", "min_top_k": 99}}, "options.min_top_k", ["body", "min_top_k"], 99),
    ("GET", "/api/v1/users/a/sessions/s", {}, "session_id", ["path", "session_id"], None),
    ("POST", "/api/v1/users/a/sessions/s/messages", {"json": {"messages": [{"role": "user"}, {"message": "x", "role": "user"}]}},
     "messages[1].content", ["body", "messages", 1, "message"], "x"),
    ("POST", "/api/v1/users/a/merge-conflicts/c/resolve", {"json": {"answers": {"question_answers": [{"question": ""}]}}},
     "answers.question_answers[0].question", ["body", "answers", "question_answers", 0, "question"], ""),
    ("POST", "/api/v1/users/a/merge-conflicts/c/resolve", {"json": {"answers": [{"question": ""}]}},
     "answers.question_answers[0].question", ["body", "answers", 0, "question"], ""),
    ("POST", "/api/v1/users/a/merge-conflicts/c/resolve", {"json": {"question_answers": [{"question": ""}]}},
     "answers.question_answers[0].question", ["body", "question_answers", 0, "question"], ""),
    ("POST", "/api/v1/users/a/merge-conflicts/c/resolve", {"json": {}}, "answers", ["body", "answers"], None),
    ("GET", "/api/v1/users/a/memories?categories=b&categories=c", {}, "categories[1]", ["query", "categories", 1], None),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "path", "request_", "field", "loc", "sent"), LOCATIONS, ids=lambda value: str(value)[:40])
async def test_violations_are_named_as_the_caller_does(  # noqa: PLR0917 - one row
    http: httpx.AsyncClient, peer: Peer, verb: str, path: str, request_: dict[str, Any], field: str, loc: list[Any], sent: Any
) -> None:
    """A violation that the service finds is placed in path, query, header or body, under the caller's own spelling."""
    peer.otherwise = violations((field, "is wrong"))

    answer = await http.request(verb, path, **request_)

    entry = {"loc": loc, "msg": "is wrong", "type": "value_error"} | ({} if sent is None else {"input": sent})
    assert (422, {"detail": [entry]}) == (answer.status_code, answer.json())


async def test_all_violations_are_listed(http: httpx.AsyncClient, peer: Peer) -> None:
    """Every violation of a request has an entry."""
    peer.replies["ListUsers"] = violations(("limit", "too many"), ("offset", "too low"))

    answer = await http.get("/api/v1/users?limit=900&offset=-1")

    assert [["query", "limit"], ["query", "offset"]] == [entry["loc"] for entry in answer.json()["detail"]]
