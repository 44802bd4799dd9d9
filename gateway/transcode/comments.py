"""The comments of the contract, which generated code does not hold: read from the descriptor set beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet

# field numbers in descriptor.proto, by which source locations name their way
_FILE_MESSAGES, _FILE_ENUMS, _FILE_SERVICES = 4, 5, 6
_MESSAGE_FIELDS, _MESSAGE_NESTED, _MESSAGE_ENUMS = 2, 3, 4
_SERVICE_METHODS = 2
_ENUM_VALUES = 2

_Named = tuple[tuple[int, ...], str]


def contract_comments() -> Mapping[str, str]:
    """Return the comment before each service, method, message, field, enum and enum value of the contract, by full name."""
    data = files("mneme").joinpath("contract.binpb").read_bytes()
    comments: dict[str, str] = {}
    for file in FileDescriptorSet.FromString(data).file:
        leading = {
            tuple(location.path): _tidy(location.leading_comments)
            for location in file.source_code_info.location
            if location.leading_comments
        }
        comments.update({name: leading[way] for way, name in _names(file) if way in leading})
    return comments


def _tidy(comment: str) -> str:
    """Return a comment without the space after each `//`."""
    return "\n".join(line.removeprefix(" ") for line in comment.strip("\n").split("\n")).strip()


def _names(file: FileDescriptorProto) -> Iterator[_Named]:
    """Yield the way to each thing in *file* with its full name."""
    for index, message in enumerate(file.message_type):
        yield from _message_names(message, (_FILE_MESSAGES, index), file.package)
    for index, enum in enumerate(file.enum_type):
        yield from _enum_names(enum, (_FILE_ENUMS, index), file.package)
    for index, service in enumerate(file.service):
        way, name = (_FILE_SERVICES, index), f"{file.package}.{service.name}"
        yield way, name
        yield from _member_names(service.method, (*way, _SERVICE_METHODS), name)


def _message_names(message: DescriptorProto, way: tuple[int, ...], scope: str) -> Iterator[_Named]:
    """Yield a *message* with its fields and what is nested in it."""
    name = f"{scope}.{message.name}"
    yield way, name
    yield from _member_names(message.field, (*way, _MESSAGE_FIELDS), name)
    for index, nested in enumerate(message.nested_type):
        yield from _message_names(nested, (*way, _MESSAGE_NESTED, index), name)
    for index, enum in enumerate(message.enum_type):
        yield from _enum_names(enum, (*way, _MESSAGE_ENUMS, index), name)


def _enum_names(enum: EnumDescriptorProto, way: tuple[int, ...], scope: str) -> Iterator[_Named]:
    """Yield an *enum* with its values, which protobuf names beside the enum and not in it."""
    yield way, f"{scope}.{enum.name}"
    yield from _member_names(enum.value, (*way, _ENUM_VALUES), scope)


def _member_names(members: Any, way: tuple[int, ...], scope: str) -> Iterator[_Named]:
    """Yield each of the *members* of a thing called *scope*."""
    for index, member in enumerate(members):
        yield (*way, index), f"{scope}.{member.name}"
