"""
JSON values to messages, compiled once for each message type.

Unknown keys are ignored and null is the same as absent. Of several spellings of a field the first alias that is present wins.
`inline`, `bare_list`, `accepts_list`, `aliases`, `require_utc`, `strict_number`, `any_time` and `raw` of `mneme/v1/http.proto`
are honoured. All problems are found, not one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.transcode.options import accepted_list_field, bare_list_field, field_options, input_names, is_map, message_of
from gateway.transcode.problems import Problem
from gateway.transcode.scalars import Reader, WrongValue, json_reader
from gateway.transcode.wellknown import check_supported, filler

Location = tuple[str | int, ...]
Object = Mapping[str, Any]
# reads what belongs to one field out of an object into a message; tells whether there was anything
_FieldReader = Callable[[Object, Any, Location, list[Problem]], bool]
# reads one JSON value into the place that takes it
_ValueReader = Callable[[Any, Any, Location, list[Problem]], None]


class Decoder:
    """Compiled readers of message types. Compile everything at start; decoding then changes nothing."""

    def __init__(self) -> None:
        """Begin with no type."""
        self._readers: dict[str, list[_FieldReader]] = {}

    def message(self, message: Descriptor, *, without: Collection[str] = ()) -> _ValueReader:
        """
        Return what reads a JSON value into a message of type *message*, leaving out the top-level fields named in *without*.

        ValueError for a type that has no JSON form.
        """
        check_supported(message)
        bare = bare_list_field(message)
        if bare is not None:
            return self._repeated_value(bare)
        listed = accepted_list_field(message)
        read_list = self._repeated_value(listed) if listed is not None else None
        if without:
            readers = [self._field(field) for field in message.fields if field.name not in without]
        else:
            readers = self._compiled(message)

        def read(value: Any, target: Any, at: Location, problems: list[Problem]) -> None:
            if read_list is not None and isinstance(value, list):
                read_list(value, target, at, problems)
                return
            if not isinstance(value, dict):
                problems.append(Problem(loc=at, message="should be an object", kind="dict_type", input=value))
                return
            target.SetInParent()
            for reader in readers:
                reader(value, target, at, problems)
            if listed is not None and all(value.get(name) is None for name in input_names(listed)):
                # an object without its list says nothing, where an empty list says that there is nothing
                problems.append(Problem(loc=(*at, listed.name), message="is required", kind="missing"))

        return read

    def field(self, field: FieldDescriptor) -> _ValueReader:
        """Return what reads a JSON value into one *field* of the message that is given."""
        if is_map(field):
            return self._map_value(field)
        if field.is_repeated:
            return self._repeated_value(field)
        if field.message_type is not None:
            name, fill = field.name, self._filler(field)
            return lambda value, target, at, problems: fill(value, getattr(target, name), at, problems)
        return _scalar_value(field.name, json_reader(field))

    def _compiled(self, message: Descriptor) -> list[_FieldReader]:
        """Return the readers of the fields of *message*; of a type that holds itself, the list that is being filled."""
        known = self._readers.get(message.full_name)
        if known is None:
            known = self._readers[message.full_name] = []
            known.extend(self._field(field) for field in message.fields)
        return known

    def _field(self, field: FieldDescriptor) -> _FieldReader:
        """Return what finds *field* in an object under one of its names and reads it."""
        if field_options(field).inline:
            return self._inline(field)
        names, read = input_names(field), self.field(field)
        # null is a value of its own to a field that takes any
        absent = ... if field_options(field).raw else None

        def find(source: Object, target: Any, at: Location, problems: list[Problem]) -> bool:
            for name in names:
                value = source.get(name, absent)
                if value is not absent:
                    read(value, target, (*at, name), problems)
                    return True
            return False

        return find

    def _inline(self, field: FieldDescriptor) -> _FieldReader:
        """Return what reads the subfields of *field* from the object that the field itself would stand in."""
        name, readers = field.name, self._compiled(message_of(field))

        def read(source: Object, target: Any, at: Location, problems: list[Problem]) -> bool:
            inner = getattr(target, name)
            # no shortcut: every reader must run
            found = [reader(source, inner, at, problems) for reader in readers]
            if any(found):
                inner.SetInParent()
            return any(found)

        return read

    def _filler(self, field: FieldDescriptor) -> _ValueReader:
        """Return what reads a JSON value into one message of *field*."""
        fill = filler(field)
        if fill is None:
            return self.message(message_of(field))

        def read(value: Any, target: Any, at: Location, problems: list[Problem]) -> None:
            try:
                fill(value, target)
            except WrongValue as error:
                problems.append(Problem(loc=at, message=error.message, kind=error.kind, input=value))

        return read

    def _repeated_value(self, field: FieldDescriptor) -> _ValueReader:
        """Return what reads a JSON array into a repeated *field*."""
        name = field.name
        fill = self._filler(field) if field.message_type is not None else None
        scalar = json_reader(field) if fill is None else None

        def read(value: Any, target: Any, at: Location, problems: list[Problem]) -> None:
            if not isinstance(value, list):
                problems.append(Problem(loc=at, message="should be an array", kind="list_type", input=value))
                return
            target.SetInParent()
            place = getattr(target, name)
            for index, each in enumerate(value):
                if fill is not None:
                    fill(each, place.add(), (*at, index), problems)
                elif scalar is not None:
                    _collect(scalar, each, place.append, (*at, index), problems)

        return read

    def _map_value(self, field: FieldDescriptor) -> _ValueReader:
        """Return what reads a JSON object into a map *field*."""
        name, entry = field.name, message_of(field)
        key_reader, value_field = _map_key(entry.fields_by_name["key"]), entry.fields_by_name["value"]
        fill = self._filler(value_field) if value_field.message_type is not None else None
        scalar = json_reader(value_field) if fill is None else None

        def read(value: Any, target: Any, at: Location, problems: list[Problem]) -> None:
            if not isinstance(value, dict):
                problems.append(Problem(loc=at, message="should be an object", kind="dict_type", input=value))
                return
            place = getattr(target, name)
            for text, each in value.items():
                keys: list[Any] = []
                _collect(key_reader, text, keys.append, (*at, text), problems)
                if keys and fill is not None:
                    fill(each, place[keys[0]], (*at, text), problems)
                elif keys and scalar is not None:
                    _collect(scalar, each, partial(place.__setitem__, keys[0]), (*at, text), problems)

        return read


def _scalar_value(name: str, convert: Reader) -> _ValueReader:
    """Return what sets the scalar field called *name*."""

    def read(value: Any, target: Any, at: Location, problems: list[Problem]) -> None:
        _collect(convert, value, partial(setattr, target, name), at, problems)

    return read


def _collect(convert: Reader, value: Any, take: Callable[[Any], None], at: Location, problems: list[Problem]) -> None:
    """Convert *value* and hand it to *take*, or write down why not."""
    try:
        converted = convert(value)
    except WrongValue as error:
        problems.append(Problem(loc=at, message=error.message, kind=error.kind, input=value))
    else:
        take(converted)


def _map_key(field: FieldDescriptor) -> Reader:
    """Return what turns an object key into a map key."""
    if field.cpp_type == field.CPPTYPE_BOOL:
        return lambda text: json_reader(field)({"true": True, "false": False}.get(text, text))
    return json_reader(field)
