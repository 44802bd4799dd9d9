"""The transcoder: HTTP in, gRPC out, for every method of the contract."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote_from_bytes

import orjson
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message import Message
from mneme.v1.http_pb2 import ErrorStyle

from gateway.client import Metadata, ServiceClient
from gateway.exchange import TEXT, BodyTooLarge, Exchange
from gateway.status import CallFailed
from gateway.transcode.binding import Bound, Raw, RequestBinder
from gateway.transcode.decoding import Decoder
from gateway.transcode.encoding import Encoder
from gateway.transcode.errors import ErrorAnswer, answer_of, answer_of_problems
from gateway.transcode.methods import methods_of
from gateway.transcode.problems import BadRequest, Problem
from gateway.transcode.query import Query, parse_query
from gateway.transcode.routes import Match, Route, Router, WrongVerb
from gateway.transcode.scalars import WrongValue, read_flag
from gateway.transcode.streaming import Relay
from gateway.transcode.styles import BROKEN, STYLES, styles_by_place, written

NOT_FOUND = b"404 page not found"
NO_CONTENT = 204

# metadata key, and the headers that fill it: the first that is there
_ABOUT_CLIENT = (("x-client-agent", (b"user-agent",)),)
_FORWARDED = (
    ("x-recallr-api-key", (b"x-recallr-api-key", b"x-api-key")),
    ("x-recallr-project-id", (b"x-recallr-project-id", b"x-project-id")),
    ("authorization", (b"authorization",)),
    *_ABOUT_CLIENT,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A route, compiled: how to read its request, and how to call the service and answer."""

    route: Route
    bind: RequestBinder
    serve: Callable[[Exchange, Bound], Awaitable[None]]


class Transcoder:
    """Serves every method of the contract that has an HTTP rule. Compiled when it is made; serving changes nothing."""

    def __init__(
        self, files: Iterable[FileDescriptor], client: ServiceClient, *, max_body_bytes: int, keep_alive: timedelta
    ) -> None:
        """Compile the services in *files*. ValueError for a contract that cannot be served."""
        self._client = client
        self._max_body_bytes = max_body_bytes
        self._keep_alive = keep_alive
        self._decoder = Decoder()
        self._encoder = Encoder()
        self._router = Router(methods_of(files))
        self._endpoints: Mapping[Route, Endpoint] = {route: self._compile(route) for route in self._router.routes}
        self._styles = styles_by_place(route.method for route in self._router.routes)

    async def __call__(self, exchange: Exchange) -> None:
        """Answer one request."""
        match = self._router.match(exchange.method, exchange.raw_path)
        if match is None:
            await self._not_found(exchange)
            return
        style = self._style_of(exchange)
        if isinstance(match, WrongVerb):
            allow = ", ".join(match.allowed).encode()
            await _fail(exchange, ErrorAnswer(status=405, detail="Method Not Allowed", headers=[(b"allow", allow)]), style)
            return
        query = parse_query(exchange.scope["query_string"])
        try:
            route = _choose(match, query)
        except BadRequest as error:
            await _fail(exchange, answer_of_problems(error.problems), style)
            return
        await self._serve(self._endpoints[route], exchange, match, query)

    async def broken(self, exchange: Exchange) -> None:
        """Answer a request that failed for a reason which nobody foresaw."""
        await _fail(exchange, BROKEN, self._style_of(exchange))

    async def _not_found(self, exchange: Exchange) -> None:
        """Answer a request whose path is no route."""
        style = self._style_of(exchange)
        if style == ErrorStyle.ERROR_STYLE_DETAIL:
            await exchange.answer(404, NOT_FOUND, content_type=TEXT)
        else:
            await _fail(exchange, ErrorAnswer(status=404, detail="There is no such route"), style)

    def _style_of(self, exchange: Exchange) -> ErrorStyle.ValueType:
        """Return the style of the surface that the path belongs to, as far as its first segment tells."""
        first = exchange.raw_path.split(b"/", 2)[1:2]
        return self._styles.get(b"".join(first).decode("latin-1"), ErrorStyle.ERROR_STYLE_DETAIL)

    async def _serve(self, endpoint: Endpoint, exchange: Exchange, match: Match, query: Query) -> None:
        """Read the request, call the service and answer."""
        exchange.route = endpoint.route.binding.template.text
        style = endpoint.route.method.error_style
        bound = None
        try:
            most = endpoint.route.method.max_body_bytes or self._max_body_bytes
            body = await exchange.read_body(most) if endpoint.bind.takes_body else b""
            headers, legacy = exchange.headers, _is_legacy(exchange)
            bound = endpoint.bind(Raw(segments=match.raw_segments, query=query, headers=headers, body=body, legacy=legacy))
            await endpoint.serve(exchange, bound)
        except BodyTooLarge as error:
            await _fail(exchange, ErrorAnswer(status=413, detail=str(error)), style)
        except BadRequest as error:
            await _fail(exchange, answer_of_problems(error.problems, exchange.headers.get(b"content-type", b"")), style)
        except CallFailed as error:
            await _fail(exchange, answer_of(error.failure, bound), style)

    def _compile(self, route: Route) -> Endpoint:
        """Compile one *route*."""
        method = route.method
        if method.error_style not in STYLES:
            raise ValueError(f"{method.path}: no error body is written in {ErrorStyle.Name(method.error_style)}")
        serve = self._stream(route) if method.streams else self._unary(route)
        return Endpoint(route=route, bind=RequestBinder(route, self._decoder), serve=serve)

    def _unary(self, route: Route) -> Callable[[Exchange, Bound], Awaitable[None]]:
        """Return what serves a unary method."""
        method = route.method
        call = self._client.unary(method.path, method.input, method.output, repeatable=method.repeatable)
        encode = self._response_encoder(route)

        async def serve(exchange: Exchange, bound: Bound) -> None:
            # a write that has begun is brought to its end, whoever waits for it
            async with exchange.while_there() if method.cancellable else nullcontext():
                response = await call(bound.message, _metadata(exchange, bound), exchange.pass_on_quota)
            if method.success_status == NO_CONTENT:
                await exchange.answer(NO_CONTENT)
            else:
                await exchange.answer(method.success_status, orjson.dumps(encode(response)))

        return serve

    def _stream(self, route: Route) -> Callable[[Exchange, Bound], Awaitable[None]]:
        """Return what serves a server-streaming method."""
        method = route.method
        call = self._client.stream(method.path, method.input, method.output)
        encode = self._response_encoder(route)
        relay = Relay(
            method=method,
            encode=lambda message: orjson.dumps(encode(message)),
            encode_failure=lambda failure, request_id: written(answer_of(failure), method.error_style, request_id)[1],
            keep_alive=self._keep_alive,
        )

        async def serve(exchange: Exchange, bound: Bound) -> None:
            await relay(exchange, call(bound.message, _metadata(exchange, bound), exchange.pass_on_quota))

        return serve

    def _response_encoder(self, route: Route) -> Callable[[Message], Any]:
        """Return what makes the JSON value of a response, or of the one field of it that is the body."""
        output, field = route.method.output, route.binding.response_body
        return self._encoder.field(output.fields_by_name[field]) if field else self._encoder.message(output)


