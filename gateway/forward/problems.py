"""What the proxy itself answers instead of the provider."""

from __future__ import annotations

from collections.abc import Mapping

import grpc

from gateway.status import Failure

_STATUSES: Mapping[grpc.StatusCode, int] = {
    grpc.StatusCode.INVALID_ARGUMENT: 422,
    grpc.StatusCode.OUT_OF_RANGE: 422,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
}


class ProxyProblem(Exception):
    """
    An answer of the proxy's own. *retry_after* is in whole seconds; without *retryable* client libraries are told that another
    try is useless.
    """

    def __init__(self, status: int, message: str, *, retryable: bool = False, retry_after: int | None = None) -> None:
        """Keep what is said to the client."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.retryable = retryable
        self.retry_after = retry_after


def problem_of(failure: Failure) -> ProxyProblem | None:
    """
    Return the answer for a call of the service that was refused; None when the request has to do without memory, because the call
    failed or exceeds a limit of the project: nobody's chat stops for that.
    """
    status = _STATUSES.get(failure.code)
    if status is None:
        return None
    message = failure.message
    if failure.violations:
        message = "; ".join(f"{each.field}: {each.description}" for each in failure.violations)
    return ProxyProblem(status, message)
