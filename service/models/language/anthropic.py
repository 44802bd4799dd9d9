"""
Anthropic's Messages API, and servers that speak it, by the official SDK.

A model or server that refuses structured output is asked without it from then on: the answer's schema is in the prompt too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from json import JSONDecodeError
from typing import cast

from anthropic import APIConnectionError, APIStatusError, AsyncAnthropic, omit
from anthropic.types import (
    AssistantMessageParam,
    ContentBlock,
    ContentBlockParam,
    Message,
    MessageParam,
    OutputConfigParam,
    ToolParam,
    ToolResultBlockParam,
    ToolUseBlock,
    UserMessageParam,
)

from service.domain.ports.models import (
    Ending,
    LanguageModelError,
    ModelAnswer,
    ModelOverfull,
    ModelQuestion,
    ModelUnavailable,
)
from service.domain.ports.tools import ToolAnswer, ToolCall, ToolQuestion
from service.domain.sessions import MessageRole
from service.domain.values import JsonObject
from service.models.language import ModelChoice
from service.models.language.failures import failure, no_answer

BASE_URL = "https://api.anthropic.com"
NO_KEY = "none"
"""Sent where no key is wanted: without one the SDK would look for a key in places of its own."""

_NO_ANSWER = (APIConnectionError, JSONDecodeError, UnicodeDecodeError)
_OVERFULL = "model_context_window_exceeded"


class AnthropicModel:
    """`LanguageModel` and `ToolModel` over a client. Made by `open_anthropic`."""

    def __init__(self, client: AsyncAnthropic, choice: ModelChoice) -> None:
        """Keep the client."""
        self._client = client
        self._choice = choice
        self._structured = True

    @property
    def name(self) -> str:
        """Provider and model."""
        return self._choice.name

    async def answer(self, question: ModelQuestion) -> ModelAnswer:
        """Answer one question. Raises ModelUnavailable, ModelRejected, ModelOverfull."""
        try:
            return _read(await self._create(question))
        except APIStatusError as error:
            if not self._gives_way(error):
                raise self._failure(error) from None
        except _NO_ANSWER as error:
            raise no_answer(error) from None
        return await self.answer(question)

    async def call(self, question: ToolQuestion) -> ToolAnswer:
        """Return the next answer of a model with tools. Raises ModelUnavailable, ModelRejected, ModelOverfull."""
        try:
            message = await self._client.messages.create(
                model=self._choice.model,
                max_tokens=question.max_output_tokens,
                system=question.system,
                messages=_dialogue(question),
                tools=[
                    ToolParam(name=tool.name, description=tool.description, input_schema=dict(tool.schema))
                    for tool in question.tools
                ],
            )
        except APIStatusError as error:
            raise self._failure(error) from None
        except _NO_ANSWER as error:
            raise no_answer(error) from None
        read = _read(message)
        calls = [
            ToolCall(call_id=block.id, name=block.name, arguments=_arguments(block))
            for block in message.content
            if block.type == "tool_use"
        ]
        return ToolAnswer(
            text=read.text,
            calls=tuple(calls),
            ending=read.ending,
            input_tokens=read.input_tokens,
            output_tokens=read.output_tokens,
            native=[_given_back(block) for block in message.content],
        )

    async def _create(self, question: ModelQuestion) -> Message:
        output: OutputConfigParam = {"format": {"type": "json_schema", "schema": dict(question.schema)}}
        return await self._client.messages.create(
            model=self._choice.model,
            max_tokens=question.max_output_tokens,
            system=question.system,
            messages=[
                UserMessageParam(role="user", content=turn.text)
                if turn.role is MessageRole.USER
                else AssistantMessageParam(role="assistant", content=turn.text)
                for turn in question.turns
            ],
            output_config=output if self._structured else omit,
        )

    def _failure(self, error: APIStatusError) -> LanguageModelError:
        # raised `from None`: what the SDK raised holds the request with its key
        return failure(error.status_code, error.message, error.response.headers, api_key=self._choice.api_key)

    def _gives_way(self, error: APIStatusError) -> bool:
        """Return whether structured output was refused, which is not asked for from now on."""
        refused = self._structured and error.status_code == 400 and "output_config" in error.message
        self._structured = self._structured and not refused
        return refused


def _dialogue(question: ToolQuestion) -> list[MessageParam]:
    messages: list[MessageParam] = [UserMessageParam(role="user", content=question.text)]
    for hop in question.hops:
        # made by `call`
        said = cast(list[ContentBlockParam], hop.answer.native)
        messages.append(AssistantMessageParam(role="assistant", content=said))
        results = [
            ToolResultBlockParam(type="tool_result", tool_use_id=one.call_id, content=one.text, is_error=one.failed)
            for one in hop.results
        ]
        messages.append(UserMessageParam(role="user", content=results))
    return messages


def _arguments(block: ToolUseBlock) -> JsonObject | None:
    # the SDK does not check what a server sends
    return cast(JsonObject, block.input) if isinstance(block.input, dict) else None


def _given_back(block: ContentBlock) -> ContentBlockParam:
    """Return a block of an answer as it is sent again; arguments that are no object, which would be refused, as an empty one."""
    given = block.model_dump(mode="json", exclude_none=True, warnings=False)
    return cast(ContentBlockParam, given | {"input": _arguments(block) or {}} if block.type == "tool_use" else given)


def _read(message: Message) -> ModelAnswer:
    if not isinstance(message, Message) or not isinstance(message.content, list):
        raise ModelUnavailable("the answer is no message")
    if message.stop_reason == _OVERFULL:
        raise ModelOverfull("the model's context window is full")
    ending = Ending.REFUSED if message.stop_reason == "refusal" else Ending.COMPLETE
    usage = message.usage
    return ModelAnswer(
        text="".join(block.text for block in message.content if block.type == "text"),
        ending=Ending.TRUNCATED if message.stop_reason == "max_tokens" else ending,
        input_tokens=usage.input_tokens + (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0),
        output_tokens=usage.output_tokens,
    )


@asynccontextmanager
async def open_anthropic(choice: ModelChoice) -> AsyncIterator[AnthropicModel]:
    """Give the chosen model; connections are opened when needed."""
    client = AsyncAnthropic(
        api_key=choice.api_key or NO_KEY,
        base_url=choice.base_url or BASE_URL,
        timeout=choice.timeout.total_seconds(),
        # attempts are made by PatientModel, which counts them and whose pauses can be tested
        max_retries=0,
    )
    async with client:
        yield AnthropicModel(client, choice)
