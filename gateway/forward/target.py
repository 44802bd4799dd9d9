"""
The guard: which URLs requests are forwarded to.

An origin is looked up, never built: what the client sends is only the key of a table of origins that the operator allows, and the
URL that is called begins with the table's own text. So nothing that one parser reads differently than another can lead elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import unquote_to_bytes, urlsplit

from gateway.forward.addresses import is_loopback, is_public

# also with the slashes merged, as some routers do, and percent-encoded
_SCHEME = re.compile(rb"(https?)(?::|%3a)(?:/|%2f){1,2}", re.IGNORECASE)
_AUTHORITY = re.compile(rb"[a-z0-9.\-]+(?::[0-9]{1,5})?|\[[0-9a-f:]+\](?::[0-9]{1,5})?", re.IGNORECASE)
_VISIBLE = re.compile(rb"[\x21\x22\x24-\x7e]*")
_PORTS = {"http": 80, "https": 443}


class NotAllowed(Exception):
    """The URL leads nowhere that this gateway forwards to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A place that requests may go to. *text* is `scheme://host[:port]` in lower case."""

    text: str
    host: str
    loopback: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a request goes: *path* and *query* as the client wrote them."""

    origin: Origin
    path: str
    query: str

    @property
    def url(self) -> str:
        """The whole URL, still percent-encoded as it came."""
        return f"{self.origin.text}{self.path}?{self.query}" if self.query else f"{self.origin.text}{self.path}"


class Guard:
    """Knows the origins that requests may go to."""

    def __init__(self, origins: Iterable[str]) -> None:
        """Allow *origins*, `scheme://host[:port]` each. ValueError for one that must not be."""
        parsed = [_origin(text) for text in origins]
        self._origins: Mapping[str, Origin] = {origin.text: origin for origin in parsed}
        self.loopback_hosts = frozenset(origin.host for origin in parsed if origin.loopback)

    def target(self, rest: bytes, query: bytes) -> Target:
        """Return where the raw path behind our own prefix leads. NotAllowed otherwise."""
        if not (_VISIBLE.fullmatch(rest) and _VISIBLE.fullmatch(query)):
            raise NotAllowed("the URL holds characters that no URL has")
        rest = _decoded_head(rest)
        scheme = _SCHEME.match(rest)
        if scheme is None:
            raise NotAllowed("no https URL follows the path of the proxy")
        authority, slash, path = rest[scheme.end() :].partition(b"/")
        if not _AUTHORITY.fullmatch(authority):
            raise NotAllowed("the URL has no plain host")
        origin = self._origins.get(_normal(scheme[1].decode(), authority.decode()))
        if origin is None:
            raise NotAllowed("its origin is not in MNEME_FORWARD_ORIGINS")
        _check_path(path)
        return Target(origin=origin, path=(slash or b"/").decode() + path.decode(), query=query.decode())


def _decoded_head(rest: bytes) -> bytes:
    """Return *rest* with a base URL that was percent-encoded as a whole decoded, and what the client put behind it as it is."""
    head, slash, tail = rest.partition(b"/")
    if b"%3a%2f" not in head.lower():
        return rest
    decoded = unquote_to_bytes(head)
    if not _VISIBLE.fullmatch(decoded) or b"?" in decoded:
        raise NotAllowed("the URL holds characters that no URL has")
    return decoded + slash + tail


def _check_path(path: bytes) -> None:
    """Raise NotAllowed for a *path* that means another one once it is normalised, however often it is decoded."""
    decoded = path
    for _ in range(3):
        if b"\\" in decoded or not {b".", b".."}.isdisjoint(decoded.split(b"/")):
            raise NotAllowed("the path climbs")
        decoded = unquote_to_bytes(decoded)
    if any(byte < 0x20 or byte == 0x7F for byte in decoded):
        raise NotAllowed("the path holds control characters")


def _normal(scheme: str, authority: str) -> str:
    """Return an origin as the table has it: in lower case, without the port that the scheme has anyway."""
    scheme, authority = scheme.lower(), authority.lower()
    return f"{scheme}://{authority.removesuffix(f':{_PORTS[scheme]}')}"


def _origin(text: str) -> Origin:
    """Read one allowed origin. ValueError for one that must not be."""
    parts = urlsplit(text)
    host = parts.hostname or ""
    plain = _SCHEME.match(text.encode()) and _AUTHORITY.fullmatch(parts.netloc.encode())
    if not plain or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"{text!r} is no origin: scheme://host[:port]")
    loopback = is_loopback(host)
    if parts.scheme.lower() != "https" and not loopback:
        raise ValueError(f"{text!r} must be https, since it is not on this machine")
    if _is_literal(host) and not loopback and not is_public(host):
        raise ValueError(f"{text!r} is an address that no public server has")
    return Origin(text=_normal(parts.scheme, parts.netloc), host=host, loopback=loopback)


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
