"""The ASGI application: an ordered table of mounts, and around it request ids, the access log, metrics and the last resort."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from gateway.exchange import CLIENT_CLOSED, ClientGone, Exchange, Receive, Scope, Send
from gateway.metrics import Metrics

Handler = Callable[[Exchange], Awaitable[None]]

_BROKEN = b'{"detail":"Internal server error"}'


async def _say_broken(exchange: Exchange) -> None:
    await exchange.answer(500, _BROKEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """
    A *handler* and the raw paths that it serves: all that begin with *prefix*, or, when *exact*, only *prefix* itself. *broken*
    answers when the handler broke before it had answered.
    """

    prefix: bytes
    handler: Handler
    exact: bool = False
    broken: Handler = _say_broken

    def takes(self, raw_path: bytes) -> bool:
        """Tell whether *raw_path* is served here."""
        return raw_path == self.prefix if self.exact else raw_path.startswith(self.prefix)


class Gateway:
    """Hands each request to the first mount that takes its path. The last mount must take every path."""

    def __init__(self, *, mounts: Sequence[Mount], log: FilteringBoundLogger, metrics: Metrics) -> None:
        """Serve *mounts* in their order."""
        self._mounts = tuple(mounts)
        self._log = log
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection; anything but HTTP is left alone."""
        if scope["type"] != "http":
            return
        exchange = Exchange(scope, receive, send)
        started = time.perf_counter()
        try:
            await self._handle(exchange)
        finally:
            self._record(exchange, time.perf_counter() - started)

    async def _handle(self, exchange: Exchange) -> None:
        """Let the mount answer, and answer for it when it breaks."""
        mount = next(mount for mount in self._mounts if mount.takes(exchange.raw_path))
        try:
            await mount.handler(exchange)
        except ClientGone:
            exchange.status = exchange.status or CLIENT_CLOSED
        except Exception:
            self._log.exception("request broke", request_id=exchange.request_id, route=exchange.route)
            if exchange.status:
                # the head is out; only a broken connection can still tell the client
                raise
            await mount.broken(exchange)

    def _record(self, exchange: Exchange, seconds: float) -> None:
        """Write the access log and count."""
        # cancelled by the end of the drain before anything was sent
        status = exchange.status or CLIENT_CLOSED
        self._metrics.observe(method=exchange.method, route=exchange.route, status=status, seconds=seconds)
        self._log.info(
            "request",
            method=exchange.method,
            route=exchange.route,
            status=status,
            ms=round(seconds * 1000, 2),
            request_id=exchange.request_id,
        )
