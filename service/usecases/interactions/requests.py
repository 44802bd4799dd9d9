"""
What was said to a model, by the shape of the request: the keys that are there decide, never what a client calls it.

System and developer messages, and what tools say, are not part of a conversation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from service.domain.sessions import MessageRole
from service.domain.values import Json, JsonObject
from service.usecases.interactions.texts import MAX_TEXT, Said, object_of, objects_in, role_of, text_of

Reader: TypeAlias = Callable[[JsonObject], Iterator[Said]]

# the turns of a prompt for models that only complete text
_TURN = re.compile(r"(?:^|\n)\s*(Human|Assistant):", re.IGNORECASE)


def said_in(request: JsonObject) -> Sequence[Said]:
    """Return what was said so far, in order. Nothing for a request of an unknown shape."""
    if "body" in request:
        # a model behind a gateway: what it was asked is inside
        request = object_of(request["body"])
    for key, read in READERS.items():
        if request.get(key) is not None:
            found = (replace(said, text=said.text.strip()[:MAX_TEXT]) for said in read(request))
            return [said for said in found if said.text]
    return ()


def _messages(key: str) -> Reader:
    def read(request: JsonObject) -> Iterator[Said]:
        return _entries(request[key])

    return read


def _entries(value: Json) -> Iterator[Said]:
    """Yield the messages of a list, or the one of a text."""
    if isinstance(value, str):
        yield Said(role=MessageRole.USER, text=value)
    elif isinstance(value, Sequence):
        for each in value:
            if isinstance(each, str):
                yield Said(role=MessageRole.USER, text=each)
            elif isinstance(each, Mapping):
                yield from _entry(each)


def _entry(message: JsonObject) -> Iterator[Said]:
    role = role_of(message)
    if role is not None:
        held = next((message[name] for name in ("content", "parts", "message", "text") if message.get(name) is not None), None)
        yield Said(role=role, text=text_of(held))


def _contents(request: JsonObject) -> Iterator[Said]:
    """Yield what a chat had before, and what is new."""
    yield from _entries(request.get("history"))
    yield from _entries(request["contents"])


def _message(request: JsonObject) -> Iterator[Said]:
    """Yield what a chat had before, and what is new."""
    yield from _entries(request.get("chat_history"))
    yield Said(role=MessageRole.USER, text=text_of(request["message"]))


def _prompt(request: JsonObject) -> Iterator[Said]:
    """Yield the turns of a prompt that has such, else all of it; of tokens, nothing."""
    prompt = request["prompt"]
    for text in [prompt] if isinstance(prompt, str) else prompt if isinstance(prompt, Sequence) else ():
        if isinstance(text, str):
            yield from _turns(text)


def _turns(text: str) -> Iterator[Said]:
    _, *turns = _TURN.split(text)
    if not turns:
        yield Said(role=MessageRole.USER, text=text)
    for speaker, said in zip(turns[::2], turns[1::2], strict=True):
        role = MessageRole.USER if speaker.lower() == "human" else MessageRole.ASSISTANT
        yield Said(role=role, text=said)


def _whole(key: str) -> Reader:
    def read(request: JsonObject) -> Iterator[Said]:
        yield Said(role=MessageRole.USER, text=text_of(request[key]))

    return read


def _text_prompts(request: JsonObject) -> Iterator[Said]:
    """Yield what a picture is to show; what it is not to show weighs less than nothing."""
    for prompt in objects_in(request["text_prompts"]):
        weight = prompt.get("weight")
        if not isinstance(weight, int | float) or weight >= 0:
            yield Said(role=MessageRole.USER, text=text_of(prompt.get("text")))


READERS: Mapping[str, Reader] = {
    "messages": _messages("messages"),
    "contents": _contents,
    "message": _message,
    "prompt": _prompt,
    "inputText": _whole("inputText"),
    "text_prompts": _text_prompts,
    "textToImageParams": _whole("textToImageParams"),
    "input": _messages("input"),
    "content": _entry,
}
"""What reads a request, by the key that tells its shape; the first that is there counts."""
