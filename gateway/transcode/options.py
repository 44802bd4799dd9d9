"""What the contract says about HTTP, read from descriptors: the options of `mneme/v1/http.proto`."""

from __future__ import annotations

from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    EnumValueDescriptor,
    FieldDescriptor,
    MethodDescriptor,
    ServiceDescriptor,
)
from mneme.v1 import http_pb2


def service_options(service: ServiceDescriptor) -> http_pb2.HttpService:
    """Return the HTTP habits of a *service*."""
    return service.GetOptions().Extensions[http_pb2.http_service]


def method_options(method: MethodDescriptor) -> http_pb2.HttpMethod:
    """Return the HTTP habits of a *method*."""
    return method.GetOptions().Extensions[http_pb2.http_method]


def field_options(field: FieldDescriptor) -> http_pb2.JsonField:
    """Return how a *field* is spelled outside protobuf."""
    return field.GetOptions().Extensions[http_pb2.json_field]


def value_options(value: EnumValueDescriptor) -> http_pb2.JsonEnumValue:
    """Return how an enum *value* is spelled outside protobuf."""
    return value.GetOptions().Extensions[http_pb2.json_value]


def message_of(field: FieldDescriptor) -> Descriptor:
    """Return the message type of a message *field*."""
    if field.message_type is None:
        raise TypeError(f"{field.full_name} is no message")
    return field.message_type


def is_map(field: FieldDescriptor) -> bool:
    """Tell whether a *field* is a map; its message type is then the entry, with the fields `key` and `value`."""
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def bare_list_field(message: Descriptor) -> FieldDescriptor | None:
    """Return the one repeated field of a *message* that is written as a bare array; None for any other message."""
    return _only_list(message) if message.GetOptions().Extensions[http_pb2.json_message].bare_list else None


def accepted_list_field(message: Descriptor) -> FieldDescriptor | None:
    """Return the one repeated field of a *message* for which a bare array is read as well; None for any other message."""
    return _only_list(message) if message.GetOptions().Extensions[http_pb2.json_message].accepts_list else None


def _only_list(message: Descriptor) -> FieldDescriptor:
    if len(message.fields) != 1 or not message.fields[0].is_repeated:
        raise ValueError(f"{message.full_name}: a bare list has exactly one field, and that one is repeated")
    return message.fields[0]


def input_names(field: FieldDescriptor) -> tuple[str, ...]:
    """Return the names that a *field* answers to, the one that wins first."""
    return (*field_options(field).aliases, field.name)


def output_names(field: FieldDescriptor) -> tuple[str, ...]:
    """Return the names under which a *field* is written."""
    return (field.name, *field_options(field).also_emitted_as)


def enum_spellings(enum: EnumDescriptor) -> dict[int, str]:
    """Return the text that is written for each number of an *enum*. The zero value that means "unspecified" has none."""
    spellings: dict[int, str] = {}
    for value in enum.values:
        spelling = value_options(value).spelling
        if spelling or not (value.number == 0 and value.name.endswith("_UNSPECIFIED")):
            spellings.setdefault(value.number, spelling or value.name)
    return spellings


def enum_numbers(enum: EnumDescriptor) -> dict[str, int]:
    """Return the number behind each accepted text of an *enum*, folded to lower case."""
    numbers: dict[str, int] = {}
    for value in enum.values:
        options = value_options(value)
        for text in (value.name, options.spelling, *options.aliases):
            if text:
                numbers.setdefault(text.lower(), value.number)
    return numbers
