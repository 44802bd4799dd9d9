"""
Auto: chooses one of the other strategies by the query, and reports the one that ran.

A language model, where there is one, costs seconds and tokens. It is only asked about a query that gathers, and only when rules
found more than the answer may hold: where everything that was found is returned, choosing among it can gain nothing.
"""

from __future__ import annotations

import re

from service.domain.recall import RecallQuery, RecallResult, StrategyName
from service.recall.analysis import hints_of
from service.recall.dates import date_ranges
from service.recall.evidence import StageListener, Tools
from service.recall.strategies.agentic import driven, parts_of, walked
from service.recall.strategies.balanced import balanced
from service.recall.strategies.low_latency import low_latency

FEW_KEYWORDS = 2
"""A query of at most so many content words has nothing to analyse."""

_GATHERS = re.compile(
    r"\b(?:all|both|compare|compared|common|differences?|each|every|how many|how much in total|list|summari[sz]e|times)\b"
    r"|\b(?:what|which) (?:\w+ ){0,2}(?!(?:is|was|does|has|this|his)\b)\w{3,}s\b",
    re.IGNORECASE,
)
"""Words of a query that one message rarely answers: quantities, comparisons, a plural after "what" or "which"."""


async def auto(tools: Tools, query: RecallQuery, on_stage: StageListener) -> RecallResult:
    """Return what the chosen strategy finds."""
    chosen = choose(query)
    await on_stage(f"Chose the {chosen.value} strategy")
    run = {StrategyName.LOW_LATENCY: low_latency, StrategyName.BALANCED: balanced, StrategyName.AGENTIC: _sparing}[chosen]
    return await run(tools, query, on_stage)


async def _sparing(tools: Tools, query: RecallQuery, on_stage: StageListener) -> RecallResult:
    """Return what agentic finds, without a language model where all that rules found is returned anyway."""
    walk = await walked(tools, query, on_stage)
    return await driven(tools, query, walk, on_stage) if walk.candidates > query.max_top_k else walk.result


def choose(query: RecallQuery) -> StrategyName:
    """Return the strategy for *query*: agentic to gather, balanced to answer a question, low latency for a few words."""
    if _GATHERS.search(query.text) or parts_of(query.text):
        return StrategyName.AGENTIC
    if len(hints_of(query.text).keywords) <= FEW_KEYWORDS and not date_ranges(query.text, query.now):
        return StrategyName.LOW_LATENCY
    return StrategyName.BALANCED
