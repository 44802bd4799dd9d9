"""A resolver that gives no address that must not be dialled."""

from __future__ import annotations

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from gateway.addresses import Dialling


class CheckedResolver(AbstractResolver):
    """Resolves names by another resolver, and refuses a name if any address of it must not be dialled."""

    def __init__(self, resolver: AbstractResolver, dialling: Dialling) -> None:
        """Ask *resolver*, and *dialling* about its answers."""
        self._resolver = resolver
        self._dialling = dialling

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """Return the addresses of *host*. AddressRefused, or another OSError when there are none."""
        found = await self._resolver.resolve(host, port, family)
        self._dialling.check(host, [each["host"] for each in found])
        return found

    async def close(self) -> None:
        """Close the resolver behind this one."""
        await self._resolver.close()
