"""
OpenAI's Chat Completions API, and servers that speak it (vLLM, Ollama, llama.cpp, …), by the official SDK.

Chat Completions and not Responses, because that is what the other servers have in common. They differ in what they take:
what a server refuses by its name is left out from then on, so the answer's schema must also be in the prompt.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from json import JSONDecodeError
from typing import Any

from openai import APIConnectionError, APIStatusError, AsyncOpenAI
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam

from service.domain.ports.models import Ending, ModelAnswer, ModelQuestion, ModelUnavailable
from service.domain.sessions import MessageRole
from service.models.language import ModelChoice
from service.models.language.failures import failure

BASE_URL = "https://api.openai.com/v1"
NO_KEY = "none"
"""Sent where no key is wanted: the SDK insists on one."""

_REFUSED_PARAMETER = frozenset({400, 422})
_ENDINGS = {"length": Ending.TRUNCATED, "content_filter": Ending.REFUSED}
_LIMITS = ("max_completion_tokens", "max_tokens")
_UNSUPPORTED = re.compile(r"unsupported|not supported|unrecogni[sz]ed|unknown|not permitted", re.IGNORECASE)
_FORMATS = ("json_schema", "json_object", "")


class OpenAiModel:
    """`LanguageModel` over a client. Made by `open_openai`."""

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
        for _ in (*_LIMITS, *_FORMATS):
            try:
                return _read(await self._create(question))
            except APIStatusError as error:
                if not self._gives_way(error):
                    # `from None`: what the SDK raised holds the request with its key
                    raise self._failure(error) from None
            except APIConnectionError as error:
                raise ModelUnavailable(f"no answer: {type(error).__name__}") from None
            except (JSONDecodeError, UnicodeDecodeError):
                raise ModelUnavailable("the answer is no JSON") from None
        raise ModelUnavailable("the server refuses every form of the request")

    async def _create(self, question: ModelQuestion) -> ChatCompletion:
        messages: list[ChatCompletionMessageParam] = [{"role": "system", "content": question.system}]
        for turn in question.turns:
            if turn.role is MessageRole.USER:
                messages.append({"role": "user", "content": turn.text})
            else:
                messages.append({"role": "assistant", "content": turn.text})
        # the SDK's overloads cannot be told apart when parameters are chosen at run time
        create: Any = self._client.chat.completions.create
        completion: ChatCompletion = await create(
            model=self._choice.model,
            messages=messages,
            **{self._limit: question.max_output_tokens},
            **self._response_format(question),
        )
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
