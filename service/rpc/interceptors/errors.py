"""The one place where an error becomes a gRPC status."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import NoReturn
from urllib.parse import quote

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from service.domain.errors import (
    AlreadyExists,
    ConcurrentChange,
    DomainError,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    QuotaExceeded,
    RateLimited,
    ScopeMissing,
    StorageUnavailable,
    Violation,
    WrongState,
)
from service.rpc.interceptors.layers import Call, Inner
from service.rpc.interceptors.request_id import REQUEST_ID
from service.rpc.logger import Logger

DOMAIN = "mneme"
MISSING = "MISSING"
"""The reason of the violation of a field that had to be there."""
MAX_VIOLATIONS = 20
"""The most violations that one error lists: details travel in metadata, which clients bound to a few kilobytes."""
MAX_BYTES = 6_000
"""The most bytes of an error in the headers, of which gRPC clients take 8 KiB in all unless told otherwise."""
MAX_MESSAGE = 200
"""The characters that are left of the message of an error that is too long."""

_CODES: Mapping[type[DomainError], grpc.StatusCode] = {
    InvalidRequest: grpc.StatusCode.INVALID_ARGUMENT,
    NotAuthenticated: grpc.StatusCode.UNAUTHENTICATED,
    ScopeMissing: grpc.StatusCode.PERMISSION_DENIED,
    NotFound: grpc.StatusCode.NOT_FOUND,
    AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    WrongState: grpc.StatusCode.FAILED_PRECONDITION,
    RateLimited: grpc.StatusCode.RESOURCE_EXHAUSTED,
    QuotaExceeded: grpc.StatusCode.RESOURCE_EXHAUSTED,
    StorageUnavailable: grpc.StatusCode.UNAVAILABLE,
    ConcurrentChange: grpc.StatusCode.ABORTED,
}


class Errors:
    """Turns a DomainError into its status, and anything unforeseen into a bland INTERNAL and a full line in the log."""

    def __init__(self, log: Logger) -> None:
        """Keep the logger."""
        self._log = log

    async def __call__(self, call: Call, inner: Inner) -> bytes:
        """End the call with a status when it fails."""
        try:
            return await inner(call)
        except DomainError as error:
            call.code, call.reason = code_of(error), error.reason
            await _abort(call, error.message, details_of(error))
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # noqa: BLE001 - the boundary: whatever it is, the caller gets no detail of it
            call.code, call.reason = grpc.StatusCode.INTERNAL, "INTERNAL"
            self._log.error("rpc failed", method=call.name, request_id=call.request_id, exc_info=error)
            await _abort(call, "Internal error", [_info("INTERNAL", {"request_id": call.request_id})])


def code_of(error: DomainError) -> grpc.StatusCode:
    """Return the code of an error: that of the nearest of its classes in the table."""
    return next(_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)


def details_of(error: DomainError) -> list[Message]:
    """Return what a program needs to know of an error."""
    details: list[Message] = [_info(error.reason, error.metadata)]
    if isinstance(error, InvalidRequest) and error.violations:
        details.append(BadRequest(field_violations=map(_violation, error.violations[:MAX_VIOLATIONS])))
    if isinstance(error, RateLimited):
        details.append(RetryInfo(retry_delay=_duration(error.retry_after)))
    return details


async def _abort(call: Call, message: str, details: list[Message]) -> NoReturn:
    status = _fitting(Status(code=call.code.value[0], message=message, details=map(_packed, details)))
    trailing = ((REQUEST_ID, call.request_id), *rpc_status.to_status(status).trailing_metadata)
    await call.context.abort(call.code, status.message, trailing)


def _fitting(status: Status) -> Status:
    """Return a status that fits into the headers, at the cost of a long message first and of the details last."""
    if _size(status) > MAX_BYTES:
        status.message = status.message[:MAX_MESSAGE]
    while _size(status) > MAX_BYTES and len(status.details) > 1:
        status.details.pop()
    if _size(status) > MAX_BYTES:
        info = ErrorInfo()
        status.details[0].Unpack(info)
        status.details[0].Pack(_info(info.reason, {}))
    return status


def _size(status: Status) -> int:
    """Return the bytes that a status takes in headers: its text is sent percent-encoded, and all of it in base64."""
    details: int = status.ByteSize()
    return len(quote(status.message)) + details * 4 // 3


def _info(reason: str, metadata: Mapping[str, str]) -> ErrorInfo:
    return ErrorInfo(reason=reason, domain=DOMAIN, metadata=metadata)


def _violation(violation: Violation) -> BadRequest.FieldViolation:
    reason = MISSING if violation.missing else ""
    return BadRequest.FieldViolation(field=violation.field, description=violation.description, reason=reason)


def _duration(span: timedelta) -> Duration:
    duration = Duration()
    duration.FromTimedelta(span)
    return duration


def _packed(message: Message) -> Any:
    packed = Any()
    packed.Pack(message)
    return packed
