"""Values that several resources share: times, JSON objects, pages, field masks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Literal, Protocol

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import ListValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp
from mneme.v1 import http_pb2

from service.domain.errors import InvalidRequest
from service.domain.values import Json, JsonObject, PageRequest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXACT = 2**53
"""Doubles up to here hold every whole number exactly."""


def to_timestamp(moment: datetime) -> Timestamp:
    """Return a UTC time, to the microsecond."""
    since = moment - _EPOCH
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1_000)


def from_timestamp(field: str, timestamp: Timestamp) -> datetime:
    """Return a time in UTC, to the microsecond. Raises InvalidRequest about *field* outside the years 1 to 9999."""
    try:
        return timestamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidRequest.of(field, "must be a time in the years 1 to 9999") from error


def to_struct(document: JsonObject) -> Struct:
    """Return a JSON object."""
    struct = Struct()
    struct.update(document)
    return struct


def from_struct(struct: Struct) -> JsonObject:
    """Return a JSON object; numbers without a fraction become integers, as they were before protobuf made them doubles."""
    return {name: _from_value(value) for name, value in struct.fields.items()}


def from_optional_struct(message: Message, field: str) -> JsonObject | None:
    """Return the object in a *field* of a request, None when it is absent."""
    return from_struct(getattr(message, field)) if message.HasField(field) else None


def _from_value(value: Value) -> Json:
    match value.WhichOneof("kind"):
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() and abs(number) <= _EXACT else number
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return from_struct(value.struct_value)
        case "list_value":
            return _from_list(value.list_value)
        case _:
            return None


def _from_list(values: ListValue) -> Sequence[Json]:
    return [_from_value(value) for value in values.values]


class _Paged(Protocol):
    """A request for a part of a list."""

    @property
    def offset(self) -> int: ...

    @property
    def limit(self) -> int: ...

    def HasField(self, field_name: Literal["limit"]) -> bool: ...


def from_page(request: _Paged, *, default: int) -> PageRequest:
    """Return which part of a list a request wants; *default* is its limit when it names none."""
    return PageRequest(offset=request.offset, limit=request.limit if request.HasField("limit") else default)


def masked(request: Message, field: str) -> bool:
    """
    Return whether an update takes a *field* from its request: the field is named by `update_mask`, under any of its spellings,
    or the mask names none and the field is present.
    """
    mask: FieldMask = request.update_mask  # type: ignore[attr-defined]  # every update request of the contract has one
    if not mask.paths:
        return request.HasField(field)
    return any(spelling in mask.paths for spelling in _spellings(request, field))


def _spellings(request: Message, field: str) -> Iterator[str]:
    yield field
    options = request.DESCRIPTOR.fields_by_name[field].GetOptions()
    yield from options.Extensions[http_pb2.json_field].aliases
