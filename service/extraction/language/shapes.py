"""The shapes of a language model's answers: the JSON schemas that providers are given and that answers are checked against."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from service.domain.projects import Category
from service.domain.values import JsonObject

S = TypeVar("S", bound="Shape")
T = TypeVar("T")

MAX_PROBLEMS = 10

_CODE_BLOCK = re.compile(r"^```\w*\s*\n(.*?)\n?```$", re.DOTALL)


class Shape(BaseModel):
    """What every answer has in common: no field but those named, and each of those. Providers insist on both in a schema."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FoundMemory(Shape):
    """A statement that the model found worth keeping."""

    content: str
    sources: list[int]
    event_start: str | None
    event_end: str | None
    categories: list[str]
    entities: list[str]


class Findings(Shape):
    """What the model found in a part of a conversation."""

    memories: list[FoundMemory]
    summary: str


class JoinedSummary(Shape):
    """One summary of several."""

    summary: str


class Verdict(Shape):
    """What becomes of a statement."""

    kind: Literal["new", "duplicate", "addition", "change", "contradiction"]
    memory: int | None
    content: str | None


_FIELDS = frozenset(name for shape in (FoundMemory, Findings, JoinedSummary, Verdict) for name in shape.model_fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked(Generic[T]):
    """
    What an answer came to: *value* is as much of it as can be used, None when nothing can; *problems* are told to the model and
    hold nothing of what users said.
    """

    value: T | None
    problems: tuple[str, ...] = ()


def schema_of(shape: type[Shape], categories: Sequence[Category] = ()) -> JsonObject:
    """Return the JSON schema of *shape*, in which only *categories* can be named, if there are any."""
    schema: dict[str, Any] = shape.model_json_schema()
    for part in (schema, *schema.get("$defs", {}).values()):
        # prose for readers of the code: a model reads the prompt
        part.pop("description", None)
        if "categories" in part["properties"] and categories:
            part["properties"]["categories"]["items"]["enum"] = [category.name for category in categories]
    return schema


def checked(shape: type[S], text: str) -> Checked[S]:
    """Return the answer *text* as a *shape*; a code block around it is taken off."""
    block = _CODE_BLOCK.match(text.strip())
    try:
        return Checked(value=shape.model_validate(json.loads(block[1] if block else text)))
    except (json.JSONDecodeError, RecursionError):
        return Checked(value=None, problems=("it is not one JSON object",))
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        problems = [f"{_path(one['loc'])}: {one['msg']}" for one in found[:MAX_PROBLEMS]]
        return Checked(value=None, problems=tuple(problems))


def _path(place: Sequence[int | str]) -> str:
    """Return where a problem is. A field that is none of ours goes unnamed: it may hold anything."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step if step in _FIELDS else '(another field)'}" for step in place)
    return "".join(steps).lstrip(".") or "the answer"
