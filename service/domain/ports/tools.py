"""A language model that calls tools: what it is asked, what it may call, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from service.domain.ports.models import Ending
from service.domain.values import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """Something that a model may call. *schema* is the JSON schema of the arguments, an object."""

    name: str
    description: str
    schema: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call that a model made, not checked against anything. *arguments* is None when what it wrote is no JSON object."""

    call_id: str
    name: str
    arguments: JsonObject | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What came of a call; of one that *failed*, why."""

    call_id: str
    text: str
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAnswer:
    """
    What a model answered: its words, its calls, and the tokens that were paid for, 0 where the server does not count.

    *native* is the answer in the provider's own form, for the adapter that made it: thoughts have to go back as they came.
    """

    text: str
    calls: tuple[ToolCall, ...]
    ending: Ending
    input_tokens: int
    output_tokens: int
    native: object = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolHop:
    """An answer with calls, and one result for each of them."""

    answer: ToolAnswer
    results: tuple[ToolResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolQuestion:
    """
    A task for a model with *tools*: what it is told first, the user's *text*, and the *hops* that were made so far.

    *step* names the kind of question, in snake_case.
    """

    step: str
    system: str
    text: str
    tools: tuple[Tool, ...]
    hops: tuple[ToolHop, ...] = ()
    max_output_tokens: int


class ToolModel(Protocol):
    """Works at a task by calling tools."""

    @property
    def name(self) -> str:
        """Provider and model, such as `openai:gpt-5-mini`."""
        ...

    async def call(self, question: ToolQuestion) -> ToolAnswer:
        """Return the next answer. Raises ModelUnavailable, ModelRejected, ModelOverfull."""
        ...
