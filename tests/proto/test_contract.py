"""What must be true of every service, method, message and field of the contract."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from buf.validate import validate_pb2
from google.api import annotations_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from mneme.v1 import error_reason_pb2, http_pb2
from mneme.v1.http_pb2 import STREAM_FORMAT_NDJSON

from gateway.transcode.methods import Method, methods_of
from gateway.wiring import CONTRACT
from service.domain import errors

METHODS = methods_of(CONTRACT)
RPCS = [rpc for file in CONTRACT for service in file.services_by_name.values() for rpc in service.methods]

# what the name of a method begins with, and the verbs that fit
VERBS = {
    "Create": {"POST"},
    "Get": {"GET"},
    "List": {"GET"},
    "Update": {"PUT", "PATCH"},
    "Set": {"PUT"},
    "Delete": {"DELETE"},
    "Revoke": {"DELETE"},
    "Remove": {"DELETE"},
}
# lists without pages, with the reason
UNPAGED = {
    "ListRecentMessages": "the newest few are all that it is for",
    "ListApiKeys": "a project has a handful of keys",
}
# methods without a REST form, with the reason
GRPC_ONLY = {"ImportMemories": "an HTTP request cannot be a stream of messages"}
# strings without a bound of their own, with the reason
UNBOUNDED: dict[str, str] = {}


def messages_below(message: Descriptor, seen: set[str]) -> Iterator[Descriptor]:
    """Yield *message* and every message of the contract that it holds, each once."""
    if message.full_name in seen or not message.full_name.startswith("mneme."):
        return
    seen.add(message.full_name)
    yield message
    for field in message.fields:
        if field.message_type is not None:
            yield from messages_below(field.message_type, seen)


def request_fields() -> Iterator[FieldDescriptor]:
    """Yield every field that a request can hold."""
    seen: set[str] = set()
    for method in METHODS:
        for message in messages_below(method.input, seen):
            yield from message.fields


def all_messages() -> list[Descriptor]:
    """Return every message that a request or response can hold."""
    seen: set[str] = set()
    return [message for method in METHODS for root in (method.input, method.output) for message in messages_below(root, seen)]


def enums() -> list[EnumDescriptor]:
    """Return every enum that a message uses."""
    found = {field.enum_type.full_name: field.enum_type for each in all_messages() for field in each.fields if field.enum_type}
    return list(found.values())


def rules(field: FieldDescriptor) -> validate_pb2.FieldRules:
    """Return the validation rules of *field*."""
    return field.GetOptions().Extensions[validate_pb2.field]


def name_of(method: Method | MethodDescriptor | Descriptor | EnumDescriptor) -> str:
    """Return a name for a test's id."""
    return method.descriptor.name if isinstance(method, Method) else str(method.name)


@pytest.mark.parametrize("rpc", RPCS, ids=name_of)
def test_every_rpc_has_an_http_rule(rpc: MethodDescriptor) -> None:
    """Each rpc can be called over HTTP, unless there is a reason why it cannot."""
    assert (rpc.name not in GRPC_ONLY) == rpc.GetOptions().HasExtension(annotations_pb2.http)


@pytest.mark.parametrize("method", METHODS, ids=name_of)
def test_verb_fits_the_name(method: Method) -> None:
    """A method that is called like a standard method has its verb, and any other has POST or GET."""
    expected = next((verbs for prefix, verbs in VERBS.items() if method.descriptor.name.startswith(prefix)), {"POST", "GET"})

    assert {binding.verb for binding in method.bindings} <= expected


def test_no_two_rpcs_share_a_route() -> None:
    """One verb and path lead to one method, unless a query parameter selects another."""
    routes = Counter(
        (binding.verb, binding.template.segments, binding.template.verb, method.selected_by)
        for method in METHODS
        for binding in method.bindings
    )

    assert [] == [route for route, count in routes.items() if count > 1]


@pytest.mark.parametrize("method", METHODS, ids=name_of)
def test_get_has_no_side_effects(method: Method) -> None:
    """What answers to GET changes nothing, and says so."""
    gets = any(binding.verb == "GET" for binding in method.bindings)

    assert not gets or method.descriptor.GetOptions().idempotency_level == MethodOptions.NO_SIDE_EFFECTS


@pytest.mark.parametrize("method", METHODS, ids=name_of)
def test_success_status(method: Method) -> None:
    """A create answers with 201, a delete with 204, everything else with 200, and foreign surfaces always with 200."""
    standard = {"Create": 201, "Delete": 204, "Revoke": 204, "Remove": 204}
    expected = next((status for prefix, status in standard.items() if method.descriptor.name.startswith(prefix)), 200)

    foreign = method.descriptor.full_name.startswith("mneme.compat.")
    assert (200 if foreign else expected) == method.success_status


@pytest.mark.parametrize("method", METHODS, ids=name_of)
def test_requests_are_named_after_their_rpc(method: Method) -> None:
    """Each rpc has a request and a response of its own."""
    name = method.descriptor.name

    assert (f"{name}Request", f"{name}Response") == (method.input.name, method.output.name)


