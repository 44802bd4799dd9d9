"""
OpenAI's Chat Completions API, and servers that speak it (vLLM, Ollama, llama.cpp, …), by the official SDK.

Chat Completions and not Responses, because that is what the other servers have in common. They differ in what they take:
what a server refuses by its name is left out from then on, so the answer's schema must also be in the prompt.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from json import JSONDecodeError
from typing import Any, cast

from openai import APIConnectionError, APIStatusError, AsyncOpenAI
from openai.types.chat import (
    ChatCompletion,
    ChatCompletionAssistantMessageParam,
    ChatCompletionFunctionToolParam,
    ChatCompletionMessage,
    ChatCompletionMessageFunctionToolCall,
    ChatCompletionMessageParam,
)
from openai.types.chat.chat_completion_message_function_tool_call import Function
from openai.types.shared_params import FunctionDefinition

from service.domain.ports.models import Ending, ModelAnswer, ModelQuestion, ModelUnavailable
from service.domain.ports.tools import Tool, ToolAnswer, ToolCall, ToolQuestion
from service.domain.sessions import MessageRole
from service.domain.values import JsonObject
from service.models.language import ModelChoice
from service.models.language.failures import failure, no_answer

BASE_URL = "https://api.openai.com/v1"
NO_KEY = "none"
"""Sent where no key is wanted: the SDK insists on one."""

_REFUSED_PARAMETER = frozenset({400, 422})
_ENDINGS = {"length": Ending.TRUNCATED, "content_filter": Ending.REFUSED}
_LIMITS = ("max_completion_tokens", "max_tokens")
_UNSUPPORTED = re.compile(r"unsupported|not supported|unrecogni[sz]ed|unknown|not permitted", re.IGNORECASE)
_FORMATS = ("json_schema", "json_object", "")


class OpenAiModel:
    """`LanguageModel` and `ToolModel` over a client. Made by `open_openai`."""

    def __init__(self, client: AsyncOpenAI, choice: ModelChoice) -> None:
        """Begin with what OpenAI itself takes; other servers know the older name of the limit."""
        self._client = client
        self._choice = choice
        self._limit = _LIMITS[0] if choice.base_url is None else _LIMITS[1]
        self._format = _FORMATS[0]

    @property
    def name(self) -> str:
        """Provider and model."""
        return self._choice.name

    async def answer(self, question: ModelQuestion) -> ModelAnswer:
        """Answer one question. Raises ModelUnavailable, ModelRejected, ModelOverfull."""
        messages: list[ChatCompletionMessageParam] = [{"role": "system", "content": question.system}]
        for turn in question.turns:
            if turn.role is MessageRole.USER:
                messages.append({"role": "user", "content": turn.text})
            else:
                messages.append({"role": "assistant", "content": turn.text})
        limit = question.max_output_tokens
        return _read(await self._completed(lambda: self._create(messages, limit, **self._response_format(question))))

    async def call(self, question: ToolQuestion) -> ToolAnswer:
        """Return the next answer of a model with tools. Raises ModelUnavailable, ModelRejected, ModelOverfull."""
        messages, tools = _dialogue(question), [_tool(tool) for tool in question.tools]
        limit = question.max_output_tokens
        completion = await self._completed(lambda: self._create(messages, limit, tools=tools))
        read, calls = _read(completion), _function_calls(completion.choices[0].message)
        return ToolAnswer(
            text=read.text,
            calls=tuple(ToolCall(call_id=one.id, name=one.function.name, arguments=_arguments(one)) for one in calls),
            ending=read.ending,
            input_tokens=read.input_tokens,
            output_tokens=read.output_tokens,
            native=calls,
        )

    async def _completed(self, create: Callable[[], Awaitable[ChatCompletion]]) -> ChatCompletion:
        """Return what *create* returns, called again as long as the server refuses a parameter that there is another form of."""
        for _ in (*_LIMITS, *_FORMATS):
            try:
                return await create()
            except APIStatusError as error:
                if not self._gives_way(error):
                    # `from None`: what the SDK raised holds the request with its key
                    raise self._failure(error) from None
            except (APIConnectionError, JSONDecodeError, UnicodeDecodeError) as error:
                raise no_answer(error) from None
        raise ModelUnavailable("the server refuses every form of the request")

    async def _create(
        self, messages: Sequence[ChatCompletionMessageParam], max_output_tokens: int, **others: object
    ) -> ChatCompletion:
        # the SDK's overloads cannot be told apart when parameters are chosen at run time
        create: Any = self._client.chat.completions.create
        limit = {self._limit: max_output_tokens}
        completion: ChatCompletion = await create(model=self._choice.model, messages=messages, **limit, **others)
        return completion

    def _response_format(self, question: ModelQuestion) -> Mapping[str, object]:
        if self._format == "json_schema":
            schema = {"name": question.step, "schema": dict(question.schema), "strict": True}
            return {"response_format": {"type": "json_schema", "json_schema": schema}}
        return {"response_format": {"type": self._format}} if self._format else {}

    def _gives_way(self, error: APIStatusError) -> bool:
        """Return whether the server refused a parameter that there is another form of, which is used from now on."""
        refused = f"{error.param} {error.message}" if error.status_code in _REFUSED_PARAMETER else ""
        if "response_format" in refused or "json_schema" in refused or "json_object" in refused:
            at = _FORMATS.index(self._format)
            self._format = _FORMATS[min(at + 1, len(_FORMATS) - 1)]
            return at + 1 < len(_FORMATS)
        if self._limit in refused and _UNSUPPORTED.search(refused):
            self._limit = _LIMITS[1 - _LIMITS.index(self._limit)]
            return True
        return False

    def _failure(self, error: APIStatusError) -> Exception:
        said = f"{error.code or ''} {error.message}"
        return failure(error.status_code, said, error.response.headers, api_key=self._choice.api_key)


def _dialogue(question: ToolQuestion) -> list[ChatCompletionMessageParam]:
    messages: list[ChatCompletionMessageParam] = [
        {"role": "system", "content": question.system},
        {"role": "user", "content": question.text},
    ]
    for hop in question.hops:
        # made by `call`: the calls of a message
        calls = cast(list[ChatCompletionMessageFunctionToolCall], hop.answer.native)
        said: ChatCompletionAssistantMessageParam = {"role": "assistant", "content": hop.answer.text or None}
        said["tool_calls"] = [
            {
                "id": one.id,
                "type": "function",
                "function": {"name": one.function.name, "arguments": json.dumps(_arguments(one) or {})},
            }
            for one in calls
        ]
        messages.append(said)
        messages += [{"role": "tool", "tool_call_id": one.call_id, "content": one.text} for one in hop.results]
    return messages


def _tool(tool: Tool) -> ChatCompletionFunctionToolParam:
    function: FunctionDefinition = {"name": tool.name, "description": tool.description, "parameters": dict(tool.schema)}
    return {"type": "function", "function": function}


def _function_calls(message: ChatCompletionMessage) -> list[ChatCompletionMessageFunctionToolCall]:
    calls = [call for call in message.tool_calls or () if isinstance(call, ChatCompletionMessageFunctionToolCall)]
    # the SDK does not check what a server leaves out
    return [call for call in calls if isinstance(call.function, Function)]


def _arguments(call: ChatCompletionMessageFunctionToolCall) -> JsonObject | None:
    try:
        found = json.loads(call.function.arguments or "{}")
    except (ValueError, TypeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _read(completion: ChatCompletion) -> ModelAnswer:
    if not isinstance(completion, ChatCompletion) or not completion.choices:
        raise ModelUnavailable("the answer is no completion")
    choice = completion.choices[0]
    usage = completion.usage
    return ModelAnswer(
        text=choice.message.content or "",
        ending=Ending.REFUSED if choice.message.refusal else _ENDINGS.get(choice.finish_reason, Ending.COMPLETE),
        # not every server counts
        input_tokens=usage.prompt_tokens if usage else 0,
        output_tokens=usage.completion_tokens if usage else 0,
    )


@asynccontextmanager
async def open_openai(choice: ModelChoice) -> AsyncIterator[OpenAiModel]:
    """Give the chosen model; connections are opened when needed."""
    client = AsyncOpenAI(
        api_key=choice.api_key or NO_KEY,
        base_url=choice.base_url or BASE_URL,
        timeout=choice.timeout.total_seconds(),
        # attempts are made by PatientModel, which counts them and whose pauses can be tested
        max_retries=0,
    )
    async with client:
        yield OpenAiModel(client, choice)
