"""The error bodies of the surfaces."""

from __future__ import annotations

from typing import Any

import grpc
import orjson
import pytest
from mneme.v1.http_pb2 import ErrorStyle

from gateway.status import Failure
from gateway.transcode.errors import ErrorAnswer, answer_of, answer_of_problems
from gateway.transcode.methods import methods_of
from gateway.transcode.problems import Problem
from gateway.transcode.styles import BROKEN, STYLES, styles_by_place, written
from gateway.wiring import CONTRACT

CLAIV, RECONIFY = ErrorStyle.ERROR_STYLE_CLAIV, ErrorStyle.ERROR_STYLE_RECONIFY
Code = grpc.StatusCode


def problem(kind: str) -> Problem:
    """Return something wrong with a field."""
    return Problem(loc=("body", "limits", "document_chunks"), message="is wrong", kind=kind)


def claiv(answer: ErrorAnswer) -> tuple[int, Any]:
    """Return status and error of an answer."""
    status, body = written(answer, CLAIV, "r1")
    return status, orjson.loads(body)["error"]


def test_every_style_has_its_body() -> None:
    """No service can ask for a body that nobody writes."""
    assert set(ErrorStyle.values()) - {ErrorStyle.ERROR_STYLE_UNSPECIFIED} == set(STYLES)


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("missing", 400, "invalid_request"),
        ("string_type", 400, "invalid_request"),
        ("int_parsing", 400, "invalid_request"),
        ("enum", 400, "invalid_request"),
        ("datetime_parsing", 400, "invalid_request"),
        ("int_range", 422, "unprocessable"),
        ("too_long", 422, "unprocessable"),
        ("value_error", 422, "unprocessable"),
    ],
)
def test_what_is_no_value_at_all_is_told_from_what_is_out_of_range(kind: str, status: int, code: str) -> None:
    """400 for the one, 422 for the other; the place of each problem is in the details."""
    expected = {
        "code": code,
        "message": "limits.document_chunks: is wrong",
        "request_id": "r1",
        "details": [{"field": "limits.document_chunks", "message": "is wrong"}],
    }
    assert (status, expected) == claiv(answer_of_problems([problem(kind)]))


def test_a_text_that_is_no_json_is_wrong_as_a_whole() -> None:
    """The place of its first wrong character is no field."""
    broken = Problem(loc=("body", 7), message="is no JSON", kind="json_invalid")
    status, error = claiv(answer_of_problems([broken]))
    assert (400, [{"field": "body", "message": "is no JSON"}]) == (status, error["details"])


def test_one_malformed_value_makes_the_request_malformed() -> None:
    """Whatever else is wrong with it."""
    assert 400 == claiv(answer_of_problems([problem("value_error"), problem("missing")]))[0]


@pytest.mark.parametrize(
    ("code", "reason", "status", "word"),
    [
        (Code.UNAUTHENTICATED, "CREDENTIALS_MISSING", 401, "unauthorized"),
        (Code.PERMISSION_DENIED, "SCOPE_MISSING", 403, "forbidden"),
        (Code.NOT_FOUND, "USER_NOT_FOUND", 404, "not_found"),
        (Code.ALREADY_EXISTS, "USER_ALREADY_EXISTS", 409, "conflict"),
        (Code.INVALID_ARGUMENT, "VALIDATION_FAILED", 422, "unprocessable"),
        (Code.RESOURCE_EXHAUSTED, "RATE_LIMITED", 429, "rate_limited"),
        (Code.INTERNAL, "INTERNAL", 500, "internal_error"),
        (Code.UNAVAILABLE, "STORAGE_UNAVAILABLE", 503, "unavailable"),
    ],
)
def test_each_status_has_a_code(code: grpc.StatusCode, reason: str, status: int, word: str) -> None:
    """Programs branch on it."""
    answered, error = claiv(answer_of(Failure(code=code, message="m", reason=reason)))
    assert (status, word) == (answered, error["code"])


def test_the_delay_is_in_the_body_too() -> None:
    """Clients of the surface do not read the header."""
    answer = answer_of(Failure(code=Code.RESOURCE_EXHAUSTED, message="slow down", reason="RATE_LIMITED", retry_after=3))
    assert ({"retry_after": 3}, [(b"retry-after", b"3")]) == (claiv(answer)[1]["details"], answer.headers)


def test_a_quota_that_is_used_up_has_a_code_of_its_own() -> None:
    """With what was used, and without a delay: clients would try again in vain."""
    metadata = {"plan": "self-hosted", "reset_date": "2026-12-01T00:00:00Z", "ingest_events": "5", "limit": "5"}
    failure = Failure(code=Code.RESOURCE_EXHAUSTED, message="used up", reason="QUOTA_EXCEEDED", metadata=metadata)
    status, error = claiv(answer_of(failure))
    expected = {"plan": "self-hosted", "reset_date": "2026-12-01T00:00:00Z", "usage": {"ingest_events": 5, "limit": 5}}
    assert (429, "quota_exceeded", expected) == (status, error["code"], error["details"])


def test_what_broke_is_not_told() -> None:
    """Neither of the service nor of the gateway itself."""
    broken = answer_of(Failure(code=Code.UNKNOWN, message="secret table name"))
    assert ["Internal server error"] * 2 == [claiv(broken)[1]["message"], claiv(BROKEN)[1]["message"]]


def test_a_body_that_is_no_json_and_does_not_say_so() -> None:
    """It is told from JSON that is broken; JSON under any other name is read."""
    unread = [problem("json_invalid")]
    answers = [answer_of_problems(unread, declared) for declared in (b"text/xml", b"Application/JSON; charset=utf-8", b"")]
    assert [415, 400, 400] == [claiv(answer)[0] for answer in answers]


def test_the_body_of_reconify() -> None:
    """A status word and a message."""
    _, body = written(ErrorAnswer(status=404, detail="nothing here"), RECONIFY, "r1")
    assert {"status": "error", "message": "nothing here"} == orjson.loads(body)


def test_a_wrong_request_of_reconify_is_400() -> None:
    """Whatever is wrong with it."""
    assert 400 == written(answer_of_problems([problem("value_error")]), RECONIFY, "r1")[0]


def test_a_place_belongs_to_the_surface_that_alone_is_below_it() -> None:
    """Which tells the style of what is no route there."""
    assert ErrorStyle.ERROR_STYLE_DETAIL == styles_by_place(methods_of(CONTRACT))["api"]