@pytest.mark.parametrize("method", [each for each in METHODS if each.descriptor.name.startswith("List")], ids=name_of)
def test_lists_have_pages(method: Method) -> None:
    """A list takes a bounded limit and an offset, and tells the total and, unless it is another API's, whether there is more."""
    if method.descriptor.name in UNPAGED:
        return
    limit = method.input.fields_by_name["limit"]

    assert (True, True) == (limit.has_presence, rules(limit).int32.lte > 0)
    assert 0 == rules(method.input.fields_by_name["offset"]).int32.gte
    told = {"total"} if method.descriptor.full_name.startswith("mneme.compat.") else {"total", "has_more"}
    assert told <= set(method.output.fields_by_name)


def test_strings_of_requests_are_bounded() -> None:
    """Every string that comes in has a greatest length, alone or in a list."""
    strings = [field for field in request_fields() if field.type == field.TYPE_STRING and field.full_name not in UNBOUNDED]
    unbounded = [
        field.full_name
        for field in strings
        if not (rules(field).repeated.items.string.max_len if field.is_repeated else rules(field).string.max_len)
    ]

    assert [] == unbounded


def test_lists_of_requests_are_bounded() -> None:
    """Every repeated field that comes in has a greatest number of elements."""
    assert [] == [field.full_name for field in request_fields() if field.is_repeated and not rules(field).repeated.max_items]


def test_enums_of_requests_are_checked() -> None:
    """A number that no value of an enum has is refused."""
    fields = [field for field in request_fields() if field.enum_type is not None]
    unchecked = [
        field.full_name
        for field in fields
        if not (rules(field).repeated.items.enum.defined_only if field.is_repeated else rules(field).enum.defined_only)
    ]

    assert [] == unchecked


def test_path_fields_are_required() -> None:
    """What stands in a path is a string that may not be empty."""
    variables = [
        method.input.fields_by_name[variable.field]
        for method in METHODS
        for binding in method.bindings
        for variable in binding.template.variables
    ]

    assert [] == [field.full_name for field in variables if rules(field).string.min_len < 1]


@pytest.mark.parametrize("message", all_messages(), ids=name_of)
def test_json_names_of_a_message_are_unique(message: Descriptor) -> None:
    """No two fields of a message, inline ones included, answer to one name or are written under one."""
    read = Counter(name for field in flat(message) for name in {field.name, *spelling(field).aliases})
    written = Counter(name for field in flat(message) for name in {field.name, *spelling(field).also_emitted_as})

    assert [] == [name for name in read | written if max(read[name], written[name]) > 1]


def flat(message: Descriptor) -> Iterator[FieldDescriptor]:
    """Yield the fields that stand at the level of *message* in JSON."""
    for field in message.fields:
        if spelling(field).inline:
            assert field.message_type is not None
            yield from flat(field.message_type)
        else:
            yield field


def spelling(field: FieldDescriptor) -> http_pb2.JsonField:
    """Return how *field* is spelled in JSON."""
    return field.GetOptions().Extensions[http_pb2.json_field]


@pytest.mark.parametrize("enum", enums(), ids=name_of)
def test_enums_begin_unspecified(enum: EnumDescriptor) -> None:
    """The zero value of an enum means that nothing was said, and has no spelling."""
    zero = enum.values_by_number[0]

    assert (True, "") == (zero.name.endswith("_UNSPECIFIED"), zero.GetOptions().Extensions[http_pb2.json_value].spelling)


@pytest.mark.parametrize("enum", enums(), ids=name_of)
def test_enum_values_are_spelled(enum: EnumDescriptor) -> None:
    """Every other value has a spelling, and no two values answer to one text."""
    options = [value.GetOptions().Extensions[http_pb2.json_value] for value in enum.values if value.number]
    texts = Counter(text.lower() for each in options for text in {each.spelling, *each.aliases})

    assert ([], True) == ([text for text, count in texts.items() if count > 1], all(each.spelling for each in options))


def test_every_stream_ends_as_the_contract_says() -> None:
    """A stream of events names the fields that carry an error after its head; one of lines ends with a line of its own."""
    streams = [method for method in METHODS if method.streams and method.stream_format != STREAM_FORMAT_NDJSON]

    assert [] == [method.path for method in streams if not (method.stream_error_field and method.stream_final_field)]


def reasons_of_the_domain() -> set[str]:
    """Return the reason of every domain error."""
    kinds = [errors.DomainError]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    return {kind.reason for kind in kinds}


def test_reasons_are_those_of_the_domain() -> None:
    """Each reason of the contract is that of a domain error, and each domain error has a reason of the contract."""
    listed = {
        value.name.removeprefix("ERROR_REASON_") for value in error_reason_pb2.ErrorReason.DESCRIPTOR.values if value.number
    }

    assert listed == reasons_of_the_domain()
