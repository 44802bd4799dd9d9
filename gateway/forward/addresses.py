"""Which addresses may be dialled, and a resolver that gives no other. The address that is checked is the one that is dialled."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from aiohttp.abc import AbstractResolver, ResolveResult

# `is_global` says True for these: 6to4 and NAT64 carry an IPv4 address, the third is for the protocols themselves
_NOT_PUBLIC = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "192.0.0.0/24")))


class AddressRefused(OSError):
    """A name led to an address that must not be dialled."""


def is_public(address: str) -> bool:
    """Tell whether a literal *address* can be one of a public server."""
    parsed = _plain(address)
    if not parsed.is_global or parsed.is_multicast or parsed.is_reserved:
        return False
    return not any(parsed in network for network in _NOT_PUBLIC if network.version == parsed.version)


def is_loopback(host: str) -> bool:
    """Tell whether *host*, a name or a literal address, is this machine."""
    if host == "localhost":
        return True
    try:
        return _plain(host).is_loopback
    except ValueError:
        return False


def _plain(address: str) -> IPv4Address | IPv6Address:
    """Return the *address*, as IPv4 when it is one in the clothes of IPv6. ValueError for a name."""
    parsed = ip_address(address.partition("%")[0])
    return parsed.ipv4_mapped or parsed if isinstance(parsed, IPv6Address) else parsed


class CheckedResolver(AbstractResolver):
    """Resolves names by another resolver, and refuses a name if any address of it must not be dialled."""

    def __init__(self, resolver: AbstractResolver, *, loopback_hosts: frozenset[str]) -> None:
        """Ask *resolver*; *loopback_hosts* must lead to this machine, and every other name to a public server."""
        self._resolver = resolver
        self._loopback_hosts = loopback_hosts

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """Return the addresses of *host*. AddressRefused, or another OSError when there are none."""
        found = await self._resolver.resolve(host, port, family)
        allowed = is_loopback if host in self._loopback_hosts else is_public
        if not all(allowed(each["host"]) for each in found):
            raise AddressRefused(f"{host} resolves to an address that is refused")
        return found

    async def close(self) -> None:
        """Close the resolver behind this one."""
        await self._resolver.close()
