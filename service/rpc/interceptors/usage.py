"""Usage: every call is counted, and held to the limits of its project."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping

import grpc
from google.protobuf.message import Message

from service.domain.errors import DomainError, StorageUnavailable
from service.domain.ids import ProjectId
from service.domain.usage import Counts, QuotaState, UsageKind
from service.rpc.interceptors.layers import Call, Inner
from service.rpc.interceptors.metering import Metered, tokens_of
from service.rpc.mapping.usage import to_instant
from service.rpc.meter import METER
from service.usecases.usage.admit import Admit
from service.usecases.usage.record import RecordUsage

ROUTE = "x-mneme-route"
"""Metadata in which a gateway tells which of its routes a call came by."""

_NO_ERRORS = frozenset({grpc.StatusCode.OK, grpc.StatusCode.CANCELLED})


class Usage:
    """Counts what became of a call, once it is known whose it was."""

    def __init__(self, record: RecordUsage, methods: Mapping[str, Metered]) -> None:
        """Keep the use case and what each method counts as."""
        self._record = record
        self._methods = methods

    async def __call__(self, call: Call, inner: Inner) -> bytes:
        """Read requests and responses along, and count when the call is over."""
        method = self._methods[call.method]
        meter = _Meter(method)
        if call.requests is not None:
            call.requests = meter.counted(call.requests)
        call.watchers.append(meter.response)
        # not reset: a call has a context of its own
        METER.set(meter.text)
        try:
            return await inner(call)
        finally:
            if call.project_id:
                counts = meter.counts(call)
                unjudged = counts.ingest_events if not call.judged else 0
                self._record(ProjectId(call.project_id), method.endpoint(call.metadata.get(ROUTE)), counts, unjudged=unjudged)


class _Meter:
    """Sizes of one call."""

    def __init__(self, method: Metered) -> None:
        self._method = method
        self._sent = 0
        self._received = 0
        self._tokens = 0

    async def counted(self, requests: AsyncIterator[Message]) -> AsyncIterator[Message]:
        """Yield the requests of a stream."""
        async for request in requests:
            self._sent += request.ByteSize()
            yield request

    def response(self, response: Message, size: int) -> None:
        """Take note of a response of *size* bytes."""
        self._received += size
        if self._method.kind is not UsageKind.INGEST:
            self._tokens += self._method.tokens(response)

    def text(self, text: str) -> None:
        """Take note of a text that only the servicer knows."""
        self._tokens += tokens_of(text)

    def counts(self, call: Call) -> Counts:
        """Return what the call counts as. Only one that was done brought something in, and one that was cancelled is no error."""
        method, kind, request = self._method, self._method.kind, call.request
        counted = int(not method.continued)
        ingested = call.code is grpc.StatusCode.OK and kind is UsageKind.INGEST
        return Counts(
            requests=counted,
            ingest_requests=counted * (kind is UsageKind.INGEST),
            recall_requests=counted * (kind is UsageKind.RECALL),
            forget_requests=counted * (kind is UsageKind.FORGET),
            ingest_events=method.events(request) if ingested else 0,
            tokens=self._tokens + (method.tokens(request) if ingested and request is not None else 0),
            errors=int(call.code not in _NO_ERRORS),
            request_bytes=self._sent + (request.ByteSize() if request is not None else 0),
            response_bytes=self._received,
            microseconds=counted * round((time.perf_counter() - call.started) * 1_000_000),
        )


class Limits:
    """Refuses what exceeds the rate or the quota of a project, and warns of a quota that is nearly used."""

    def __init__(self, admit: Admit, methods: Mapping[str, Metered]) -> None:
        """Keep the use case and what each method counts as."""
        self._admit = admit
        self._methods = methods

    async def __call__(self, call: Call, inner: Inner) -> bytes:
        """Raise RateLimited, QuotaExceeded. What a call that is refused later did not bring in is given back."""
        method = self._methods[call.method]
        ticket = await self._admit(ProjectId(call.project_id), requests=int(not method.free), events=method.events(call.request))
        if ticket is None:
            return await inner(call)
        if ticket.quota is not None and ticket.quota.is_near:
            await call.context.send_initial_metadata(_warning(ticket.quota))
        if ticket.refusal is not None:
            raise ticket.refusal
        call.judged = ticket.quota is not None
        try:
            return await inner(call)
        except DomainError as error:
            # a store that broke off in the middle may have stored it
            if not isinstance(error, StorageUnavailable):
                await self._admit.give_back(ticket)
            raise


def _warning(quota: QuotaState) -> tuple[tuple[str, str], ...]:
    return (
        ("x-quota-warning", "approaching_limit"),
        ("x-quota-ingests-pct", str(quota.percent)),
        ("x-quota-reset-date", to_instant(quota.resets_at)),
    )
