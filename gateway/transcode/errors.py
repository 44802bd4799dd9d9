"""
Errors to HTTP: one table from code and reason to status. What a surface makes of it is said in `styles`.

A validation error is 422: libraries take a 400 on some routes for one particular error and would stumble over another body.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
import orjson

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
    "DOCUMENT_TOO_LARGE": 413,
    "LEGAL_HOLD": 409,
    # nothing that the caller did: the operator has to act
    "INDEX_MODEL_MISMATCH": 503,
}
UNPROCESSABLE = 422
UNSUPPORTED = 415
INTERNAL = 500
INTERNAL_MESSAGE = "Internal server error"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorAnswer:
    """
    An error as HTTP. *detail* is a text, a list of violations or an object; *problems* are the violations one by one.

    *reason* is that of the failed call, empty without one; *metadata* and *retry_after*, in seconds, are the call's own.
    """

    status: int
    detail: Any
    headers: Sequence[tuple[bytes, bytes]] = ()
    problems: Sequence[Problem] = ()
    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    retry_after: int | None = None


def answer_of(failure: Failure, bound: Bound | None = None) -> ErrorAnswer:
    """Return the answer for a failed call. *bound* tells where the caller put each field that is complained of."""
    status = STATUS_OF_REASON.get(failure.reason) or STATUS_OF_CODE.get(failure.code, INTERNAL)
    problems = _problems(failure, bound) if status == UNPROCESSABLE else ()
    return ErrorAnswer(
        status=status,
        detail=[problem.as_json() for problem in problems] or _detail(failure),
        headers=[(b"retry-after", str(failure.retry_after).encode())] if failure.retry_after is not None else [],
        problems=problems,
        reason=failure.reason,
        metadata=failure.metadata,
        retry_after=failure.retry_after,
    )


def answer_of_problems(problems: Sequence[Problem], content_type: bytes = b"") -> ErrorAnswer:
    """Return the answer for a request that could not be read and said that its body is of this *content_type*."""
    if content_type and b"json" not in content_type.lower() and any(problem.kind == "json_invalid" for problem in problems):
        return ErrorAnswer(status=UNSUPPORTED, detail="The body must be JSON, sent as application/json")
    return ErrorAnswer(status=UNPROCESSABLE, detail=[problem.as_json() for problem in problems], problems=problems)


def text_of(failure: Failure) -> str:
    """Return what a person may read of a *failure*: nothing of what broke inside."""
    known = failure.reason in STATUS_OF_REASON or failure.code in STATUS_OF_CODE
    return failure.message if known else INTERNAL_MESSAGE


def _detail(failure: Failure) -> Any:
    """Return what is said of a *failure* that is about no field."""
    if failure.reason == "CATEGORIES_UNKNOWN":
        return {"message": failure.message, "invalid_categories": _string_list(failure.metadata.get("categories", ""))}
    return text_of(failure)


def _problems(failure: Failure, bound: Bound | None) -> Sequence[Problem]:
    """Return what is wrong with the fields of a request; of one about which no more is known, that it is wrong."""
    if bound is None or not failure.violations:
        return [Problem(loc=("body",), message=failure.message, kind=failure.reason.lower() or "value_error")]
    return [bound.problem(each.field, each.description, each.kind) for each in failure.violations]


def _string_list(text: str) -> list[str]:
    """Return the strings of a JSON array; none when *text* is no such thing."""
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError:
        return []
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
