"""Posts events: the answer is a status, and a time to wait if it names one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from service.domain.errors import InvalidRequest
from service.domain.webhooks import Response
from service.webhooks.endpoints import Endpoints

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

    from service.webhooks.posting import Poster

TIMEOUT = timedelta(seconds=15)
"""From the first packet to the end of what is read of the answer."""


class HttpSender:
    """Implements `WebhookSender`. Connections are kept for the next event, those to listed and to public origins apart."""

    def __init__(
        self,
        origins: Iterable[str] = (),
        *,
        timeout: timedelta = TIMEOUT,
        resolver: Callable[[], AbstractResolver] | None = None,
    ) -> None:
        """
        Connect to nothing yet; *origins* are listed by the operator, names are asked of what *resolver* makes, or the system.

        ValueError for an origin that must not be listed.
        """
        self._endpoints = Endpoints(origins)
        self._timeout = timeout.total_seconds()
        self._resolver = resolver
        self._posters: dict[bool, Poster] = {}

    def check(self, url: str) -> None:
        """Raise InvalidRequest for a URL that nothing is sent to, whatever it leads to."""
        self._endpoints.read(url)

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Post *body* and return the answer. Never raises for what the network or the endpoint does."""
        try:
            poster = await self._poster(listed=self._endpoints.read(url).listed)
        except InvalidRequest as refusal:
            return Response(status=None, error=refusal.message)
        loop = asyncio.get_running_loop()
        started = loop.time()
        status, error, retry_after = None, "", ""
        try:
            async with asyncio.timeout(self._timeout):
                status, retry_after = await poster.post(url, headers, body)
        except TimeoutError:
            error = f"no answer within {self._timeout:g} s"
        except OSError as failure:
            error = str(failure)
        took = timedelta(seconds=round(loop.time() - started, 3))
        return Response(status=status, error=error, retry_after=_span(retry_after), took=took)

    async def aclose(self) -> None:
        """Close the connections."""
        for poster in self._posters.values():
            await poster.close()
        self._posters.clear()

    async def _poster(self, *, listed: bool) -> Poster:
        if not self._posters:
            await asyncio.to_thread(_poster_class)
        if listed not in self._posters:
            self._posters[listed] = _poster_class()(self._endpoints.dialling(listed=listed), self._resolver)
        return self._posters[listed]


def _poster_class() -> type[Poster]:
    """Import what posts, beside the loop the first time: its driver takes long, and commands that post nothing do without."""
    from service.webhooks.posting import Poster  # noqa: PLC0415 - see above

    return Poster


def _span(text: str) -> timedelta | None:
    """Return the time that an answer asks to wait for, in seconds or until a date; None when it names none."""
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return timedelta(seconds=int(text))
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(timedelta(0), until - datetime.now(UTC)) if until.tzinfo else None
