"""
The guard: which URLs requests are forwarded to.

An origin is looked up, never built: what the client sends is only the key of a table of origins that the operator allows, and the
URL that is called begins with the table's own text. So nothing that one parser reads differently than another can lead elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from gateway.addresses import AUTHORITY, Dialling, Origin, normal_origin, read_origin

# also with the slashes merged, as some routers do, and percent-encoded
_SCHEME = re.compile(rb"(https?)(?::|%3a)(?:/|%2f){1,2}", re.IGNORECASE)
_VISIBLE = re.compile(rb"[\x21\x22\x24-\x7e]*")


class NotAllowed(Exception):
    """The URL leads nowhere that this gateway forwards to."""


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
        parsed = [read_origin(text) for text in origins]
        self._origins: Mapping[str, Origin] = {origin.text: origin for origin in parsed}
        self.dialling = Dialling(loopback_hosts=frozenset(origin.host for origin in parsed if origin.loopback))

    def target(self, rest: bytes, query: bytes) -> Target:
        """Return where the raw path behind our own prefix leads. NotAllowed otherwise."""
        if not (_VISIBLE.fullmatch(rest) and _VISIBLE.fullmatch(query)):
            raise NotAllowed("the URL holds characters that no URL has")
        rest = _decoded_head(rest)
        scheme = _SCHEME.match(rest)
        if scheme is None:
            raise NotAllowed("no https URL follows the path of the proxy")
        authority, slash, path = rest[scheme.end() :].partition(b"/")
        if not AUTHORITY.fullmatch(authority):
            raise NotAllowed("the URL has no plain host")
        origin = self._origins.get(normal_origin(scheme[1].decode(), authority.decode()))
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
