"""The language model that the settings name, and what asks it: the extractor of sessions and the driver of recalls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from prometheus_client import CollectorRegistry

from service.domain.ports.models import Embedder, Extractor
from service.extraction.embedded import EmbeddedExtractor
from service.recall.driven.driver import DriveLimits, Driver
from service.settings import InvalidSetting, Settings

_RECALL_ATTEMPTS = 2
"""Somebody waits: what fails twice leaves the recall to rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """What reads sessions, and what drives agentic recalls; None leaves them to rules."""

    extractor: Extractor
    driver: Driver | None = None


@asynccontextmanager
async def open_readers(settings: Settings, embedder: Embedder, registry: CollectorRegistry) -> AsyncIterator[Readers]:
    """Give the configured extractor and driver; their metrics go to *registry*. Nothing is sent. Raises InvalidSetting."""
    embedded = EmbeddedExtractor(embedder)
    if settings.llm is None:
        yield Readers(extractor=embedded)
        return
    # not for those who use no language model: brings what they may not have installed
    from service.extraction.language import LanguageExtractor, Limits  # noqa: PLC0415
    from service.models.language import ExtraMissing, ModelChoice, open_language_model  # noqa: PLC0415
    from service.models.language.patient import ATTEMPTS, ModelMetrics, PatientModel, Prices  # noqa: PLC0415

    timeout = settings.llm_timeout
    try:
        choice = ModelChoice.parse(settings.llm, base_url=settings.llm_base_url, api_key=settings.llm_api_key, timeout=timeout)
        opened = open_language_model(choice)
    except (ValueError, ExtraMissing) as error:
        raise InvalidSetting("MNEME_LLM", str(error)) from None
    metrics = ModelMetrics(registry)
    prices = Prices(input=settings.llm_input_price, output=settings.llm_output_price)
    async with opened as model:
        # one for each, so that a recall never waits until sessions are read
        patient, prompt_model = (
            PatientModel(
                model,
                timeout=timeout,
                max_concurrency=settings.llm_max_concurrency,
                metrics=metrics,
                prices=prices,
                attempts=attempts,
            )
            for attempts in (ATTEMPTS, _RECALL_ATTEMPTS)
        )
        extractor = LanguageExtractor(
            patient,
            embedder=embedder,
            rules=embedded,
            log=structlog.get_logger("extraction"),
            limits=Limits(
                chunk_tokens=settings.llm_chunk_tokens,
                max_output_tokens=settings.llm_max_output_tokens,
                max_calls=settings.llm_max_calls,
            ),
        )
        limits = DriveLimits(
            steps=settings.llm_recall_steps,
            deadline=settings.llm_recall_timeout,
            tokens=settings.llm_recall_tokens,
            max_output_tokens=settings.llm_max_output_tokens,
        )
        driver = Driver(model=prompt_model, limits=limits, log=structlog.get_logger("recall")) if limits.steps else None
        yield Readers(extractor=extractor, driver=driver)
