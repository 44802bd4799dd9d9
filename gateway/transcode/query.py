"""
Query strings to request fields, compiled once for each request type.

A repeated field takes `name=a&name=b`, `name[]=a&name[]=b` and one value with commas, `name=a,b`; so no single element can hold a
comma when it stands alone. Nested fields are dotted. Booleans are true/false, 1/0, yes/no, on/off in any case. `+` is a space.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.transcode.jsontext import InvalidJson, parse
from gateway.transcode.options import field_options, input_names
from gateway.transcode.problems import Problem
from gateway.transcode.scalars import WrongValue, text_reader
from gateway.transcode.wellknown import filler

Query = Mapping[str, list[str]]


def parse_query(raw: bytes) -> dict[str, list[str]]:
    """Return the values of each parameter, `[]` cut from the names. Bytes that are no UTF-8 become lone surrogates."""
    values: dict[str, list[str]] = {}
    for pair in raw.split(b"&"):
        if pair:
            name, _, value = pair.partition(b"=")
            values.setdefault(_decoded(name).removesuffix("[]"), []).append(_decoded(value))
    return values


def _decoded(text: bytes) -> str:
    """Undo the encoding of one name or value."""
    return unquote_to_bytes(text.replace(b"+", b" ")).decode("utf-8", "surrogateescape")


def check_unicode(text: str) -> str:
    """Return *text*. WrongValue when its bytes were no UTF-8."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise WrongValue("should be UTF-8", "string_unicode") from error
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One query parameter. *names* are its spellings, the one that wins first; *place* is the way to its field."""

    names: tuple[str, ...]
    place: tuple[str, ...]
    field: FieldDescriptor
    legacy_default: str
    take: Callable[[Sequence[str], Any], None]

    def spelling_in(self, query: Query) -> str | None:
        """Return the spelling that the caller used."""
        return next((name for name in self.names if name in query), None)

    def bind(self, query: Query, message: Any, problems: list[Problem], *, legacy: bool) -> None:
        """Read the parameter from *query* into its field of *message*. *legacy* callers get their own default."""
        name = self.spelling_in(query)
        if name is not None:
            values: Sequence[str] = query[name]
        elif legacy and self.legacy_default:
            name, values = self.names[0], [self.legacy_default]
        else:
            return
        for step in self.place[:-1]:
            message = getattr(message, step)
        try:
            self.take(values, message)
        except WrongValue as error:
            problems.append(Problem(loc=("query", name), message=error.message, kind=error.kind, input=values[-1]))


def parameters_of(message: Descriptor, without: Collection[str]) -> list[Parameter]:
    """Return the query parameters of a request type, all but the top-level fields named in *without*."""
    return [
        parameter
        for field in message.fields
        if field.name not in without
        for parameter in _parameters(field, prefix="", place=(), above=frozenset())
    ]


def _parameters(field: FieldDescriptor, *, prefix: str, place: tuple[str, ...], above: frozenset[str]) -> Iterator[Parameter]:
    """Yield the parameters that *field* or its subfields make. *above* are the types that it stands in."""
    options = field_options(field)
    place = (*place, field.name)
    take = _taker(field)
    if take is not None:
        yield Parameter(
            names=tuple(prefix + name for name in input_names(field)),
            place=place,
            field=field,
            legacy_default=options.legacy_default,
            take=take,
        )
    elif field.message_type is not None and not field.is_repeated and field.message_type.full_name not in above:
        inner_prefix = prefix if options.inline else f"{prefix}{field.name}."
        for inner in field.message_type.fields:
            yield from _parameters(inner, prefix=inner_prefix, place=place, above=above | {field.message_type.full_name})


def _taker(field: FieldDescriptor) -> Callable[[Sequence[str], Any], None] | None:
    """Return what reads texts into *field* of a message; None for a field that has no text form of its own."""
    if field.message_type is not None:
        return None if field.is_repeated else _message_taker(field)
    name, convert = field.name, text_reader(field)
    if field.is_repeated:
        return lambda values, target: getattr(target, name).extend(convert(check_unicode(v)) for v in _elements(values))
    return lambda values, target: setattr(target, name, convert(check_unicode(values[-1])))


def _message_taker(field: FieldDescriptor) -> Callable[[Sequence[str], Any], None] | None:
    """Return what reads one text into a well-known *field*: JSON where the contract says so, else the type's own text form."""
    name, fill = field.name, filler(field)
    if fill is None:
        return None
    if field_options(field).json_text:
        return lambda values, target: fill(_json(check_unicode(values[-1])), getattr(target, name))
    return lambda values, target: fill(check_unicode(values[-1]), getattr(target, name))


def _elements(values: Sequence[str]) -> Sequence[str]:
    """Return the elements of a repeated field; a value that stands alone is cut at its commas."""
    parts = values[0].split(",") if len(values) == 1 else values
    return [part for part in parts if part]


def _json(text: str) -> Any:
    """Parse the JSON *text* of a parameter."""
    try:
        return parse(text.encode())
    except InvalidJson as error:
        raise WrongValue(f"should be a JSON object: {error}", "json_invalid") from error
