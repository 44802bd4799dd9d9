"""The codec against `google.protobuf.json_format`, modulo what the options of the contract and the codec's own rules say."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

import orjson
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.struct_pb2 import Struct, Value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mneme.v1 import http_pb2, user_pb2

from gateway.transcode.decoding import Decoder
from gateway.transcode.encoding import Encoder
from gateway.transcode.methods import methods_of
from gateway.transcode.options import accepted_list_field
from gateway.transcode.problems import Problem
from gateway.wiring import CONTRACT

OUTPUTS = sorted({method.output for method in methods_of(CONTRACT)}, key=lambda each: each.full_name)
INPUTS = sorted({method.input for method in methods_of(CONTRACT)}, key=lambda each: each.full_name)

encoder, decoder = Encoder(), Decoder()

# JSON has one zero, and doubles hold integers up to 2**53
finite = st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number or 0.0)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | text | finite | st.integers(-(2**53), 2**53),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
timestamps = st.tuples(st.integers(-62135596800, 253402300799), st.sampled_from([0, 500_000_000, 1_000, 999_999_999, 120_000]))


# built once for each type: to build it anew for each example took longer than to draw from it
@cache
def messages(descriptor: Descriptor) -> st.SearchStrategy[Any]:
    """Return messages of a type, each field present or absent, every scalar anywhere in its range."""
    new: Any = GetMessageClass(descriptor)
    if descriptor.full_name == "google.protobuf.Timestamp":
        return timestamps.map(lambda parts: new(seconds=parts[0], nanos=parts[1]))
    if descriptor.full_name == "google.protobuf.Struct":
        return st.dictionaries(text, json_values, max_size=3).map(lambda value: json_format.ParseDict(value, Struct()))
    if descriptor.full_name == "google.protobuf.Value":
        # null is the same as absent
        present = json_values.filter(lambda value: value is not None)
        return present.map(lambda value: json_format.Parse(orjson.dumps(value), Value()))
    if descriptor.full_name == "google.protobuf.FieldMask":
        return st.lists(st.sampled_from(["name", "settings"]), max_size=2, unique=True).map(lambda paths: new(paths=paths))
    fields = {field.name: st.none() | values(field) for field in descriptor.fields}
    return st.fixed_dictionaries(fields).map(lambda chosen: new(**{name: v for name, v in chosen.items() if v is not None}))


def values(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    """Return what *field* can hold."""
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return st.dictionaries(text, finite, max_size=3)
    one = single(field)
    return st.lists(one, max_size=3) if field.is_repeated else one


def single(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    """Return one value of *field*."""
    if field.message_type is not None:
        return messages(field.message_type)
    if field.enum_type is not None:
        # an unspecified value is written as null, which nothing can tell from absence, so lists hold none
        return st.sampled_from([value.number for value in field.enum_type.values if value.number])
    if field.cpp_type == field.CPPTYPE_BOOL:
        return st.booleans()
    if field.type == field.TYPE_BYTES:
        # null is written as what is absent
        texts = json_values.filter(lambda value: value is not None).map(orjson.dumps)
        return texts if is_raw(field) else st.binary(max_size=12)
    if field.cpp_type == field.CPPTYPE_STRING:
        return text
    bits = {field.CPPTYPE_INT32: 31, field.CPPTYPE_INT64: 63}.get(field.cpp_type)
    return finite if bits is None else st.integers(-(2**bits), 2**bits - 1)


def expected_json(message: Message) -> Any:
    """Return what json_format writes for *message*, with the options of the contract applied to it."""
    plain = json_format.MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    return adapted(plain, message.DESCRIPTOR)


def adapted(plain: dict[str, Any], descriptor: Any) -> Any:
    """Turn the *plain* form of a message into that of the contract."""
    if descriptor.GetOptions().Extensions[http_pb2.json_message].bare_list:
        return adapted_field(plain, descriptor.fields[0])
    result: dict[str, Any] = {}
    for field in descriptor.fields:
        options = field.GetOptions().Extensions[http_pb2.json_field]
        value = adapted_field(plain, field)
        if options.inline:
            assert field.message_type is not None
            absent = json_format.MessageToDict(
                GetMessageClass(field.message_type)(), preserving_proto_field_name=True, always_print_fields_with_no_presence=True
            )
            result.update(value if value is not None else adapted(absent, field.message_type))
        elif value is not None or not options.omit_absent:
            result.update(dict.fromkeys([field.name, *options.also_emitted_as], value))
    return result


def adapted_field(plain: dict[str, Any], field: FieldDescriptor) -> Any:
    """Return the value of *field* in the *plain* form of its message; what is absent is None."""
    value = plain.get(field.name)
    if value is None:
        return None
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return value
    return [adapted_value(each, field) for each in value] if field.is_repeated else adapted_value(value, field)


def adapted_value(value: Any, field: FieldDescriptor) -> Any:
    """Return one value of *field*."""
    if field.enum_type is not None:
        known = field.enum_type.values_by_name[value]
        return known.GetOptions().Extensions[http_pb2.json_value].spelling or (value if known.number else None)
    if field.cpp_type == field.CPPTYPE_INT64:
        # json_format writes every one as a string; ours only those that a double cannot hold
        return int(value) if abs(int(value)) < 2**53 else value
    if field.message_type is not None and field.message_type.file.package != "google.protobuf":
        return adapted(value, field.message_type)
    return value


@pytest.mark.parametrize("descriptor", OUTPUTS, ids=lambda each: each.name)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_writing_agrees_with_the_oracle(descriptor: Descriptor, data: st.DataObject) -> None:
    """Every response is written as json_format writes it, modulo the options."""
    message = data.draw(messages(descriptor))

    assert expected_json(message) == orjson.loads(orjson.dumps(encoder.message(descriptor)(message)))


@pytest.mark.parametrize("descriptor", [*INPUTS, *OUTPUTS], ids=lambda each: each.name)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_what_is_written_can_be_read(descriptor: Descriptor, data: st.DataObject) -> None:
    """Reading what was written gives the same message. An inline message without content is the same as none."""
    message = without_empty_inlines(data.draw(messages(descriptor)))
    problems: list[Problem] = []
    read = GetMessageClass(descriptor)()

    decoder.message(descriptor)(encoder.message(descriptor)(message), read, ("body",), problems)

    assert ([], message) == (problems, without_empty_inlines(read))


@pytest.mark.parametrize("descriptor", INPUTS, ids=lambda each: each.name)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_reading_agrees_with_the_oracle(descriptor: Descriptor, data: st.DataObject) -> None:
    """What json_format writes for a request is read as json_format reads it, inline fields moved to where they stand."""
    message = without_empty_inlines(data.draw(messages(descriptor)))
    plain = json_format.MessageToDict(message, preserving_proto_field_name=True)
    problems: list[Problem] = []
    read = GetMessageClass(descriptor)()

    decoder.message(descriptor)(flattened(plain, descriptor), read, ("body",), problems)

    assert ([], json_format.ParseDict(plain, GetMessageClass(descriptor)())) == (problems, read)


def flattened(plain: dict[str, Any], descriptor: Descriptor) -> dict[str, Any]:
    """Return *plain* with the fields of inline messages at its own level, and with the lists that may not be left out."""
    result: dict[str, Any] = {}
    for name, value in plain.items():
        field = descriptor.fields_by_name[name]
        if field.GetOptions().Extensions[http_pb2.json_field].inline:
            assert field.message_type is not None
            result.update(flattened(value, field.message_type))
        elif field.message_type is not None and (listed := accepted_list_field(field.message_type)) is not None:
            result[name] = {listed.name: [], **value}
        elif field.message_type is not None and field.message_type.GetOptions().Extensions[http_pb2.json_message].bare_list:
            result[name] = value.get(field.message_type.fields[0].name, [])
        else:
            result[name] = orjson.loads(base64.b64decode(value)) if is_raw(field) else value
    return result


def is_raw(field: FieldDescriptor) -> bool:
    """Return whether *field* holds the text of a JSON value."""
    return bool(field.GetOptions().Extensions[http_pb2.json_field].raw)


def without_empty_inlines(message: Any) -> Any:
    """Clear the inline messages of *message* that hold nothing that JSON shows."""
    for field, value in message.ListFields():
        inline = field.GetOptions().Extensions[http_pb2.json_field].inline
        if inline and not without_empty_inlines(value).ListFields():
            message.ClearField(field.name)
    return message


def test_objects_of_the_callers_are_written_in_order() -> None:
    """Whatever the process: protobuf has the names of an object in a random order."""
    user = user_pb2.User()
    user.metadata.update({name: {"y": 1, "x": [{"b": 1, "a": 2}]} for name in "hgfedcba"})
    told = encoder.message(user.DESCRIPTOR)(user)["metadata"]
    assert (list("abcdefgh"), ["x", "y"], ["a", "b"]) == (list(told), list(told["a"]), list(told["a"]["x"][0]))
