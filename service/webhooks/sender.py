"""Posts events. Nothing is followed, repeated or believed: the answer is a status, and a time to wait if it names one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.resolver import DefaultResolver
from yarl import URL

from gateway.addresses import AddressRefused, CheckedResolver
from service.domain.errors import InvalidRequest
from service.domain.webhooks import Response
from service.webhooks.endpoints import Endpoint, Endpoints

TIMEOUT = timedelta(seconds=15)
"""From the first packet to the end of what is read of the answer."""
MOST_READ = 64 * 1024
"""Bytes that are read of an answer; a connection whose answer is longer is closed."""
_HEAD_BYTES = 16 * 1024
_CONNECTIONS = 100


class HttpSender:
    """Implements `WebhookSender`. Connections are kept for the next event, those to listed and to public origins apart."""

    def __init__(
        self,
        origins: Iterable[str] = (),
        *,
        timeout: timedelta = TIMEOUT,
        resolver: Callable[[], AbstractResolver] = DefaultResolver,
    ) -> None:
        """
        Connect to nothing yet; *origins* are listed by the operator, and names are asked of what *resolver* makes.

        ValueError for an origin that must not be listed.
        """
        self._endpoints = Endpoints(origins)
        self._timeout = timeout.total_seconds()
        self._resolver = resolver
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    def check(self, url: str) -> None:
        """Raise InvalidRequest for a URL that nothing is sent to, whatever it leads to."""
        self._endpoints.read(url)

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Post *body* and return the answer. Never raises for what the network or the endpoint does."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        status, error, retry_after = None, "", None
        try:
            endpoint = self._endpoints.read(url)
            async with asyncio.timeout(self._timeout):
                status, retry_after = await self._post(endpoint, headers, body)
        except InvalidRequest as refusal:
            error = refusal.message
        except TimeoutError:
            error = f"no answer within {self._timeout:g} s"
        except (aiohttp.ClientError, OSError) as failure:
            error = _problem(failure)
        return Response(
            status=status, error=error, retry_after=retry_after, took=timedelta(seconds=round(loop.time() - started, 3))
        )

    async def aclose(self) -> None:
        """Close the connections."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    async def _post(self, endpoint: Endpoint, headers: Mapping[str, str], body: bytes) -> tuple[int, timedelta | None]:
        session = self._session(listed=endpoint.listed)
        url = URL(endpoint.url, encoded=True)
        async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
            left = MOST_READ
            # read, so that the connection can be used again; not believed
            while left > 0 and (piece := await response.content.read(left)):
                left -= len(piece)
            if left <= 0:
                response.close()
            return response.status, _retry_after(response.headers.get("retry-after", ""))

    def _session(self, *, listed: bool) -> aiohttp.ClientSession:
        if listed not in self._sessions:
            hosts = self._endpoints
            resolver = CheckedResolver(
                self._resolver(),
                loopback_hosts=hosts.loopback_hosts if listed else frozenset(),
                private_hosts=hosts.private_hosts if listed else frozenset(),
            )
            self._sessions[listed] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS, resolver=resolver),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("Accept", "Accept-Encoding"),
                trust_env=False,
                timeout=aiohttp.ClientTimeout(total=None),
                max_line_size=_HEAD_BYTES,
                max_field_size=_HEAD_BYTES,
            )
        return self._sessions[listed]


def _problem(failure: aiohttp.ClientError | OSError) -> str:
    """Return for a person why there is no answer."""
    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, AddressRefused):
            return "its name leads to an address that is refused"
        cause = cause.__cause__ or getattr(cause, "os_error", None)
    if isinstance(failure, aiohttp.ClientSSLError):
        return "its certificate is refused"
    if isinstance(failure, aiohttp.ClientConnectorDNSError):
        return "its name is unknown"
    if isinstance(failure, aiohttp.ClientConnectorError):
        return "it cannot be reached"
    return "it broke off before it answered"


def _retry_after(text: str) -> timedelta | None:
    """Return the time that an answer asks to wait for, in seconds or until a date; None when it names none."""
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return timedelta(seconds=int(text))
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(timedelta(0), until - datetime.now(UTC)) if until.tzinfo else None
