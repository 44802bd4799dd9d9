"""What the proxy has to know of an API of a provider."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.forward.conversation import Conversation, UnknownShape
from gateway.forward.layout import JsonText, Splice
from gateway.forward.reply import Reply

JsonObject = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """
    What is put into a request.

    *prompt* is the same from turn to turn and goes where the provider caches it; *context* is new each time and goes after
    everything that the client will send again.
    """

    prompt: str
    context: str


class EventReader(Protocol):
    """Reads the events of one streamed answer."""

    def take(self, event: Any) -> None:
        """Read the JSON value of one event. Unknown ones are passed over."""
        ...

    def reply(self) -> Reply:
        """Return the reply as far as it has come."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """
    One API. *path* matches the end of the paths that serve it.

    *stores* says whether an answer is a turn of a conversation. *knows_user* says whether the request may hold a `user`, which is
    taken out otherwise. *read* and *inject* raise UnknownShape. *error* writes a body from status and message; *error_event* what
    ends a stream that broke.
    """

    name: str
    path: re.Pattern[str]
    stores: bool
    knows_user: bool
    read: Callable[[JsonObject], Conversation]
    inject: Callable[[JsonText, Conversation, Memory], Sequence[Splice]]
    read_answer: Callable[[Any], Reply]
    reader: Callable[[], EventReader]
    error: Callable[[int, str], JsonObject]
    error_event: Callable[[str], JsonObject]
    event_name: str = ""


def check_array(body: JsonText, name: str) -> None:
    """Raise UnknownShape unless the member *name* is an array."""
    if not isinstance(body.value.get(name), list):
        raise UnknownShape


def objects(value: Any) -> list[JsonObject]:
    """Return *value*, a list of objects. UnknownShape when it is something else."""
    if not isinstance(value, list) or not all(isinstance(element, Mapping) for element in value):
        raise UnknownShape
    return value


def child(value: Any, *path: str | int) -> Any:
    """Return what stands at *path* inside of *value*; None when there is no such thing."""
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and len(value) > step else None
        else:
            value = value.get(step) if isinstance(value, Mapping) else None
    return value


def joined(*texts: str) -> str:
    """Return the *texts* that are not empty, a blank line between them."""
    return "\n\n".join(text for text in texts if text)
