"""Low latency: one embedding of the query as it is, one fused search, no analysis beyond what ranking needs."""

from __future__ import annotations

from service.domain.ports.index import IndexFilter
from service.domain.recall import RecallQuery, RecallResult, StrategyName
from service.recall.analysis import hints_of
from service.recall.evidence import Plan, StageListener, Tools, gather_evidence
from service.recall.searches import FEW, QUERY_SIGNALS, Reading
from service.recall.selection import select
from service.recall.weights import FAST

CANDIDATES = 150
"""How many candidates are read. Reading more adds nothing measurable among the first twenty."""
SUMMARIES = 3


def plan_of(query: RecallQuery) -> Plan:
    """Return what to look for: the query as it is."""
    return Plan(
        readings=[Reading(text=query.text, signals=tuple(QUERY_SIGNALS))],
        hints=hints_of(query.text),
        weights=FAST,
        candidates=CANDIDATES,
        summaries=SUMMARIES,
        hits=FEW,
        dates=False,
        where=IndexFilter(exclude_sessions=query.exclude_sessions, sessions=query.only_sessions),
    )


async def low_latency(tools: Tools, query: RecallQuery, on_stage: StageListener) -> RecallResult:
    """Return what one fused search finds."""
    await on_stage("Searching memories, messages and summaries")
    evidence = await gather_evidence(tools, query, plan_of(query))
    items = await select(query, evidence)
    await on_stage(f"Ranked {len(evidence.ranked)} candidates, kept {len(items)}")
    return RecallResult(strategy=StrategyName.LOW_LATENCY, items=items, search_queries=[query.text], summary_queries=[query.text])
