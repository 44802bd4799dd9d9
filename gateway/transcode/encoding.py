"""
Messages to JSON values, compiled once for each message type.

Every field is written: what is absent is null, an empty repeated field is `[]`, an unspecified enum is null. Names are those of
the contract, in snake_case. `also_emitted_as`, `inline`, `omit_absent` and `bare_list` of `mneme/v1/http.proto` are honoured.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.transcode.options import bare_list_field, field_options, is_map, message_of, output_names
from gateway.transcode.scalars import json_writer
from gateway.transcode.wellknown import check_supported, formatter

Json = dict[str, Any]
# writes the field of a message into the object that the message becomes
_FieldWriter = Callable[[Any, Json], None]
# makes a JSON value of the value of a field
_ValueWriter = Callable[[Any], Any]


class Encoder:
    """Compiled writers of message types. Compile everything at start; encoding then changes nothing."""

    def __init__(self) -> None:
        """Begin with no type."""
        self._writers: dict[str, list[_FieldWriter]] = {}

    def message(self, message: Descriptor) -> _ValueWriter:
        """Return what makes a JSON value of a *message* type. ValueError for a type that has no JSON form."""
        check_supported(message)
        bare = bare_list_field(message)
        if bare is not None:
            name, element = bare.name, self._element(bare)
            return lambda value: [element(each) for each in getattr(value, name)]
        writers = self._compiled(message)

        def write(value: Any) -> Json:
            target: Json = {}
            for writer in writers:
                writer(value, target)
            return target

        return write

    def field(self, field: FieldDescriptor) -> _ValueWriter:
        """Return what makes a JSON value of one *field* of a message that is given."""
        return self._reader(field)

    def _compiled(self, message: Descriptor) -> list[_FieldWriter]:
        """Return the writers of the fields of *message*; of a type that holds itself, the list that is being filled."""
        known = self._writers.get(message.full_name)
        if known is None:
            known = self._writers[message.full_name] = []
            known.extend(self._field(field) for field in message.fields)
        return known

    def _field(self, field: FieldDescriptor) -> _FieldWriter:
        """Return the writer of one *field* in all its spellings."""
        if field_options(field).inline:
            return self._inline(field)
        read = self._reader(field)
        names = output_names(field)
        if field_options(field).omit_absent:
            return _present_only(names, read)
        if len(names) > 1:
            return _under_names(names, read)
        return _under_name(field.name, read)

    def _reader(self, field: FieldDescriptor) -> _ValueWriter:
        """Return what takes *field* out of a message, as a JSON value. Absent is None."""
        name = field.name
        if is_map(field):
            entry = message_of(field)
            key, value = _map_key(entry.fields_by_name["key"]), self._element(entry.fields_by_name["value"])
            return lambda message: {key(k): value(v) for k, v in getattr(message, name).items()}
        if field.is_repeated:
            return self._repeated(field)
        element = self._element(field) if field.message_type is not None else json_writer(field)
        if field.has_presence:
            write = element or _same
            return lambda message: write(getattr(message, name)) if message.HasField(name) else None
        if element is None:
            return lambda message: getattr(message, name)
        return lambda message: element(getattr(message, name))

    def _repeated(self, field: FieldDescriptor) -> _ValueWriter:
        """Return what makes an array of a repeated *field*."""
        name = field.name
        if field.message_type is None and json_writer(field) is None:
            return lambda message: list(getattr(message, name))
        element = self._element(field)
        return lambda message: [element(each) for each in getattr(message, name)]

    def _element(self, field: FieldDescriptor) -> _ValueWriter:
        """Return what makes a JSON value of one element of *field*."""
        if field.message_type is not None:
            return formatter(field) or self.message(field.message_type)
        return json_writer(field) or _same

    def _inline(self, field: FieldDescriptor) -> _FieldWriter:
        """Return what writes the subfields of *field* where the field itself would stand."""
        name, writers = field.name, self._compiled(message_of(field))

        def write(message: Any, target: Json) -> None:
            # an absent message reads as its default, so its keys are there too
            value = getattr(message, name)
            for writer in writers:
                writer(value, target)

        return write


def _same(value: Any) -> Any:
    return value


def _map_key(field: FieldDescriptor) -> _ValueWriter:
    """Return what makes an object key of a map key."""
    if field.cpp_type == field.CPPTYPE_BOOL:
        return lambda value: "true" if value else "false"
    return str


def _under_name(name: str, read: _ValueWriter) -> _FieldWriter:
    def write(message: Any, target: Json) -> None:
        target[name] = read(message)

    return write


def _under_names(names: tuple[str, ...], read: _ValueWriter) -> _FieldWriter:
    def write(message: Any, target: Json) -> None:
        value = read(message)
        for name in names:
            target[name] = value

    return write


def _present_only(names: tuple[str, ...], read: _ValueWriter) -> _FieldWriter:
    def write(message: Any, target: Json) -> None:
        value = read(message)
        if value is not None:
            for name in names:
                target[name] = value

    return write
