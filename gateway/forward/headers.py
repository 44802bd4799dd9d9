"""Which headers go on, in each direction."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote_plus

from multidict import CIMultiDict

RawHeaders = Iterable[tuple[bytes, bytes]]

OURS = b"x-recallr-"
_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# about this connection, about who came before us, or for another site than the upstream
_NOT_UPSTREAM = _HOP_BY_HOP | {b"host", b"content-length", b"expect", b"forwarded", b"via", b"cookie"}
# about the upstream's own site or connection; uvicorn writes the date
_NOT_DOWNSTREAM = _HOP_BY_HOP | {b"server", b"date", b"set-cookie", b"alt-svc", b"strict-transport-security"}


class KeyWouldLeak(Exception):
    """Our own key stands where the provider would read it."""


def upstream_headers(headers: RawHeaders, *, readable_answer: bool) -> CIMultiDict[str]:
    """
    Return the headers that go to the provider: all of the client's that are meant for it, repeated ones too.

    With *readable_answer* the answer is asked for without compression, because it is read beside the relay.
    """
    headers = list(headers)
    dropped = _NOT_UPSTREAM | _named_in_connection(headers)
    if readable_answer:
        dropped |= {b"accept-encoding"}
    kept = CIMultiDict(
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in headers
        if name not in dropped and not name.startswith((OURS, b"x-forwarded-"))
    )
    if readable_answer:
        kept["accept-encoding"] = "identity"
    return kept


def downstream_headers(headers: RawHeaders) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer that go to the client, in lower case."""
    lowered = [(name.lower(), value) for name, value in headers]
    dropped = _NOT_DOWNSTREAM | _named_in_connection(lowered)
    return [(name, value) for name, value in lowered if name not in dropped and not name.startswith(OURS)]


def check_no_leak(headers: CIMultiDict[str], query: str, key: str) -> None:
    """Raise KeyWouldLeak when *key* is a word of a header or a value of the *query*."""
    if any(key in value.split() for value in headers.values()):
        raise KeyWouldLeak
    if any(unquote_plus(pair.partition("=")[2]) == key for pair in query.split("&")):
        raise KeyWouldLeak


def _named_in_connection(headers: RawHeaders) -> frozenset[bytes]:
    """Return the headers that the `Connection` header says are of this connection only."""
    return frozenset(name.strip().lower() for header, value in headers if header == b"connection" for name in value.split(b","))
