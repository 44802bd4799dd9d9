"""The methods of the contract as the gateway sees them: one `Method` for each rpc, one `Binding` for each of its HTTP rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from google.api import annotations_pb2
from google.api.http_pb2 import HttpRule
from google.protobuf.descriptor import Descriptor, FileDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from mneme.v1.http_pb2 import ErrorStyle, HttpMethod, StreamFormat, UsageKind

from gateway.transcode.options import method_options, service_options
from gateway.transcode.template import Template, parse_template


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One verb and path of a method. *body* and *response_body* name a top-level field; `*` is the whole request."""

    verb: str
    template: Template
    body: str
    response_body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """
    One rpc. *path* is its gRPC path, `/mneme.v1.UsersService/GetUser`; *repeatable* says that a repeat is harmless, *cancellable*
    that it is to stop when its caller leaves. The longest body of 0 *max_body_bytes* is that of the gateway.
    """

    path: str
    descriptor: MethodDescriptor
    input: Descriptor
    output: Descriptor
    streams: bool
    repeatable: bool
    cancellable: bool
    success_status: int
    stream_format: StreamFormat.ValueType
    selected_by: str
    stream_error_field: str
    stream_final_field: str
    error_style: ErrorStyle.ValueType
    max_body_bytes: int
    bindings: tuple[Binding, ...]


def methods_of(files: Iterable[FileDescriptor]) -> list[Method]:
    """Return every method of every service in *files* that has an HTTP rule, in the order of the files."""
    return [
        _method(service, descriptor)
        for file in files
        for service in file.services_by_name.values()
        for descriptor in service.methods
        if descriptor.GetOptions().HasExtension(annotations_pb2.http)
    ]


def _method(service: ServiceDescriptor, descriptor: MethodDescriptor) -> Method:
    """Read one method. ValueError for a rule that cannot be served."""
    if descriptor.client_streaming:
        raise ValueError(f"{descriptor.full_name}: a stream from the client has no form in HTTP")
    options = method_options(descriptor)
    level = descriptor.GetOptions().idempotency_level
    return Method(
        path=f"/{service.full_name}/{descriptor.name}",
        descriptor=descriptor,
        input=descriptor.input_type,
        output=descriptor.output_type,
        streams=descriptor.server_streaming,
        repeatable=level != MethodOptions.IDEMPOTENCY_UNKNOWN,
        cancellable=_is_read(level, options),
        success_status=options.success_status or 200,
        stream_format=options.stream_format or StreamFormat.STREAM_FORMAT_SSE,
        selected_by=options.selected_by,
        stream_error_field=options.stream_error_field,
        stream_final_field=options.stream_final_field,
        error_style=service_options(service).error_style or ErrorStyle.ERROR_STYLE_DETAIL,
        max_body_bytes=options.max_body_bytes,
        bindings=tuple(_bindings(descriptor)),
    )


def _is_read(level: MethodOptions.IdempotencyLevel.ValueType, options: HttpMethod) -> bool:
    """Tell whether a method changes nothing; a recall that can be repeated keeps no more than a note of itself."""
    recall = options.usage.kind == UsageKind.USAGE_KIND_RECALL
    return level == MethodOptions.NO_SIDE_EFFECTS or (recall and level == MethodOptions.IDEMPOTENT)


def _bindings(descriptor: MethodDescriptor) -> Iterator[Binding]:
    """Read the rule of a method and its additional bindings, which go one level deep."""
    rule = descriptor.GetOptions().Extensions[annotations_pb2.http]
    for each in (rule, *rule.additional_bindings):
        verb, path = _pattern(each)
        yield Binding(verb=verb, template=parse_template(path), body=each.body, response_body=each.response_body)


def _pattern(rule: HttpRule) -> tuple[str, str]:
    """Return verb and path of a *rule*."""
    kind = rule.WhichOneof("pattern")
    if kind is None:
        raise ValueError("an HTTP rule needs a verb and a path")
    if kind == "custom":
        return rule.custom.kind.upper(), rule.custom.path
    return kind.upper(), str(getattr(rule, kind))
