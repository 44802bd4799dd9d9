"""
A request message from path, query, headers and body, compiled once for each route.

The path wins over the body. Without a body rule the rest comes from the query and a body is ignored. A field with a `header`
option is filled from the header when nothing else fills it. A request whose `update_mask` is absent gets the keys of its body
as the mask, so that `null` can mean "set back".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from gateway.transcode.credentials import credentials_in
from gateway.transcode.decoding import Decoder, Location
from gateway.transcode.jsontext import InvalidJson, parse
from gateway.transcode.options import accepted_list_field, field_options, input_names, message_of
from gateway.transcode.problems import BadRequest, Problem
from gateway.transcode.query import Parameter, Query, check_unicode, parameters_of
from gateway.transcode.routes import Route
from gateway.transcode.scalars import Reader, WrongValue, text_reader

WHOLE = "*"
MASK = "update_mask"

_STEP = re.compile(r'(?P<name>[A-Za-z_]\w*)|\[(?P<index>\d+)\]|\["(?P<key>(?:[^"\\]|\\.)*)"\]')


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """A request as it came: its raw path segments, query, first value of each header by lower-case name, and body."""

    segments: list[bytes]
    query: Query
    headers: Mapping[bytes, bytes]
    body: bytes
    legacy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """
    A request message and where each of its fields came from.

    *credentials* are pairs of a metadata key and a value that were in the body, None for a route that has them elsewhere.
    """

    message: Message
    binder: RequestBinder
    raw: Raw
    body: Any
    credentials: Sequence[tuple[str, str]] | None

    def problem(self, field: str, message: str, kind: str) -> Problem:
        """Return the problem of a *field* path in the message, `messages[2].role`, in the terms of the caller."""
        loc = self.binder.locate(field, self)
        return Problem(loc=loc, message=message, kind=kind, input=self._value_at(loc))

    def _value_at(self, loc: Location) -> Any:
        """Return what the caller sent at *loc*; an ellipsis when there is nothing."""
        value: Any = {"body": self.body, "query": {name: values[-1] for name, values in self.raw.query.items()}}.get(str(loc[0]))
        for step in loc[1:]:
            try:
                value = value[step]
            except (LookupError, TypeError):
                return ...
        return ... if value is None else value


class RequestBinder:
    """Makes the request messages of one route."""

    def __init__(self, route: Route, decoder: Decoder) -> None:
        """Compile the bindings of *route*. ValueError for a rule that names no such field."""
        self._route = route
        self._input = route.method.input
        self._new = GetMessageClass(self._input)
        self._path = [(variable.field, *_scalar_at(route, variable.field)) for variable in route.binding.template.variables]
        self._body_field = route.binding.body
        in_path = {field.split(".")[0] for field, _, _ in self._path}
        self._in_path = in_path
        self._headers = [
            (field_options(field).header, field, text_reader(field))
            for field in self._input.fields
            if field_options(field).header
        ]
        self._read_body = None
        self._credentials = credentials_in(self._input) if self._body_field == WHOLE else []
        if self._body_field == WHOLE:
            self._read_body = decoder.message(self._input, without=in_path)
        elif self._body_field:
            self._read_body = decoder.field(self._input.fields_by_name[self._body_field])
        without = in_path | {self._body_field}
        self.parameters: list[Parameter] = [] if self._body_field == WHOLE else parameters_of(self._input, without)
        self._maskable = self._maskable_fields()

    @property
    def takes_body(self) -> bool:
        """Whether the body means anything."""
        return self._read_body is not None

    def __call__(self, raw: Raw) -> Bound:
        """Return the message of one request. BadRequest with every problem that there is."""
        message = self._new()
        problems: list[Problem] = []
        credentials: list[tuple[str, str]] = []
        body = self._bind_body(raw.body, message, credentials, problems) if self._read_body is not None else None
        for parameter in self.parameters:
            parameter.bind(raw.query, message, problems, legacy=raw.legacy)
        self._bind_path(raw.segments, message, problems)
        self._bind_headers(raw.headers, message, problems)
        if problems:
            raise BadRequest(problems)
        found = credentials if self._credentials else None
        return Bound(message=message, binder=self, raw=raw, body=body, credentials=found)

    def _bind_body(self, text: bytes, message: Message, credentials: list[tuple[str, str]], problems: list[Problem]) -> Any:
        """Read the JSON *text* into *message*; nothing counts as an empty object. Return its value without the *credentials*."""
        try:
            value = parse(text) if text.strip() else {}
        except InvalidJson as error:
            problems.append(Problem(loc=("body", error.position), message=f"not valid JSON: {error}", kind="json_invalid"))
            return None
        for credential in self._credentials if isinstance(value, dict) else ():
            credentials.extend(credential.taken_from(value, problems))
        if self._read_body is not None:
            self._read_body(value, message, ("body",), problems)
        if self._maskable and isinstance(value, dict) and value.get(MASK) is None:
            named = [field for field, names in self._maskable.items() if any(name in value for name in names)]
            getattr(message, MASK).paths.extend(named)
        return value

    def _bind_path(self, segments: list[bytes], message: Message, problems: list[Problem]) -> None:
        """Read the path variables into *message*, over whatever the body said."""
        texts = self._route.variables(segments)
        for name, field, convert in self._path:
            try:
                value = convert(check_unicode(texts[name]))
            except WrongValue as error:
                problems.append(Problem(loc=("path", name), message=error.message, kind=error.kind))
            else:
                target: Any = message
                for step in name.split(".")[:-1]:
                    target = getattr(target, step)
                setattr(target, field.name, value)

    def _bind_headers(self, headers: Mapping[bytes, bytes], message: Message, problems: list[Problem]) -> None:
        """Fill what is still empty from its header."""
        for header, field, convert in self._headers:
            value = headers.get(header.lower().encode())
            if value is None or getattr(message, field.name):
                continue
            try:
                setattr(message, field.name, convert(check_unicode(value.decode("utf-8", "surrogateescape"))))
            except WrongValue as error:
                problems.append(Problem(loc=("header", header), message=error.message, kind=error.kind))

    def _maskable_fields(self) -> dict[str, tuple[str, ...]]:
        """Return the fields that a mask made from the body can name, with their spellings; nothing without an `update_mask`."""
        mask = self._input.fields_by_name.get(MASK)
        if self._body_field != WHOLE or mask is None or message_of(mask).full_name != "google.protobuf.FieldMask":
            return {}
        return {
            field.name: input_names(field)
            for field in self._input.fields
            if field.name != MASK and field.name not in self._in_path and not field_options(field).inline
        }

    def locate(self, path: str, bound: Bound) -> Location:
        """Return where the caller put the field *path*, in the caller's spelling."""
        source = self._source(path, bound)
        steps: list[str | int] = []
        message: Descriptor | None = self._input
        for match in _STEP.finditer(path):
            if not match["name"]:
                steps.append(int(match["index"]) if match["index"] else match["key"])
                continue
            field = message.fields_by_name.get(match["name"]) if message is not None else None
            if message is not None and accepted_list_field(message) and isinstance(self._sent(source, steps, bound), list):
                # sent as the bare array, so there is no step for the field that holds it
                message = field.message_type if field is not None else None
                continue
            if field is None:
                steps.append(match["name"])
                continue
            message = field.message_type
            if not field_options(field).inline:
                steps.append(self._spelling(field, source, steps, bound))
        # the body is the field itself when the rule names one
        return (source, *(steps[1:] if source == "body" and self._body_field != WHOLE else steps))

    def _source(self, path: str, bound: Bound) -> str:
        """Return the part of the request that the field *path* is bound to."""
        first = _STEP.match(path)
        name = first["name"] if first is not None else None
        if name in self._in_path:
            return "path"
        for header, field, _ in self._headers:
            if field.name == name and header.lower().encode() in bound.raw.headers:
                return "header"
        return "body" if self._body_field in (WHOLE, name) else "query"

    def _spelling(self, field: FieldDescriptor, source: str, above: list[str | int], bound: Bound) -> str:
        """Return the name under which the caller sent *field*, else its own name."""
        if source == "header":
            return str(field_options(field).header)
        sent = self._sent(source, above, bound)
        names = input_names(field)
        return next((name for name in names if isinstance(sent, Mapping) and sent.get(name) is not None), field.name)

    @staticmethod
    def _sent(source: str, way: list[str | int], bound: Bound) -> Any:
        """Return what the caller sent at the end of a *way*; None when there is nothing."""
        sent: Any = bound.body if source == "body" else bound.raw.query
        for step in way:
            try:
                sent = sent[step]
            except (LookupError, TypeError):
                return None
        return sent


def _scalar_at(route: Route, path: str) -> tuple[FieldDescriptor, Reader]:
    """Return the field that the dotted *path* of a path variable names, and what reads its text."""
    message = route.method.input
    *above, last = path.split(".")
    for step in above:
        message = message_of(message.fields_by_name[step])
    field = message.fields_by_name.get(last)
    if field is None or field.is_repeated or field.message_type is not None:
        raise ValueError(f"{route.method.path}: {path!r} is no single scalar field, so no path variable can fill it")
    return field, text_reader(field)
