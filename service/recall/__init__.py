"""Recall: finds what is relevant to a query and renders it for a prompt. Pure algorithms over ports."""

from __future__ import annotations

from collections.abc import Mapping

from service.domain.recall import StrategyName
from service.recall.strategies import Strategy
from service.recall.strategies.agentic import agentic
from service.recall.strategies.auto import auto
from service.recall.strategies.balanced import balanced
from service.recall.strategies.low_latency import low_latency

STRATEGIES: Mapping[StrategyName, Strategy] = {
    StrategyName.LOW_LATENCY: low_latency,
    StrategyName.BALANCED: balanced,
    StrategyName.AGENTIC: agentic,
    StrategyName.AUTO: auto,
}
