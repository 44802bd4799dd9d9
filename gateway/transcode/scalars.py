"""
Single values between JSON (or the text of a query parameter) and protobuf fields.

Each function here is made once for a field and raises `WrongValue` for what the field cannot hold. Numbers may come as JSON
numbers or as strings, as proto3 JSON allows. Integers leave as numbers while a double can hold them, and as strings beyond.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import struct
from collections.abc import Callable
from typing import Any

import orjson
from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from gateway.transcode.options import enum_numbers, enum_spellings, field_options

Reader = Callable[[Any], Any]
Writer = Callable[[Any], Any]

SAFE_INTEGER = 2**53 - 1
_FLOAT32_MAX = 3.4028234663852886e38
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})


class WrongValue(ValueError):
    """The field cannot hold the value. *kind* is a word for programs."""

    def __init__(self, message: str, kind: str) -> None:
        """Say what the value should have been."""
        super().__init__(message)
        self.message = message
        self.kind = kind


def json_reader(field: FieldDescriptor) -> Reader:
    """Return what turns a JSON value into the value of a scalar or enum *field*."""
    return _refusing_text(_reader(field)) if field_options(field).strict_number else _reader(field)


def _refusing_text(read: Reader) -> Reader:
    """Return *read* for a number that must not come as text."""

    def strictly(value: Any) -> Any:
        if isinstance(value, str):
            raise WrongValue("should be a number, not text", "number_type")
        return read(value)

    return strictly


def _reader(field: FieldDescriptor) -> Reader:
    """Return what turns a JSON value, or text, into the value of a scalar or enum *field*."""
    if field.enum_type is not None:
        return _enum_reader(field.enum_type)
    if field.type == field.TYPE_BYTES:
        return _read_raw if field_options(field).raw else _read_bytes
    if field.cpp_type == field.CPPTYPE_STRING:
        return _read_string
    if field.cpp_type == field.CPPTYPE_BOOL:
        return _read_bool
    if field.cpp_type in (field.CPPTYPE_DOUBLE, field.CPPTYPE_FLOAT):
        return _float_reader(math.inf if field.cpp_type == field.CPPTYPE_DOUBLE else _FLOAT32_MAX)
    return _integer_reader(*_integer_range(field))


def text_reader(field: FieldDescriptor) -> Reader:
    """Return what turns the text of a query parameter, header or path segment into the value of a scalar or enum *field*."""
    return read_flag if field.cpp_type == field.CPPTYPE_BOOL else _reader(field)


def json_writer(field: FieldDescriptor) -> Writer | None:
    """Return what turns the value of a scalar or enum *field* into a JSON value; None where both are the same."""
    if field.enum_type is not None:
        return _enum_writer(field.enum_type)
    if field.type == field.TYPE_BYTES:
        return orjson.loads if field_options(field).raw else lambda value: base64.b64encode(value).decode()
    if field.cpp_type in (field.CPPTYPE_INT64, field.CPPTYPE_UINT64):
        return lambda value: value if -SAFE_INTEGER <= value <= SAFE_INTEGER else str(value)
    if field.cpp_type == field.CPPTYPE_FLOAT:
        return lambda value: _write_float(_shortest_float32(value))
    if field.cpp_type == field.CPPTYPE_DOUBLE:
        return _write_float
    return None


def _read_string(value: Any) -> str:
    if not isinstance(value, str):
        raise WrongValue("should be a string", "string_type")
    return value


def _read_raw(value: Any) -> bytes:
    """Return the text of any JSON value."""
    try:
        return orjson.dumps(value)
    except TypeError:
        # an integer beyond 64 bits
        return json.dumps(value, ensure_ascii=False).encode()


def _read_bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise WrongValue("should be true or false", "bool_type")
    return value


def read_flag(value: str) -> bool:
    """Return the boolean that a text stands for, in any case. WrongValue for any other text."""
    folded = value.lower()
    if folded in _TRUE:
        return True
    if folded in _FALSE:
        return False
    raise WrongValue("should be true or false", "bool_parsing")


def _read_bytes(value: Any) -> bytes:
    text = _read_string(value).replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise WrongValue("should be base64", "bytes_parsing") from error


def _integer_range(field: FieldDescriptor) -> tuple[int, int]:
    """Return the least and the greatest value of an integer *field*."""
    return {
        field.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
        field.CPPTYPE_UINT32: (0, 2**32 - 1),
        field.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
        field.CPPTYPE_UINT64: (0, 2**64 - 1),
    }[field.cpp_type]


def _integer_reader(least: int, greatest: int) -> Reader:
    def read(value: Any) -> int:
        if isinstance(value, str):
            if not _INTEGER.fullmatch(value):
                raise WrongValue("should be an integer", "int_parsing")
            value = int(value)
        elif isinstance(value, float) and value.is_integer():
            value = int(value)
        elif not isinstance(value, int) or isinstance(value, bool):
            raise WrongValue("should be an integer", "int_type")
        if not least <= value <= greatest:
            raise WrongValue(f"should be between {least} and {greatest}", "int_range")
        return int(value)

    return read


def _float_reader(greatest: float) -> Reader:
    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise WrongValue("should be a number", "float_type")
        try:
            number = float(value)
        except (ValueError, OverflowError) as error:
            raise WrongValue("should be a number", "float_parsing") from error
        if not math.isfinite(number) or abs(number) > greatest:
            raise WrongValue("should be a finite number", "finite_number")
        return number

    return read


def _enum_reader(enum: EnumDescriptor) -> Reader:
    numbers = enum_numbers(enum)
    known = frozenset(numbers.values())
    spellings = [repr(text) for text in enum_spellings(enum).values()]
    expected = " or ".join(filter(None, [", ".join(spellings[:-1]), spellings[-1]]))

    def read(value: Any) -> int:
        number = numbers.get(value.lower()) if isinstance(value, str) else value
        if not isinstance(number, int) or isinstance(number, bool) or number not in known:
            raise WrongValue(f"should be {expected}", "enum")
        return number

    return read


def _enum_writer(enum: EnumDescriptor) -> Writer:
    spellings = enum_spellings(enum)

    def write(number: int) -> str | int | None:
        # a number that only a newer contract knows goes out as it is, as in proto3 JSON
        return spellings.get(number, number or None)

    return write


def _write_float(value: float) -> float | str:
    """Return *value*, or the word that proto3 JSON has for what JSON cannot say."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _shortest_float32(value: float) -> float:
    """Return the double with the fewest digits that is the same single-precision number as *value*."""
    if not math.isfinite(value):
        return value
    for digits in (6, 7, 8):
        candidate = float(f"{value:.{digits}g}")
        if abs(candidate) <= _FLOAT32_MAX and struct.unpack("<f", struct.pack("<f", candidate))[0] == value:
            return candidate
    return float(f"{value:.9g}")
