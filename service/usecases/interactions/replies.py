"""What a model replied, by the shape of the response, and the name that its provider gave to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from service.domain.values import Json
from service.usecases.interactions.texts import object_of, objects_in, text_of

Reader: TypeAlias = Callable[[Json], str]

_NAMES = ("id", "requestId", "responseId", "response_id", "log_id", "generationId", "generation_id")
_LONGEST_NAME = 200


def reply_in(response: Json) -> str:
    """Return the text of a reply. Empty for a response of an unknown shape, and for one that was streamed."""
    if isinstance(response, str):
        return response.strip()
    if not isinstance(response, Mapping):
        return ""
    if "body" in response:
        response = object_of(response["body"])
    for key, read in READERS.items():
        if response.get(key) is not None:
            return read(response[key]).strip()
    return ""


def name_of(response: Json) -> str:
    """Return the name that makes a response one of its kind, empty where it has none."""
    if not isinstance(response, Mapping):
        return ""
    names = (response.get(key) for key in _NAMES)
    return next((name for name in names if isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME), "")


def _first(*keys: str) -> Reader:
    """Return what reads the first of several answers, at the first of *keys* that it has."""

    def read(answers: Json) -> str:
        for answer in objects_in(answers):
            return text_of(next((answer[key] for key in keys if answer.get(key) is not None), None))
        return ""

    return read


def _images(values: Json) -> str:
    """Return a line for each image: its description where the model gave one, else its name."""
    if not isinstance(values, Sequence) or isinstance(values, str):
        return ""
    return "\n".join(filter(None, map(_image, values)))


def _image(value: Json) -> str:
    if isinstance(value, str):
        # names are short, and an image itself is not
        return f"[image: {value}]" if len(value) <= _LONGEST_NAME else "[image]"
    if not isinstance(value, Mapping) or not value.keys() & {"url", "b64_json", "base64", "filename", "revised_prompt"}:
        return ""
    about = text_of(value.get("revised_prompt")) or text_of(value.get("filename"))
    return f"[image: {about}]" if about else "[image]"


def _output(value: Json) -> str:
    """Return the messages among what a model put out."""
    return "\n".join(filter(None, (text_of(each) for each in objects_in(value))))


READERS: Mapping[str, Reader] = {
    "choices": _first("message", "text", "delta"),
    "completion": text_of,
    "completions": _first("data", "text"),
    "candidates": _first("content"),
    "generations": _first("text"),
    "generation": text_of,
    "results": _first("outputText"),
    "outputs": _first("text"),
    "output_text": text_of,
    "output": lambda value: _output(value) or text_of(value),
    "images": _images,
    "artifacts": _images,
    "data": _images,
    "content": text_of,
    "text": text_of,
    "message": text_of,
}
"""What reads a response, by the key that tells its shape; the first that is there counts."""
