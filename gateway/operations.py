"""What operators and developers ask the gateway itself: health, metrics, the OpenAPI document and the page that shows it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any

import orjson

from gateway.app import Handler, Mount
from gateway.exchange import Exchange
from gateway.metrics import CONTENT_TYPE, Metrics

_HTML = b"text/html; charset=utf-8"
# the page holds its own style and script and talks to nobody but this server
_POLICY = b"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'"


def operation_mounts(*, metrics: Metrics, is_serving: Callable[[], Awaitable[bool]], openapi: Any) -> list[Mount]:
    """Return the mounts: `/healthz`, `/readyz`, `/metrics`, `/openapi.json`, `/docs`."""
    document = orjson.dumps(openapi)
    page = files("gateway").joinpath("pages", "docs.html").read_bytes()

    async def live(exchange: Exchange) -> None:
        # the process runs; client libraries look for one word or the other
        await exchange.answer(200, b'{"status":"ok","ok":true}')

    async def ready(exchange: Exchange) -> None:
        if await is_serving():
            await exchange.answer(200, b'{"status":"ready"}')
        else:
            await exchange.answer(503, b'{"status":"unavailable","detail":"The service does not answer"}')

    async def figures(exchange: Exchange) -> None:
        await exchange.answer(200, metrics.render(), content_type=CONTENT_TYPE)

    async def contract(exchange: Exchange) -> None:
        await exchange.answer(200, document)

    async def docs(exchange: Exchange) -> None:
        await exchange.answer(200, page, content_type=_HTML, headers=[(b"content-security-policy", _POLICY)])

    handlers = {"/healthz": live, "/readyz": ready, "/metrics": figures, "/openapi.json": contract, "/docs": docs}
    return [Mount(prefix=path.encode(), handler=_readable(path, handler), exact=True) for path, handler in handlers.items()]


def _readable(path: str, handler: Handler) -> Handler:
    """Return *handler* under its route name, for GET alone."""

    async def serve(exchange: Exchange) -> None:
        exchange.route = path
        if exchange.method == "GET":
            await handler(exchange)
        else:
            await exchange.answer(405, b'{"detail":"Method Not Allowed"}', headers=[(b"allow", b"GET")])

    return serve
