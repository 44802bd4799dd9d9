"""
Messages as the REST API spells them, for the bodies of webhooks.

The options of `mneme/v1/http.proto` say how; the gateway compiles the same rules for its answers, and a test compares the two.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from mneme.v1 import http_pb2

from service.rpc.mapping.values import from_struct


def rest_value(message: Message) -> Any:
    """Return a message as JSON; what is absent is null. For messages of scalars, enums, lists, times and objects."""
    if isinstance(message, Timestamp):
        return message.ToJsonString()
    if isinstance(message, Struct):
        return from_struct(message)
    fields = message.DESCRIPTOR.fields
    if message.DESCRIPTOR.GetOptions().Extensions[http_pb2.json_message].bare_list:
        return _value(message, fields[0])
    document: dict[str, Any] = {}
    for field in fields:
        options = field.GetOptions().Extensions[http_pb2.json_field]
        value = _value(message, field)
        if value is not None or not options.omit_absent:
            document |= dict.fromkeys((field.name, *options.also_emitted_as), value)
    return document


def _value(message: Message, field: Any) -> Any:  # the stubs know two classes of descriptors
    if field.is_repeated:
        return [_single(each, field) for each in getattr(message, field.name)]
    if field.has_presence and not message.HasField(field.name):
        return None
    return _single(getattr(message, field.name), field)


def _single(value: Any, field: Any) -> Any:
    if field.message_type is not None:
        return rest_value(value)
    if field.enum_type is not None:
        # zero means that nothing is said
        spelled = field.enum_type.values_by_number[value].GetOptions().Extensions[http_pb2.json_value]
        return spelled.spelling or None
    return value
