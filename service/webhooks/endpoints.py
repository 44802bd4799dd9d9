"""Which URLs webhooks may have: https to a public server, or an origin that the operator lists."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.addresses import AUTHORITY, Dialling, is_literal, is_public, normal_origin, read_origin
from service.domain.errors import InvalidRequest

LONGEST = 2048
_VISIBLE = re.compile(r"[\x21\x24-\x5b\x5d\x5f\x61-\x7a\x7e]*")
# a last label with a digit in front could be read as a part of an address, and a public name has two labels
_NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z](?:[a-z0-9-]*[a-z0-9])?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a webhook goes; *listed* when the operator lists its origin."""

    url: str
    listed: bool


class Endpoints:
    """Knows the origins that the operator lists."""

    def __init__(self, origins: Iterable[str]) -> None:
        """Allow *origins*, `scheme://host[:port]` each, beside every public https one. ValueError for one that must not be."""
        parsed = [read_origin(text, private=True) for text in origins]
        self._listed = frozenset(origin.text for origin in parsed)
        self._dialling = Dialling(
            loopback_hosts=frozenset(origin.host for origin in parsed if origin.loopback),
            private_hosts=frozenset(origin.host for origin in parsed if not origin.loopback),
        )

    def dialling(self, *, listed: bool) -> Dialling:
        """Return which addresses the names of listed endpoints may lead to, or those of all others."""
        return self._dialling if listed else Dialling()

    def read(self, url: str) -> Endpoint:
        """Return the endpoint of a URL. Raises InvalidRequest for one that nothing may be sent to."""
        if len(url) > LONGEST or not _VISIBLE.fullmatch(url):
            raise _refused(f"must be a URL of at most {LONGEST} characters, percent-encoded, without a fragment")
        try:
            parts = urlsplit(url)
            # a port that is none is found only when it is looked at
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            raise _refused("is no URL") from None
        if parts.scheme not in {"http", "https"} or not AUTHORITY.fullmatch(parts.netloc.encode()):
            raise _refused("must be https://host[:port]/path, without a user")
        if normal_origin(parts.scheme, parts.netloc) in self._listed:
            return Endpoint(url=url, listed=True)
        if parts.scheme != "https":
            raise _refused("must be https, unless its origin is in MNEME_WEBHOOK_ORIGINS")
        if not (is_public(host) if is_literal(host) else _NAME.fullmatch(host)):
            raise _refused("leads to no public server, and its origin is not in MNEME_WEBHOOK_ORIGINS")
        return Endpoint(url=url, listed=False)


def _refused(problem: str) -> InvalidRequest:
    return InvalidRequest.of("url", problem)
