"""A recall that a language model drives: the real SDKs, which talk to a provider on this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from service.domain.ports.tools import ToolModel
from service.domain.recall import RecallQuery, RecallResult
from service.models.language import open_language_model
from service.models.language.patient import ModelMetrics, PatientModel
from service.recall.driven.driver import DriveLimits, Driver
from service.recall.recaller import Recaller
from tests.extraction.language.conftest import Journal, Watch, choice_of
from tests.extraction.language.provider import Provider, serving_provider
from tests.recall.world import World


@dataclass(slots=True, kw_only=True)
class Driving:
    """A model, the *provider* that says what it says, what was logged, and the stages of the last recall."""

    world: World
    model: ToolModel
    provider: Provider
    watch: Watch
    journal: Journal = field(default_factory=Journal)
    stages: list[str] = field(default_factory=list)

    async def recall(self, query: RecallQuery, limits: DriveLimits | None = None) -> RecallResult:
        """Return what an agentic recall finds, unless *query* asks for auto."""
        self.stages.clear()
        driver = Driver(model=self.model, limits=limits or DriveLimits(), log=self.journal)
        world = self.world
        recaller = Recaller(
            index=world.index,
            embedder=world.embedder,
            sessions=world.stores.sessions,
            memories=world.stores.memories,
            driver=driver,
        )
        return await recaller(query, on_stage=self._hear)

    async def _hear(self, stage: str) -> None:
        self.stages.append(stage)

    async def by_rules(self, query: RecallQuery) -> RecallResult:
        """Return what the same recall finds without a model."""
        return await self.world.recaller(query)


@asynccontextmanager
async def open_driving(world: World, provider_name: str) -> AsyncIterator[Driving]:
    """Give a model of *provider_name*, as the service uses it, but that it does not wait between attempts."""
    timeout, watch = timedelta(seconds=5), Watch()
    async with serving_provider() as provider, open_language_model(choice_of(provider_name, provider, timeout=timeout)) as opened:
        model = PatientModel(
            opened, timeout=timeout, max_concurrency=2, metrics=ModelMetrics(watch.registry), attempts=2, sleep=watch.sleep
        )
        yield Driving(world=world, model=model, provider=provider, watch=watch)
