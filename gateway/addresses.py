"""
The guard of requests that leave this machine: which origins and addresses may be dialled.

The address that is checked is the one that is dialled, so a name that is bound anew after the check leads nowhere: `resolving`
sees to that. These two modules stand alone: the service uses them too, for webhooks (docs/decisions/0010-webhooks.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

AUTHORITY = re.compile(rb"[a-z0-9.\-]+(?::[0-9]{1,5})?|\[[0-9a-f:]+\](?::[0-9]{1,5})?", re.IGNORECASE)
"""A plain host, name or address, and a port: no user, nothing encoded."""

_ORIGIN = re.compile(r"https?://[^/]", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}
# `is_global` says True for these: 6to4 and NAT64 carry an IPv4 address, the third is for the protocols themselves
_NOT_PUBLIC = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "192.0.0.0/24")))


class AddressRefused(OSError):
    """A name led to an address that must not be dialled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A place that requests may go to. *text* is `scheme://host[:port]` in lower case."""

    text: str
    host: str
    loopback: bool


def read_origin(text: str, *, private: bool = False) -> Origin:
    """
    Read an origin that the operator allows: https, or any on this machine. With *private* also any of a private network.

    ValueError for one that must not be.
    """
    parts = urlsplit(text)
    host = parts.hostname or ""
    plain = _ORIGIN.match(text) and AUTHORITY.fullmatch(parts.netloc.encode())
    if not plain or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"{text!r} is no origin: scheme://host[:port]")
    loopback = is_loopback(host)
    if parts.scheme.lower() != "https" and not loopback and not private:
        raise ValueError(f"{text!r} must be https, since it is not on this machine")
    if is_literal(host) and not (loopback or is_public(host) or (private and is_private(host))):
        raise ValueError(f"{text!r} is an address that no public server has")
    return Origin(text=normal_origin(parts.scheme, parts.netloc), host=host, loopback=loopback)


def normal_origin(scheme: str, authority: str) -> str:
    """Return an origin in lower case, without the port that the scheme has anyway."""
    scheme, authority = scheme.lower(), authority.lower()
    return f"{scheme}://{authority.removesuffix(f':{_PORTS[scheme]}')}"


def is_public(address: str) -> bool:
    """Tell whether a literal *address* can be one of a public server."""
    parsed = _plain(address)
    if not parsed.is_global or parsed.is_multicast or parsed.is_reserved:
        return False
    return not any(parsed in network for network in _NOT_PUBLIC if network.version == parsed.version)


def is_private(address: str) -> bool:
    """Tell whether a literal *address* can be one of a server in a private network; what clouds answer metadata on is none."""
    parsed = _plain(address)
    odd = parsed.is_link_local or parsed.is_multicast or parsed.is_unspecified or parsed.is_reserved or parsed.is_loopback
    return parsed.is_private and not odd


def is_loopback(host: str) -> bool:
    """Tell whether *host*, a name or a literal address, is this machine."""
    if host == "localhost":
        return True
    return is_literal(host) and _plain(host).is_loopback


def is_literal(host: str) -> bool:
    """Tell whether *host* is an address and no name."""
    try:
        _plain(host)
    except ValueError:
        return False
    return True


def _plain(address: str) -> IPv4Address | IPv6Address:
    """Return the *address*, as IPv4 when it is one in the clothes of IPv6. ValueError for a name."""
    parsed = ip_address(address.partition("%")[0])
    return parsed.ipv4_mapped or parsed if isinstance(parsed, IPv6Address) else parsed


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialling:
    """
    Which addresses names may lead to: *loopback_hosts* must lead to this machine, and every other name to a public server, or, if
    it is one of *private_hosts*, to one of a private network.
    """

    loopback_hosts: frozenset[str] = frozenset()
    private_hosts: frozenset[str] = frozenset()

    def check(self, host: str, addresses: Iterable[str]) -> None:
        """Raise AddressRefused if any of the literal *addresses* of *host* must not be dialled: any of them could be."""
        if not all(self._is_allowed(host, address) for address in addresses):
            raise AddressRefused(f"{host} resolves to an address that is refused")

    def _is_allowed(self, host: str, address: str) -> bool:
        if host in self.loopback_hosts:
            return is_loopback(address)
        return is_public(address) or (host in self.private_hosts and is_private(address))
