"""The forward proxy as a handler of the gateway, and what it is made of."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import aiohttp
from aiohttp.resolver import DefaultResolver
from prometheus_client import CollectorRegistry
from structlog.typing import FilteringBoundLogger

from gateway.client import ServiceClient
from gateway.exchange import Exchange
from gateway.forward.forwarding import PREFIX, Forwarding, Parts
from gateway.forward.limits import ForwardLimits
from gateway.forward.metrics import ForwardMetrics
from gateway.forward.planning import Planner
from gateway.forward.problems import ProxyProblem
from gateway.forward.relay import KEEP_ALIVE, Relay
from gateway.forward.storing import running_queue
from gateway.forward.target import Guard
from gateway.forward.turns import ROUTE, TurnsClient
from gateway.resolving import CheckedResolver

__all__ = ["PREFIX", "ForwardProxy", "open_forward"]

_HEAD_BYTES = 65_536


class ForwardProxy:
    """Forwards requests to the providers that the operator allows, and gives those of their APIs that it knows a memory."""

    def __init__(self, parts: Parts) -> None:
        """Forward with *parts*."""
        self._parts = parts
        self._running = 0

    async def __call__(self, exchange: Exchange) -> None:
        """Serve one request."""
        exchange.route = ROUTE
        # one of our own, since clients repeat theirs when they try again
        exchange.request_id = os.urandom(16).hex()
        forwarding = Forwarding(self._parts, exchange)
        self._running += 1
        try:
            self._check_load()
            await forwarding.run()
        except ProxyProblem as problem:
            await forwarding.refuse(problem)
        finally:
            self._running -= 1

    def _check_load(self) -> None:
        """Raise ProxyProblem when one request too many runs."""
        if self._running > self._parts.limits.max_requests:
            raise ProxyProblem(503, "Too many requests are being forwarded", retryable=True, retry_after=1)


@asynccontextmanager
async def open_forward(
    client: ServiceClient,
    *,
    origins: Sequence[str],
    limits: ForwardLimits,
    registry: CollectorRegistry,
    log: FilteringBoundLogger,
    drain: timedelta,
) -> AsyncIterator[ForwardProxy]:
    """
    Yield a proxy to *origins*. On leaving, turns that wait have *drain* to be stored.

    ValueError for an origin that must not be forwarded to.
    """
    guard = Guard(origins)
    metrics = ForwardMetrics(registry)
    turns = TurnsClient(client, recall=limits.recall)
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(_open_session(guard, limits))
        queue = await stack.enter_async_context(running_queue(turns.store, metrics=metrics, log=log, drain=drain))
        yield ForwardProxy(
            Parts(
                guard=guard,
                planner=Planner(turns),
                relay=Relay(session, limits),
                queue=queue,
                limits=limits,
                metrics=metrics,
            )
        )


@asynccontextmanager
async def _open_session(guard: Guard, limits: ForwardLimits) -> AsyncIterator[aiohttp.ClientSession]:
    """Yield the pool of connections to the providers: it adds nothing to a request and follows nothing in an answer."""
    resolver = CheckedResolver(DefaultResolver(), guard.dialling)
    connector = aiohttp.TCPConnector(limit=0, resolver=resolver, keepalive_timeout=KEEP_ALIVE.total_seconds())
    try:
        async with aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=limits.connect.total_seconds()),
            max_line_size=_HEAD_BYTES,
            max_field_size=_HEAD_BYTES,
        ) as session:
            yield session
    finally:
        await resolver.close()
