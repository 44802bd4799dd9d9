"""
The shape of an error on each surface: one function for each, which says the status too.

An answer is never empty and never anything but JSON, since client libraries parse every body.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import orjson
from mneme.v1.http_pb2 import ErrorStyle

from gateway.transcode.errors import UNPROCESSABLE, ErrorAnswer
from gateway.transcode.methods import Method
from gateway.transcode.problems import Problem

Written: TypeAlias = tuple[int, Any]
"""A status and the JSON value of a body."""
Style: TypeAlias = Callable[[ErrorAnswer, str], Written]
"""Writes an answer to the request with an id."""

BAD_REQUEST = 400
LEGAL_HOLD = "LEGAL_HOLD"
QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
BROKEN = ErrorAnswer(status=500, detail="Internal server error")
"""What is said of a request that broke the gateway itself."""

# what is no value of its kind at all, as opposed to one that is too large, too small or at odds with another
_MALFORMED = frozenset({"missing", "enum", "json_invalid", "string_unicode", "timezone_aware", "timezone_offset"})
_MALFORMED_ENDINGS = ("_type", "_parsing")

_CLAIV_CODES: Mapping[int, str] = {
    400: "invalid_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "payload_too_large",
    415: "unsupported_media_type",
    422: "unprocessable",
    429: "rate_limited",
    500: "internal_error",
    501: "not_implemented",
    503: "unavailable",
    504: "timeout",
}


def _detail_style(answer: ErrorAnswer, request_id: str) -> Written:  # noqa: ARG001 - not in this body
    """Write `{"detail": …}`."""
    return answer.status, {"detail": answer.detail}


def _claiv_style(answer: ErrorAnswer, request_id: str) -> Written:
    """Write `{"error": {"code", "message", "request_id", "details"}}`; what is no value of its kind is 400, not 422."""
    status = answer.status
    if status == UNPROCESSABLE and any(_is_malformed(problem.kind) for problem in answer.problems):
        status = BAD_REQUEST
    error: dict[str, Any] = {
        "code": _CLAIV_CODES.get(status, "internal_error"),
        "message": _message(answer),
        "request_id": request_id,
    }
    if answer.problems:
        error["details"] = [{"field": _place(problem), "message": problem.message} for problem in answer.problems]
    elif answer.reason == QUOTA_EXCEEDED:
        error |= {"code": "quota_exceeded", "details": _quota(answer.metadata)}
    elif answer.reason == LEGAL_HOLD:
        error["code"] = "legal_hold"
    elif answer.retry_after is not None:
        # clients read the delay here and not in the header
        error["details"] = {"retry_after": answer.retry_after}
    return status, {"error": error}


def _quota(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Return what is said of a quota that is used up. No delay: what is tried again in vain for a month is tried too often."""
    usage = {name: int(metadata[name]) for name in ("ingest_events", "limit") if metadata.get(name, "").isdecimal()}
    return {"plan": metadata.get("plan", ""), "reset_date": metadata.get("reset_date", ""), "usage": usage}


def _place(problem: Problem) -> str:
    """Return where a problem is: the way to the field, or the part of the request that is wrong as a whole."""
    way = () if problem.kind == "json_invalid" else problem.loc[1:]
    return ".".join(map(str, way)) or str(problem.loc[0])


def _is_malformed(kind: str) -> bool:
    return kind in _MALFORMED or kind.endswith(_MALFORMED_ENDINGS)


def _reconify_style(answer: ErrorAnswer, request_id: str) -> Written:  # noqa: ARG001 - not in this body
    """Write `{"status": "error", "message"}`; whatever is wrong with a request is 400."""
    return BAD_REQUEST if answer.status == UNPROCESSABLE else answer.status, {"status": "error", "message": _message(answer)}


def _message(answer: ErrorAnswer) -> str:
    """Return an error as one text for a person."""
    if answer.problems:
        return "; ".join(f"{_place(problem)}: {problem.message}" for problem in answer.problems)
    return str(answer.detail["message"] if isinstance(answer.detail, Mapping) else answer.detail)


STYLES: Mapping[ErrorStyle.ValueType, Style] = {
    ErrorStyle.ERROR_STYLE_DETAIL: _detail_style,
    ErrorStyle.ERROR_STYLE_CLAIV: _claiv_style,
    ErrorStyle.ERROR_STYLE_RECONIFY: _reconify_style,
}


def written(answer: ErrorAnswer, style: ErrorStyle.ValueType, request_id: str) -> tuple[int, bytes]:
    """Return status and JSON body of an *answer* in the *style* of a service."""
    status, value = STYLES[style](answer, request_id)
    return status, orjson.dumps(value)


def styles_by_place(methods: Iterable[Method]) -> Mapping[str, ErrorStyle.ValueType]:
    """Return the style of each first segment of a path below which all *methods* have one and the same."""
    found: dict[str, set[ErrorStyle.ValueType]] = {}
    for method in methods:
        for binding in method.bindings:
            found.setdefault(binding.template.segments[0], set()).add(method.error_style)
    return {segment: styles.pop() for segment, styles in found.items() if len(styles) == 1}
