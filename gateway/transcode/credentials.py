"""Credentials in a body: the fields with a `metadata` option, which are taken out before anything else is done with the body."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor

from gateway.transcode.options import field_options, input_names, is_map
from gateway.transcode.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One credential: the *key* of the metadata that it becomes, and the way to it, the names that are accepted at each step."""

    key: str
    way: tuple[tuple[str, ...], ...]

    def taken_from(self, body: dict[str, Any], problems: list[Problem]) -> Iterator[tuple[str, str]]:
        """
        Take the credential out of *body* and yield it with its key; nothing when it is absent, empty or no text.

        An object on the way that is not there is a problem; of anything else in its place the message will complain.
        """
        *above, names = self.way
        holder: Any = body
        for step in above:
            holder = next((holder[name] for name in step if holder.get(name) is not None), None)
            if holder is None:
                missing = Problem(loc=("body", step[-1]), message="should be an object", kind="missing")
                if missing not in problems:
                    problems.append(missing)
            if not isinstance(holder, dict):
                return
        # every spelling is taken out, and the first one counts
        texts = [holder.pop(name) for name in names if name in holder]
        if texts and isinstance(texts[0], str) and texts[0]:
            yield self.key, texts[0]


def credentials_in(message: Descriptor) -> Sequence[Credential]:
    """Return the credentials that a body of type *message* holds, in the message itself or in one that it holds once."""
    return list(_below(message, (), frozenset({message.full_name})))


def _below(message: Descriptor, above: tuple[tuple[str, ...], ...], seen: frozenset[str]) -> Iterator[Credential]:
    for field in message.fields:
        way = (*above, input_names(field))
        if key := field_options(field).metadata:
            yield Credential(key=key, way=way)
            continue
        inner = field.message_type
        if inner is not None and not field.is_repeated and not is_map(field) and inner.full_name not in seen:
            yield from _below(inner, way, seen | {inner.full_name})
