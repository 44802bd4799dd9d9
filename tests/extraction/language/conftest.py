"""The extractor over the real SDKs, which talk to a provider on this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry

from service.domain.ports.models import Embedder, LanguageModel
from service.extraction.embedded import EmbeddedExtractor
from service.extraction.language import LanguageExtractor, Limits
from service.models.language import ModelChoice, open_language_model
from service.models.language.patient import ModelMetrics, PatientModel, Prices
from tests.extraction.language.provider import Provider, serving_provider

CANARY = "sk-canary-1234567890abcdef"
MARK = "0f1e2d3c"
PRICES = Prices(input=2.0, output=10.0)

MakeExtractor: TypeAlias = Callable[..., LanguageExtractor]


@dataclass(slots=True)
class Watch:
    """What a model was measured by, and how long was waited between attempts: not at all, but it was meant to be this long."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    pauses: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        """Note how long."""
        self.pauses.append(seconds)


@dataclass(slots=True)
class Journal:
    """A logger that keeps its lines."""

    lines: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def info(self, event: str, **fields: object) -> None:
        """Keep a line."""
        self.lines.append((event, fields))

    warning = info

    def of(self, event: str) -> list[dict[str, object]]:
        """Return the fields of each line of one kind."""
        return [fields for said, fields in self.lines if said == event]


@pytest_asyncio.fixture
async def provider() -> AsyncIterator[Provider]:
    """Return a provider on this machine."""
    async with serving_provider() as serving:
        yield serving


@pytest.fixture
def watch() -> Watch:
    """Return what measures the model."""
    return Watch()


@pytest.fixture
def journal() -> Journal:
    """Return the log of the extractor."""
    return Journal()


def choice_of(name: str, provider: Provider, *, timeout: timedelta = timedelta(seconds=5)) -> ModelChoice:
    """Return the choice of a model of *provider*, at the place where the SDK expects it."""
    path = "/v1" if name == "openai" else ""
    return ModelChoice.parse(f"{name}:some-model", base_url=f"{provider.origin}{path}", api_key=CANARY, timeout=timeout)


@pytest_asyncio.fixture(params=["anthropic", "openai"])
async def model(request: pytest.FixtureRequest, provider: Provider, watch: Watch) -> AsyncIterator[LanguageModel]:
    """Return a model of each provider, as the service uses it."""
    timeout = timedelta(seconds=5)
    async with open_language_model(choice_of(request.param, provider, timeout=timeout)) as opened:
        yield PatientModel(
            opened,
            timeout=timeout,
            max_concurrency=2,
            metrics=ModelMetrics(watch.registry),
            prices=PRICES,
            sleep=watch.sleep,
        )


@pytest.fixture
def make_extractor(model: LanguageModel, embedder: Embedder, journal: Journal) -> MakeExtractor:
    """Make an extractor with limits of its own."""

    def make(**limits: int) -> LanguageExtractor:
        return LanguageExtractor(
            model,
            embedder=embedder,
            rules=EmbeddedExtractor(embedder),
            log=journal,
            limits=Limits(**limits),
            mark=lambda: MARK,
        )

    return make


@pytest.fixture
def extractor(make_extractor: MakeExtractor) -> LanguageExtractor:
    """Return an extractor with the usual limits."""
    return make_extractor()
