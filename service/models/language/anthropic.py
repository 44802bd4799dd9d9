"""
Anthropic's Messages API, and servers that speak it, by the official SDK.

A model or server that refuses structured output is asked without it from then on: the answer's schema is in the prompt too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from json import JSONDecodeError

from anthropic import APIConnectionError, APIStatusError, AsyncAnthropic, omit
from anthropic.types import AssistantMessageParam, Message, OutputConfigParam, UserMessageParam

from service.domain.ports.models import Ending, ModelAnswer, ModelOverfull, ModelQuestion, ModelUnavailable
from service.domain.sessions import MessageRole
from service.models.language import ModelChoice
from service.models.language.failures import failure

BASE_URL = "https://api.anthropic.com"
NO_KEY = "none"
"""Sent where no key is wanted: without one the SDK would look for a key in places of its own."""

_OVERFULL = "model_context_window_exceeded"


class AnthropicModel:
    """`LanguageModel` over a client. Made by `open_anthropic`."""

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
                # `from None`: what the SDK raised holds the request with its key
                raise failure(error.status_code, error.message, error.response.headers, api_key=self._choice.api_key) from None
        except APIConnectionError as error:
            raise ModelUnavailable(f"no answer: {type(error).__name__}") from None
        except (JSONDecodeError, UnicodeDecodeError):
            raise ModelUnavailable("the answer is no JSON") from None
        return await self.answer(question)

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

    def _gives_way(self, error: APIStatusError) -> bool:
        """Return whether structured output was refused, which is not asked for from now on."""
        refused = self._structured and error.status_code == 400 and "output_config" in error.message
        self._structured = self._structured and not refused
        return refused


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
