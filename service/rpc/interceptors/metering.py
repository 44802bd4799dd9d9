"""What each method counts as, compiled from the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, TypeAlias

from google.api import annotations_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from mneme.v1 import http_pb2

from service.domain.usage import UsageKind
from service.rpc.interceptors.access import FILES

FORWARDED = "/api/v1/forward/{url}"
"""The route of the forward proxy, which stands for calls of several methods."""
BYTES_OF_A_TOKEN = 4

Reader: TypeAlias = Callable[[Message], Sequence[str]]

_KINDS: Mapping[http_pb2.UsageKind.ValueType, UsageKind] = {
    http_pb2.USAGE_KIND_UNSPECIFIED: UsageKind.OTHER,
    http_pb2.USAGE_KIND_INGEST: UsageKind.INGEST,
    http_pb2.USAGE_KIND_RECALL: UsageKind.RECALL,
    http_pb2.USAGE_KIND_FORGET: UsageKind.FORGET,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered:
    """
    What calls of one method count as. *routes* are the names that a gateway may give them; *texts* reads what is counted in
    tokens, None when nothing is. A *free* one takes nothing of the rate, a *continued* one is no request of its own.
    """

    name: str
    routes: frozenset[str]
    kind: UsageKind
    texts: Reader | None
    free: bool
    continued: bool

    def endpoint(self, route: str | None) -> str:
        """Return under which name a call is counted: the *route* that the gateway tells, if the method has it."""
        return route if route is not None and (route in self.routes or route == FORWARDED) else self.name

    def events(self, request: Message | None) -> int:
        """Return how much a request brings in."""
        if self.kind is not UsageKind.INGEST:
            return 0
        return 1 if self.texts is None or request is None else len(self.texts(request))

    def tokens(self, message: Message) -> int:
        """Return how many tokens the text of a *message* has, estimated: of the request of an ingest, of any other response."""
        return sum(map(tokens_of, self.texts(message))) if self.texts is not None else 0


def tokens_of(text: str) -> int:
    """Return how many tokens a text has, estimated: no limit depends on it, and a tokenizer takes a thousand times as long."""
    return -(-(len(text) if text.isascii() else len(text.encode())) // BYTES_OF_A_TOKEN)


def metered_methods() -> Mapping[str, Metered]:
    """Return what each method counts as, by its path. Raises ValueError for a way that leads to no text."""
    return {
        f"/{service.full_name}/{method.name}": _metered(method)
        for file in FILES
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }


def _metered(method: MethodDescriptor) -> Metered:
    usage = method.GetOptions().Extensions[http_pb2.http_method].usage
    kind = _KINDS[usage.kind]
    read = method.input_type if kind is UsageKind.INGEST else method.output_type
    service = method.containing_service
    return Metered(
        name=f"{service.full_name if service is not None else ''}/{method.name}",
        routes=frozenset(_routes(method)),
        kind=kind,
        texts=_reader(read, usage.texts) if usage.texts else None,
        free=usage.free,
        continued=usage.continued,
    )


def _routes(method: MethodDescriptor) -> Iterator[str]:
    """Yield verb and path of each HTTP route of a method."""
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    for binding in (rule, *rule.additional_bindings):
        if kind := binding.WhichOneof("pattern"):
            yield f"{kind.upper()} {getattr(binding, kind)}"


def _reader(message: Descriptor, ways: Sequence[str]) -> Reader:
    """Return what reads the strings at *ways* in a message."""
    readers = [_way(message, *way.split(".")) for way in ways]
    return readers[0] if len(readers) == 1 else lambda value: [text for read in readers for text in read(value)]


def _way(message: Descriptor, step: str, *steps: str) -> Reader:
    """Return what reads the strings at the end of one way, none where a field is absent."""
    field, held = message.fields_by_name[step], attrgetter(step)
    if steps:
        if field.message_type is None:
            raise ValueError(f"{message.full_name}.{step} holds no message")
        below = _way(field.message_type, *steps)
        if field.is_repeated:
            return lambda value: [text for each in held(value) for text in below(each)]
    else:
        if field.type != FieldDescriptor.TYPE_STRING:
            raise ValueError(f"{message.full_name}.{step} is no string")
        if field.is_repeated:
            return held
        below = _alone
    if field.has_presence:
        return lambda value: below(held(value)) if value.HasField(step) else ()
    return lambda value: below(held(value))


def _alone(text: Any) -> Sequence[str]:
    return (text,)
