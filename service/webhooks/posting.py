"""Connections to endpoints. Nothing is followed, repeated or believed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from gateway.addresses import AddressRefused, Dialling
from gateway.resolving import CheckedResolver

MOST_READ = 64 * 1024
"""Bytes that are read of an answer; a connection whose answer is longer is closed."""
_HEAD_BYTES = 16 * 1024
_CONNECTIONS = 100
_LOOKUPS = 8


class PooledResolver(AbstractResolver):
    """Asks the system for names, in threads of its own: a name that nobody answers for holds up no other work of the process."""

    def __init__(self) -> None:
        """Start no thread yet."""
        self._pool = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="names")

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """Return the addresses of *host*. OSError when there are none."""
        look_up = partial(socket.getaddrinfo, host, port, family=family, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._pool, look_up)
        return [
            ResolveResult(
                hostname=host, host=str(address[0]), port=port, family=kind, proto=protocol, flags=socket.AI_NUMERICHOST
            )
            for kind, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        """Wait for nothing."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class Poster:
    """One pool of connections, to addresses that *dialling* allows; names are asked of what *resolver* makes."""

    def __init__(self, dialling: Dialling, resolver: Callable[[], AbstractResolver] | None) -> None:
        """Connect to nothing yet. To be made inside of a running loop."""
        self._resolver = CheckedResolver((resolver or PooledResolver)(), dialling)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS, resolver=self._resolver),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("Accept", "Accept-Encoding"),
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None),
            max_line_size=_HEAD_BYTES,
            max_field_size=_HEAD_BYTES,
        )

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        """Return the status and the `Retry-After` of the answer. OSError with what is wrong, for a person, when there is none."""
        try:
            async with self._session.post(URL(url, encoded=True), data=body, headers=headers, allow_redirects=False) as response:
                left = MOST_READ
                # read, so that the connection can be used again; not believed
                while left > 0 and (piece := await response.content.read(left)):
                    left -= len(piece)
                if left <= 0:
                    response.close()
                return response.status, response.headers.get("retry-after", "")
        except aiohttp.ClientError as failure:
            raise OSError(_problem(failure)) from failure

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()
        await self._resolver.close()


def _problem(failure: aiohttp.ClientError) -> str:
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
