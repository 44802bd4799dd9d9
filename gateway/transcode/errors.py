"""
Errors to HTTP: one table from code and reason to status, one function for each shape of body.

An answer is never empty and never anything but JSON, since client libraries parse every body. A validation error is always 422:
libraries take a 400 on some routes for one particular error and would stumble over another body.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import orjson
from mneme.v1.http_pb2 import ErrorStyle

from gateway.status import Failure
from gateway.transcode.binding import Bound
from gateway.transcode.problems import Problem

STATUS_OF_CODE: Mapping[grpc.StatusCode, int] = {
    grpc.StatusCode.INVALID_ARGUMENT: 422,
    grpc.StatusCode.OUT_OF_RANGE: 422,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.CANCELLED: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}
# a reason beats its code
STATUS_OF_REASON: Mapping[str, int] = {
    "CATEGORIES_UNKNOWN": 400,
    # libraries tell these by their texts, and take a 422 for something else
    "MERGE_CONFLICT_INVALID_QUESTIONS": 400,
    "MERGE_CONFLICT_MISSING_ANSWERS": 400,
    "MERGE_CONFLICT_INVALID_ANSWER": 400,
    # nothing that the caller did: the operator has to act
    "INDEX_MODEL_MISMATCH": 503,
}
UNPROCESSABLE = 422
INTERNAL = 500
INTERNAL_MESSAGE = "Internal server error"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorAnswer:
    """An error as HTTP. *detail* is a text, a list of violations or an object."""

    status: int
    detail: Any
    headers: Sequence[tuple[bytes, bytes]] = ()


def answer_of(failure: Failure, bound: Bound | None = None) -> ErrorAnswer:
    """Return the answer for a failed call. *bound* tells where the caller put each field that is complained of."""
    status = STATUS_OF_REASON.get(failure.reason) or STATUS_OF_CODE.get(failure.code, INTERNAL)
    headers = [(b"retry-after", str(failure.retry_after).encode())] if failure.retry_after is not None else []
    return ErrorAnswer(status=status, detail=_detail(failure, status, bound), headers=headers)


def answer_of_problems(problems: Sequence[Problem]) -> ErrorAnswer:
    """Return the answer for a request that could not be read."""
    return ErrorAnswer(status=UNPROCESSABLE, detail=[problem.as_json() for problem in problems])


def text_of(failure: Failure) -> str:
    """Return what a person may read of a *failure*: nothing of what broke inside."""
    known = failure.reason in STATUS_OF_REASON or failure.code in STATUS_OF_CODE
    return failure.message if known else INTERNAL_MESSAGE


def _detail(failure: Failure, status: int, bound: Bound | None) -> Any:
    """Return the detail of a *failure* that is answered with *status*."""
    if failure.reason == "CATEGORIES_UNKNOWN":
        return {"message": failure.message, "invalid_categories": _string_list(failure.metadata.get("categories", ""))}
    if status != UNPROCESSABLE:
        return text_of(failure)
    if bound is None or not failure.violations:
        kind = failure.reason.lower() or "value_error"
        return [Problem(loc=("body",), message=failure.message, kind=kind).as_json()]
    return [bound.problem(each.field, each.description, each.kind).as_json() for each in failure.violations]


def _string_list(text: str) -> list[str]:
    """Return the strings of a JSON array; none when *text* is no such thing."""
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError:
        return []
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def _detail_style(answer: ErrorAnswer) -> Any:
    """Write `{"detail": …}`."""
    return {"detail": answer.detail}


STYLES: Mapping[ErrorStyle.ValueType, Callable[[ErrorAnswer], Any]] = {
    ErrorStyle.ERROR_STYLE_DETAIL: _detail_style,
}


def body_of(answer: ErrorAnswer, style: ErrorStyle.ValueType = ErrorStyle.ERROR_STYLE_DETAIL) -> bytes:
    """Return the JSON body of an *answer* in the *style* of a service."""
    return orjson.dumps(STYLES[style](answer))
