"""What a failed call of the service says: the code, and the details of its `google.rpc.Status`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

_DETAILS_KEY = "grpc-status-details-bin"

# what grpc itself says here names addresses and internals
_OWN_WORDS = {
    grpc.StatusCode.UNAVAILABLE: "The service is unavailable, try again",
    grpc.StatusCode.CANCELLED: "The call was cancelled, try again",
    grpc.StatusCode.DEADLINE_EXCEEDED: "The service took too long to answer",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "The service is overloaded or the message is too large",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldViolation:
    """One broken rule: the *field* path in the request message, a *description* for a person and a *kind* for programs."""

    field: str
    description: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """
    Why a call failed.

    *reason* and *metadata* are those of the ErrorInfo, empty without one. *retry_after* is in whole seconds. *answered* says that
    the service itself spoke, not the connection to it.
    """

    code: grpc.StatusCode
    message: str
    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: tuple[FieldViolation, ...] = ()
    retry_after: int | None = None
    answered: bool = False


class CallFailed(Exception):
    """A call of the service failed."""

    def __init__(self, failure: Failure) -> None:
        """Keep the *failure*."""
        super().__init__(f"{failure.code.name}: {failure.message}")
        self.failure = failure


def unreachable() -> Failure:
    """Return the failure of a call that was never sent."""
    return Failure(code=grpc.StatusCode.UNAVAILABLE, message=_OWN_WORDS[grpc.StatusCode.UNAVAILABLE])


def failure_of(error: grpc.aio.AioRpcError) -> Failure:
    """Read an *error* of the channel. Details that cannot be read or are of unknown types are passed over."""
    code = error.code()
    status = _status(error)
    if status is None:
        return Failure(code=code, message=_OWN_WORDS.get(code) or error.details() or code.name)
    info, bad_request, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    for detail in status.details:
        for target in (info, bad_request, retry):
            _unpack(detail, target)
    return Failure(
        code=code,
        message=status.message or error.details() or code.name,
        reason=info.reason,
        metadata=dict(info.metadata),
        violations=tuple(
            FieldViolation(field=each.field, description=each.description, kind=each.reason.lower() or "value_error")
            for each in bad_request.field_violations
        ),
        retry_after=_retry_after(retry, info),
        answered=True,
    )


def _status(error: grpc.aio.AioRpcError) -> status_pb2.Status | None:
    """Return the status in the trailers; None when there is none or it cannot be read."""
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            try:
                return status_pb2.Status.FromString(value)
            except DecodeError:
                return None
    return None


def _unpack(detail: Any, target: Message) -> None:
    """Read an Any into *target* when it is of that type and whole."""
    if detail.Is(target.DESCRIPTOR):
        try:
            detail.Unpack(target)
        except DecodeError:
            target.Clear()


def _retry_after(retry: error_details_pb2.RetryInfo, info: error_details_pb2.ErrorInfo) -> int | None:
    """Return the seconds to wait, at least 1 and rounded up, from a RetryInfo or the ErrorInfo's metadata."""
    if retry.HasField("retry_delay"):
        delay = retry.retry_delay
        return max(1, int(delay.seconds) + bool(delay.nanos))
    seconds = str(dict(info.metadata).get("retry_after_seconds", ""))
    return max(1, int(seconds)) if seconds.isdecimal() else None