async def _fail(exchange: Exchange, answer: ErrorAnswer, style: ErrorStyle.ValueType) -> None:
    """Send an error."""
    status, body = written(answer, style, exchange.request_id)
    await exchange.answer(status, body, headers=answer.headers)


def _choose(match: Match, query: Query) -> Route:
    """Return the route that the query selects among those of one verb and path. BadRequest when it selects none."""
    for name, route in match.selectable.items():
        values = query.get(name)
        try:
            if values and read_flag(values[-1]):
                return route
        except WrongValue as error:
            problem = Problem(loc=("query", name), message=error.message, kind=error.kind, input=values and values[-1])
            raise BadRequest([problem]) from error
    if match.default is None:
        missing = [Problem(loc=("query", name), message="should be true", kind="missing") for name in match.selectable]
        raise BadRequest(missing)
    return match.default


def _is_legacy(exchange: Exchange) -> bool:
    """Tell whether the caller is a client that knows only the old names of the credential headers."""
    return b"x-api-key" in exchange.headers and b"x-recallr-api-key" not in exchange.headers


def _metadata(exchange: Exchange, bound: Bound) -> Metadata:
    """Return what the service learns of the caller: credentials, request id, route and client program."""
    metadata = [("x-request-id", exchange.request_id), ("x-mneme-route", f"{exchange.method} {exchange.route}")]
    in_body = bound.credentials
    if in_body is not None:
        metadata += [(key, _printable(value.encode())) for key, value in in_body]
    for key, names in _FORWARDED if in_body is None else _ABOUT_CLIENT:
        value = next((exchange.headers[name] for name in names if exchange.headers.get(name)), None)
        if value is not None:
            metadata.append((key, _printable(value)))
    return metadata


def _printable(value: bytes) -> str:
    """Return a header *value* as gRPC metadata can carry it: bytes outside printable ASCII are percent-encoded."""
    text = value.decode("latin-1")
    return text if text.isascii() and text.isprintable() else quote_from_bytes(value, safe=" ")
