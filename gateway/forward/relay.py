"""One request to a provider and its answer back, byte for byte."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import aiohttp
import orjson
from multidict import CIMultiDict
from yarl import URL

from gateway.exchange import Exchange
from gateway.forward.headers import downstream_headers
from gateway.forward.limits import ForwardLimits
from gateway.forward.problems import ProxyProblem
from gateway.forward.reply import Ending, Reply
from gateway.forward.tee import Tee
from gateway.forward.upstreams.base import Upstream

KEEP_ALIVE = timedelta(seconds=20)
"""How long an idle connection is kept: shorter than providers do, so that a request seldom meets one that is being closed."""

_BROKEN = "The connection to the provider broke off"
_NOTHING = Reply(text="", ending=Ending.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamRequest:
    """What goes to a provider. *body* None means none."""

    method: str
    url: str
    headers: CIMultiDict[str]
    body: bytes | AsyncIterator[bytes] | None


@dataclass(slots=True, kw_only=True)
class Progress:
    """
    How far an exchange has come, kept outside of it so that it outlives its cancellation.

    *own_seconds* is the time that the proxy itself took. *broken* says that the answer did not come to its end.
    """

    started: float
    own_seconds: float = 0.0
    tee: Tee | None = None
    first_piece: float = 0.0
    broken: bool = True

    def reply(self) -> Reply:
        """Return the reply as far as it was read; a failed one when there is nothing to read."""
        return self.tee.finish() if self.tee is not None else _NOTHING


class Relay:
    """Talks to providers over one pool of connections."""

    def __init__(self, session: aiohttp.ClientSession, limits: ForwardLimits) -> None:
        """Use *session*, whose connector knows which addresses may be dialled."""
        self._session = session
        self._first_byte = limits.first_byte.total_seconds()
        self._idle = limits.idle.total_seconds()
        self._answered: dict[str, float] = {}

    async def connect(self, origin: str) -> Exception | None:
        """
        Have a connection to *origin* ready, unless one is at hand from a moment ago. Return what a request would fail with.

        A client that thinks for longer than connections are kept would wait for another one after the recall.
        """
        connector = self._session.connector
        if connector is None or time.monotonic() - self._answered.get(origin, -math.inf) < KEEP_ALIVE.total_seconds():
            return None
        try:
            connection = await connector.connect(aiohttp.ClientRequest("GET", URL(origin)), [], self._session.timeout)
        except TimeoutError as error:
            return aiohttp.ConnectionTimeoutError(str(error))
        except aiohttp.ClientError as error:
            return error
        connection.release()
        return None

    async def send(
        self, request: UpstreamRequest, progress: Progress, connecting: Awaitable[Exception | None] | None = None
    ) -> aiohttp.ClientResponse:
        """
        Return the head of the answer to a request that goes out when *connecting* is over. ProxyProblem when there is none.

        Never repeated: client libraries do that.
        """
        progress.own_seconds = time.perf_counter() - progress.started
        try:
            async with asyncio.timeout(self._first_byte):
                if connecting is not None and (failure := await connecting):
                    raise failure
                return await self._session.request(
                    request.method,
                    URL(request.url, encoded=True),
                    headers=request.headers,
                    data=request.body,
                    allow_redirects=False,
                )
        except aiohttp.ConnectionTimeoutError as error:
            raise ProxyProblem(504, "The provider did not take the connection in time", retryable=True) from error
        except TimeoutError as error:
            raise ProxyProblem(504, "The provider did not begin to answer in time", retryable=True) from error
        except aiohttp.ClientConnectorError as error:
            raise ProxyProblem(502, "The provider cannot be reached", retryable=True) from error
        except aiohttp.ClientError as error:
            raise ProxyProblem(502, "The provider broke off before it answered", retryable=True) from error

    async def pass_on(
        self,
        exchange: Exchange,
        response: aiohttp.ClientResponse,
        upstream: Upstream | None,
        progress: Progress,
        own_headers: Callable[[], list[tuple[bytes, bytes]]],
    ) -> bool:
        """
        Send the answer on, without its end, and return whether it has come to its end.

        *own_headers* is called for what the proxy adds, when the head is written.
        """
        answered = time.perf_counter()
        self._answered[str(response.url.origin())] = time.monotonic()
        progress.tee = _tee(upstream, response)
        headers = downstream_headers(response.raw_headers)
        progress.own_seconds += time.perf_counter() - answered
        await exchange.begin(response.status, [*headers, *own_headers()])
        try:
            async for chunk in self._pieces(response):
                if not progress.first_piece:
                    progress.first_piece = time.perf_counter() - progress.started
                await exchange.write(chunk)
                if progress.tee is not None:
                    progress.tee.feed(chunk)
        except (aiohttp.ClientError, TimeoutError):
            await _break_off(exchange, upstream, progress.tee)
            return False
        progress.broken = False
        return True

    async def _pieces(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        """Yield the body as it comes. ClientError when it breaks off, TimeoutError when nothing comes for too long."""
        content = response.content
        while True:
            async with asyncio.timeout(self._idle):
                chunk = await content.readany()
            if not chunk:
                return
            yield chunk


async def upload(exchange: Exchange, begun: bytes, finished: asyncio.Event) -> AsyncIterator[bytes]:
    """Yield what has *begun* a body, then the rest as it comes, and set *finished* when nobody reads it any more. ClientGone."""
    chunk, more = begun, True
    try:
        while True:
            if chunk:
                yield chunk
            if not more:
                return
            chunk, more = await exchange.receive_chunk()
    finally:
        finished.set()


def _tee(upstream: Upstream | None, response: aiohttp.ClientResponse) -> Tee | None:
    """Return what reads the answer beside its relay; None when it is no turn of a conversation."""
    if upstream is None or not upstream.stores or response.status != 200:
        return None
    return Tee(
        upstream,
        content_type=response.headers.get("content-type", "").encode(),
        encoding=response.headers.get("content-encoding", "").encode(),
    )


async def _break_off(exchange: Exchange, upstream: Upstream | None, tee: Tee | None) -> None:
    """
    Tell the client of a streamed answer that it broke.

    Between two events an error event can say so. Inside of one it would become part of it, and the connection that closes without
    an end of the body says it.
    """
    if upstream is None or tee is None or not tee.streams or tee.lost or tee.inside_event:
        return
    name = b"event: %b\n" % upstream.event_name.encode() if upstream.event_name else b""
    await exchange.write(b"%bdata: %b\n\n" % (name, orjson.dumps(upstream.error_event(_BROKEN))))
