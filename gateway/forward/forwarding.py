"""One request from the client to a provider and back, with memory on both ways."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote

import orjson
from multidict import CIMultiDict

from gateway.exchange import CLIENT_CLOSED, BodyTooLarge, Exchange
from gateway.forward.headers import KeyWouldLeak, check_no_leak, upstream_headers
from gateway.forward.limits import ForwardLimits
from gateway.forward.metrics import ForwardMetrics
from gateway.forward.planning import FAILED_OPEN, MemoryUse, Plan, Planner, checked_options
from gateway.forward.problems import ProxyProblem
from gateway.forward.relay import Progress, Relay, UpstreamRequest, upload
from gateway.forward.storing import TurnQueue
from gateway.forward.target import Guard, NotAllowed, Target
from gateway.forward.turns import Credentials, turn_to_store
from gateway.forward.upstreams import error_of, upstream_of
from gateway.forward.upstreams.base import Upstream

PREFIX = b"/api/v1/forward/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What every request is forwarded with."""

    guard: Guard
    planner: Planner
    relay: Relay
    queue: TurnQueue
    limits: ForwardLimits
    metrics: ForwardMetrics


class Forwarding:
    """One request on its way."""

    def __init__(self, parts: Parts, exchange: Exchange) -> None:
        """Begin the clock."""
        self._parts = parts
        self._exchange = exchange
        self._progress = Progress(started=time.perf_counter())
        self._target: Target | None = None
        self._upstream: Upstream | None = None
        self._plan: Plan | None = None
        self._settled: asyncio.Event | None = None
        self._connecting: asyncio.Task[Exception | None] | None = None

    async def run(self) -> None:
        """Forward the request. ProxyProblem when it is refused, or when the provider does not answer."""
        exchange = self._exchange
        try:
            self._target = self._parts.guard.target(exchange.raw_path.removeprefix(PREFIX), exchange.scope["query_string"])
        except NotAllowed as error:
            raise ProxyProblem(400, f"Not forwarded: {error}") from error
        self._upstream = upstream_of(exchange.method, self._target.path)
        credentials = self._credentials()
        headers = upstream_headers(exchange.scope["headers"], readable_answer=self._upstream is not None)
        try:
            check_no_leak(headers, self._target.query, credentials.api_key)
        except KeyWouldLeak as error:
            raise ProxyProblem(400, "The key of this server belongs in X-Recallr-Api-Key and nowhere else") from error
        uploaded = asyncio.Event()
        body = await self._body(headers, uploaded)
        try:
            async with asyncio.timeout(None) as scope:
                # from before the first call on: a client that leaves while the model thinks must not pay for its answer
                watcher = asyncio.create_task(self._watch(uploaded, scope))
                try:
                    await self._exchange_with(self._target, headers, body, credentials)
                finally:
                    watcher.cancel()
                    if self._connecting is not None:
                        self._connecting.cancel()
        except TimeoutError:
            if not scope.expired():
                raise
            self._note_disconnect()
        finally:
            self._store(credentials)
            self._count()

    async def refuse(self, problem: ProxyProblem) -> None:
        """Answer with a *problem*, in the shape that client libraries of the provider read."""
        if self._exchange.status:
            return
        if self._upstream is not None:
            body = self._upstream.error(problem.status, problem.message)
        else:
            where = self._target.origin.host if self._target else self._exchange.raw_path.decode("latin-1")
            body = error_of(where, problem.status, problem.message)
        headers = self._own_headers()
        if not problem.retryable:
            headers.append((b"x-should-retry", b"false"))
        if problem.retry_after is not None:
            headers.append((b"retry-after", str(problem.retry_after).encode()))
        if problem.status == 413:
            # the rest of the body is not read, so the connection is of no further use
            headers.append((b"connection", b"close"))
        await self._exchange.answer(problem.status, orjson.dumps(body), headers=headers)

    def _credentials(self) -> Credentials:
        """Return who calls. ProxyProblem when a header is missing."""
        headers = self._exchange.headers
        key, project = headers.get(b"x-recallr-api-key", b""), headers.get(b"x-recallr-project-id", b"")
        if not key or not project:
            raise ProxyProblem(401, "API key and project id are required: send X-Recallr-Api-Key and X-Recallr-Project-Id")
        if not (key + project).isascii():
            raise ProxyProblem(401, "Invalid API key or project id")
        return Credentials(api_key=key.decode(), project_id=project.decode(), request_id=self._exchange.request_id)

    async def _body(self, headers: CIMultiDict[str], uploaded: asyncio.Event) -> bytes | AsyncIterator[bytes] | None:
        """Return the body, whole where it has to be read, else as it comes; None when there is none. ProxyProblem, ClientGone."""
        exchange = self._exchange
        if self._upstream is not None:
            uploaded.set()
            try:
                return await exchange.read_body(self._parts.limits.max_body_bytes)
            except BodyTooLarge as error:
                raise ProxyProblem(413, str(error)) from error
        length = exchange.headers.get(b"content-length", b"")
        if b"transfer-encoding" not in exchange.headers and length in (b"", b"0"):
            uploaded.set()
            return b"" if length else None
        chunk, more = await exchange.receive_chunk()
        if not more:
            # most bodies come whole with the head: to pass them on needs no task of its own
            uploaded.set()
            return chunk
        if length:
            headers["content-length"] = length.decode("latin-1")
        return upload(exchange, chunk, uploaded)

    async def _watch(self, uploaded: asyncio.Event, scope: asyncio.Timeout) -> None:
        """End *scope* when the client leaves, or some time later."""
        await uploaded.wait()
        await self._exchange.wait_until_gone()
        scope.reschedule(asyncio.get_running_loop().time() + self._parts.limits.drain.total_seconds())

    async def _exchange_with(
        self, target: Target, headers: CIMultiDict[str], body: bytes | AsyncIterator[bytes] | None, credentials: Credentials
    ) -> None:
        """Ask memory, ask the provider, pass its answer on, and keep the turn."""
        parts, exchange = self._parts, self._exchange
        if self._upstream is not None and isinstance(body, bytes):
            listen = exchange.pass_on_quota
            if parts.planner.has_met(credentials):
                self._connecting = asyncio.create_task(parts.relay.connect(target.origin.text))
            self._plan = await parts.planner.plan(self._upstream, exchange.headers, body, credentials, listen)
            body = self._plan.body
        else:
            checked_options(exchange.headers)
            await parts.planner.admit(credentials)
        request = UpstreamRequest(method=exchange.method, url=target.url, headers=headers, body=body)
        response = await parts.relay.send(request, self._progress, self._connecting)
        try:
            ended = await parts.relay.pass_on(exchange, response, self._upstream, self._progress, self._own_headers)
        finally:
            # after the end this does nothing; before it, it is what makes the provider stop
            response.close()
        if ended:
            self._store(credentials)
            # an answer with a length has ended for the client already, who may be about to send the next request behind it
            if "content-length" not in response.headers or parts.queue.is_behind:
                await self._wait_until_stored()
            await exchange.write(b"", more=False)

    async def _wait_until_stored(self) -> None:
        """Return when the turn is durable, or has taken too long to be."""
        if self._settled is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._parts.limits.store_wait.total_seconds()):
                    await self._settled.wait()

    def _store(self, credentials: Credentials) -> None:
        """Hand over what there is of the turn, once."""
        plan, progress = self._plan, self._progress
        if self._settled is not None or plan is None or plan.turn is None or progress.tee is None:
            return
        reply = progress.reply()
        if reply.truncated:
            self._parts.metrics.truncated.labels(self._api).inc()
        request = turn_to_store(plan.options, plan.user_id, plan.session_id, plan.turn, reply, broken=progress.broken)
        if request is None:
            self._plan = None
            return
        self._settled = self._parts.queue.submit(request, credentials)

    def _own_headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers that the proxy adds to every answer; those that it knows nothing for are left out."""
        plan, exchange = self._plan, self._exchange
        headers = [
            (b"x-recallr-request-id", exchange.request_id.encode()),
            (b"x-recallr-process-time", f"{self._own_milliseconds:.2f}".encode()),
            (b"x-recallr-memory", (plan.use if plan else MemoryUse.OFF).encode()),
        ]
        user_id = plan.user_id.encode() if plan else exchange.headers.get(b"x-recallr-user-id", b"")
        if user_id:
            headers.append((b"x-recallr-user-id", _header_value(user_id)))
        if plan and plan.session_id:
            headers.append((b"x-recallr-session-id", plan.session_id.encode()))
            headers.append((b"x-recallr-recall-time", f"{plan.recall.total_seconds() * 1000:.2f}".encode()))
        if plan and plan.turn and exchange.over_quota:
            headers.append((b"x-recallr-store", b"over_quota"))
        return headers

    @property
    def _own_milliseconds(self) -> float:
        """What the proxy itself took before the first byte of the answer."""
        seconds = self._progress.own_seconds or time.perf_counter() - self._progress.started
        return seconds * 1000

    @property
    def _api(self) -> str:
        return self._upstream.name if self._upstream else "other"

    def _note_disconnect(self) -> None:
        """Count a client that left."""
        phase = "mid_answer" if self._exchange.status else "before_answer"
        self._parts.metrics.disconnects.labels(self._api, phase).inc()
        if not self._exchange.status:
            self._exchange.status = CLIENT_CLOSED

    def _count(self) -> None:
        """Count what became of the request."""
        metrics, progress, plan = self._parts.metrics, self._progress, self._plan
        if progress.own_seconds:
            metrics.added_milliseconds.labels(self._api).observe(self._own_milliseconds)
        if progress.first_piece and progress.tee is not None and progress.tee.streams:
            metrics.first_token_seconds.labels(self._api).observe(progress.first_piece)
        if plan is not None and plan.use in FAILED_OPEN:
            metrics.fail_opens.labels(self._api, plan.use).inc()


def _header_value(text: bytes) -> bytes:
    """Return *text* as it is, or percent-encoded when it holds what would end a header."""
    if any(byte < 0x20 or byte == 0x7F for byte in text):
        return quote(text).encode()
    return text
