"""Patience with a provider: few requests at a time, none for too long, another attempt when that may help; all counted."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram

from service.domain.ports.models import LanguageModelError, ModelAnswer, ModelQuestion, ModelUnavailable
from service.domain.ports.tools import ToolAnswer, ToolQuestion
from service.models.language import ProviderModel

ATTEMPTS = 4
FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=60)
"""A provider that asks for more is not waited for: the job is tried again later, and others get its place meanwhile."""

_SECONDS = (0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300)

Sleep = Callable[[float], Awaitable[None]]
Answer = TypeVar("Answer", ModelAnswer, ToolAnswer)


class ModelMetrics:
    """What is asked of language models and what it costs."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the metrics."""
        self.calls = Histogram(
            "mneme_model_seconds",
            "Duration of requests to a language model.",
            ("model", "step", "outcome"),
            buckets=_SECONDS,
            registry=registry,
        )
        self.retries = Counter("mneme_model_retries", "Requests sent again.", ("model", "step"), registry=registry)
        self.tokens = Counter("mneme_model_tokens", "Tokens paid for.", ("model", "direction"), registry=registry)
        self.cost = Counter(
            "mneme_model_cost", "Price of these tokens, in the currency of the settings.", ("model",), registry=registry
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What a million tokens cost, in any currency; 0 where nobody said."""

    input: float = 0.0
    output: float = 0.0

    def of(self, answer: ModelAnswer | ToolAnswer) -> float:
        """Return the price of an answer."""
        return (answer.input_tokens * self.input + answer.output_tokens * self.output) / 1_000_000


class PatientModel:
    """`LanguageModel` and `ToolModel` around another one."""

    def __init__(
        self,
        model: ProviderModel,
        *,
        timeout: timedelta,
        max_concurrency: int,
        metrics: ModelMetrics,
        prices: Prices | None = None,
        attempts: int = ATTEMPTS,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Bound each request by *timeout* and let *max_concurrency* of them run at once; *sleep* waits between *attempts*."""
        self._model = model
        self._timeout = timeout
        self._room = asyncio.Semaphore(max_concurrency)
        self._metrics = metrics
        self._prices = prices or Prices()
        self._attempts = attempts
        self._sleep = sleep

    @property
    def name(self) -> str:
        """Provider and model."""
        return self._model.name

    async def answer(self, question: ModelQuestion) -> ModelAnswer:
        """Answer one question, in several attempts if need be. Raises what the last one raised."""
        return await self._patiently(question.step, lambda: self._model.answer(question))

    async def call(self, question: ToolQuestion) -> ToolAnswer:
        """Return the next answer of a model with tools, in several attempts if need be. Raises what the last one raised."""
        return await self._patiently(question.step, lambda: self._model.call(question))

    async def _patiently(self, step: str, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        for attempt in range(1, self._attempts):
            try:
                return await self._attempt(step, ask)
            except ModelUnavailable as error:
                pause = _pause(attempt, error.retry_after)
                if pause > LONGEST_PAUSE:
                    raise
            self._metrics.retries.labels(self.name, step).inc()
            await self._sleep(pause.total_seconds())
        return await self._attempt(step, ask)

    async def _attempt(self, step: str, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        async with self._room:
            loop = asyncio.get_running_loop()
            started, outcome = loop.time(), "cancelled"
            try:
                # the SDK's own limit is one of silence: a server that drips would keep us for ever
                async with asyncio.timeout(self._timeout.total_seconds()):
                    answer = await ask()
                outcome = answer.ending.value
            except TimeoutError:
                outcome = "timeout"
                raise ModelUnavailable(f"no answer within {self._timeout.total_seconds():g} s") from None
            except LanguageModelError as error:
                outcome = type(error).__name__
                raise
            finally:
                self._metrics.calls.labels(self.name, step, outcome).observe(loop.time() - started)
        self._metrics.tokens.labels(self.name, "input").inc(answer.input_tokens)
        self._metrics.tokens.labels(self.name, "output").inc(answer.output_tokens)
        self._metrics.cost.labels(self.name).inc(self._prices.of(answer))
        return answer


def _pause(attempt: int, wanted: timedelta | None) -> timedelta:
    """Return how long to wait after failed *attempt*: what the provider *wanted*, else more each time, jittered."""
    if wanted is not None:
        return wanted
    return FIRST_PAUSE * float(2 ** (attempt - 1)) * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
