"""
The message types of protobuf that JSON has a form of its own for.

Timestamp: RFC 3339; read with any explicit offset (and in more forms where the contract says so), written in UTC with `Z` and 0,
3, 6 or 9 digits of a second.
Struct, Value, ListValue: plain JSON; whole numbers leave as integers. FieldMask: snake_case paths joined by commas.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.struct_pb2 import ListValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

from gateway.transcode.options import field_options, message_of
from gateway.transcode.scalars import WrongValue

Filler = Callable[[Any, Any], None]
Formatter = Callable[[Any], Any]

MAX_OBJECT_BYTES = 64 * 1024

# doubles hold every integer up to here; Struct has only doubles
_EXACT = 2**53
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMESTAMP = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ](?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?"
    r"(?P<offset>[Zz]|[+-][0-9]{2}:[0-9]{2})?"
)


def filler(field: FieldDescriptor) -> Filler | None:
    """Return what reads a JSON value into the message of a well-known *field*; None for any other message."""
    name, options = message_of(field).full_name, field_options(field)
    if name == "google.protobuf.Timestamp" and options.require_utc:
        return _fill_utc
    if name == "google.protobuf.Timestamp" and options.any_time:
        return _fill_any_time
    return _FILLERS.get(name)


def formatter(field: FieldDescriptor) -> Formatter | None:
    """Return what makes a JSON value of the message of a well-known *field*; None for any other message."""
    return _FORMATTERS.get(message_of(field).full_name)


def _fill_timestamp(value: Any, target: Timestamp) -> None:
    """Read RFC 3339 with any explicit offset."""
    _read_timestamp(value, target)


def _read_timestamp(value: Any, target: Timestamp) -> timedelta:
    """Read RFC 3339 into *target* and return the offset that it came with."""
    match = _TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise WrongValue("should be a date and time such as 2026-01-31T09:30:00Z", "datetime_parsing")
    if match["offset"] is None:
        raise WrongValue("should carry its offset from UTC, such as Z or +00:00", "timezone_aware")
    try:
        moment = datetime.fromisoformat(f"{match['day']}T{match['time']}{match['offset'].upper()}")
        since_epoch = moment - _EPOCH
        # the year must still be one of 1 to 9999 in UTC
        _EPOCH + since_epoch
    except (ValueError, OverflowError) as error:
        raise WrongValue("should be a date and time that exists", "datetime_parsing") from error
    # the epoch itself is all zeros and present all the same
    target.SetInParent()
    target.seconds = since_epoch.days * 86400 + since_epoch.seconds
    target.nanos = int((match["fraction"] or "").ljust(9, "0"))
    return moment.utcoffset() or timedelta(0)


def _fill_utc(value: Any, target: Timestamp) -> None:
    """Read RFC 3339 with an offset of zero."""
    if _read_timestamp(value, target):
        raise WrongValue("should be UTC: an offset of zero", "timezone_offset")


def _fill_any_time(value: Any, target: Timestamp) -> None:
    """Read a number of seconds since 1970, or ISO 8601 whose offset is UTC when it has none."""
    match = _TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    if match is not None and match["offset"] is not None:
        _read_timestamp(value, target)
        return
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise WrongValue("should be a date and time, or a number of seconds since 1970", "datetime_type")
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else _EPOCH + timedelta(seconds=value)
        since_epoch = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
        _EPOCH + since_epoch
    except (ValueError, OverflowError) as error:
        raise WrongValue("should be a date and time such as 2026-01-31T09:30:00Z", "datetime_parsing") from error
    target.SetInParent()
    target.seconds = since_epoch.days * 86400 + since_epoch.seconds
    target.nanos = since_epoch.microseconds * 1000


def format_timestamp(value: Timestamp) -> str:
    """Return RFC 3339 in UTC with as many groups of three digits as the fraction needs."""
    text = (_EPOCH + timedelta(seconds=value.seconds)).isoformat()[:19]
    nanos = value.nanos
    if not nanos:
        return text + "Z"
    if nanos % 1_000_000 == 0:
        return f"{text}.{nanos // 1_000_000:03}Z"
    if nanos % 1_000 == 0:
        return f"{text}.{nanos // 1_000:06}Z"
    return f"{text}.{nanos:09}Z"


def _fill_struct(value: Any, target: Struct) -> None:
    """Read a JSON object of at most `MAX_OBJECT_BYTES`, measured as compact JSON."""
    if not isinstance(value, dict):
        raise WrongValue("should be an object", "dict_type")
    _check_size(value)
    # an empty object is present all the same
    target.SetInParent()
    for key, each in value.items():
        _fill_any(each, target.fields[key])


def _fill_list(value: Any, target: ListValue) -> None:
    """Read a JSON array, bounded as an object is."""
    if not isinstance(value, list):
        raise WrongValue("should be an array", "list_type")
    _check_size(value)
    target.SetInParent()
    for each in value:
        _fill_any(each, target.values.add())


def _fill_value(value: Any, target: Value) -> None:
    """Read any JSON value, bounded as an object is."""
    _check_size(value)
    _fill_any(value, target)


def _check_size(value: Any) -> None:
    """Refuse what is longer than `MAX_OBJECT_BYTES`."""
    try:
        size = len(orjson.dumps(value))
    except TypeError:
        # an integer beyond 64 bits: it is refused with a better word when it is reached
        return
    if size > MAX_OBJECT_BYTES:
        raise WrongValue(f"should be at most {MAX_OBJECT_BYTES} bytes of JSON, is {size}", "too_long")


def _fill_any(value: Any, target: Value) -> None:
    """Read one JSON value. Integers that a double would change are refused."""
    if isinstance(value, str):
        target.string_value = value
    elif value is None:
        target.null_value = 0  # type: ignore[assignment] # the stubs want the enum's own type
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int):
        if abs(value) > _EXACT:
            raise WrongValue(f"the integer {_shortened(value)} would lose digits: send it as a string", "int_range")
        target.number_value = value
    elif isinstance(value, float):
        target.number_value = value
    elif isinstance(value, list):
        items = target.list_value
        items.SetInParent()
        for each in value:
            _fill_any(each, items.values.add())
    else:
        fields = target.struct_value
        fields.SetInParent()
        for key, each in value.items():
            _fill_any(each, fields.fields[key])


def _shortened(value: int) -> str:
    """Return the digits of *value*, or their beginning when there are many."""
    digits = str(value)
    return digits if len(digits) <= 30 else digits[:30] + "…"


def _format_struct(value: Struct) -> dict[str, Any]:
    # sorted: a message has them in another order in each process, and the same thing is to give the same bytes
    return {key: _format_value(value.fields[key]) for key in sorted(value.fields)}


def _format_list(value: ListValue) -> list[Any]:
    return [_format_value(each) for each in value.values]


def _format_value(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return value.string_value
    if kind == "number_value":
        number = value.number_value
        return int(number) if abs(number) <= _EXACT and number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "struct_value":
        return _format_struct(value.struct_value)
    if kind == "list_value":
        return _format_list(value.list_value)
    return None


def _fill_duration(value: Any, target: Duration) -> None:
    """Read seconds with an `s` behind them, such as `1.5s`."""
    try:
        target.FromJsonString(value)
    except (ValueError, AttributeError, TypeError) as error:
        raise WrongValue("should be a number of seconds such as 1.5s", "duration_parsing") from error


def _fill_mask(value: Any, target: FieldMask) -> None:
    """Read snake_case paths joined by commas."""
    if not isinstance(value, str):
        raise WrongValue("should be field names joined by commas", "string_type")
    target.paths.extend(path for path in value.split(",") if path)


def check_supported(message: Descriptor) -> None:
    """Refuse the types of google.protobuf that have a JSON form which is not written here. ValueError."""
    if message.file.package == "google.protobuf" and message.full_name not in _FORMATTERS | {"google.protobuf.Empty": None}:
        raise ValueError(f"{message.full_name} has no JSON form in the gateway")


_FILLERS: dict[str, Filler] = {
    "google.protobuf.Timestamp": _fill_timestamp,
    "google.protobuf.Duration": _fill_duration,
    "google.protobuf.FieldMask": _fill_mask,
    "google.protobuf.Struct": _fill_struct,
    "google.protobuf.Value": _fill_value,
    "google.protobuf.ListValue": _fill_list,
}
_FORMATTERS: dict[str, Formatter] = {
    "google.protobuf.Timestamp": format_timestamp,
    "google.protobuf.Duration": Duration.ToJsonString,
    "google.protobuf.FieldMask": lambda mask: ",".join(mask.paths),
    "google.protobuf.Struct": _format_struct,
    "google.protobuf.Value": _format_value,
    "google.protobuf.ListValue": _format_list,
}
