"""Which extractor reads sessions: the one that asks a language model when one is configured, else the embedded one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from prometheus_client import CollectorRegistry

from service.domain.ports.models import Embedder, Extractor
from service.extraction.embedded import EmbeddedExtractor
from service.settings import InvalidSetting, Settings


@asynccontextmanager
async def open_extractor(settings: Settings, embedder: Embedder, registry: CollectorRegistry) -> AsyncIterator[Extractor]:
    """Give the configured extractor; its metrics go to *registry*. Nothing is sent. Raises InvalidSetting."""
    embedded = EmbeddedExtractor(embedder)
    if settings.llm is None:
        yield embedded
        return
    # not for those who use no language model: brings what they may not have installed
    from service.extraction.language import LanguageExtractor, Limits  # noqa: PLC0415
    from service.models.language import ExtraMissing, ModelChoice, open_language_model  # noqa: PLC0415
    from service.models.language.patient import ModelMetrics, PatientModel, Prices  # noqa: PLC0415

    timeout = settings.llm_timeout
    try:
        choice = ModelChoice.parse(settings.llm, base_url=settings.llm_base_url, api_key=settings.llm_api_key, timeout=timeout)
        opened = open_language_model(choice)
    except (ValueError, ExtraMissing) as error:
        raise InvalidSetting("MNEME_LLM", str(error)) from None
    async with opened as model:
        yield LanguageExtractor(
            PatientModel(
                model,
                timeout=timeout,
                max_concurrency=settings.llm_max_concurrency,
                metrics=ModelMetrics(registry),
                prices=Prices(input=settings.llm_input_price, output=settings.llm_output_price),
            ),
            embedder=embedder,
            rules=embedded,
            log=structlog.get_logger("extraction"),
            limits=Limits(
                chunk_tokens=settings.llm_chunk_tokens,
                max_output_tokens=settings.llm_max_output_tokens,
                max_calls=settings.llm_max_calls,
            ),
        )
