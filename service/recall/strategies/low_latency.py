"""Low latency: one embedding of the query as it is, one fused search, no analysis beyond what ranking needs."""

from __future__ import annotations

from service.domain.ports.index import IndexFilter
from service.domain.recall import RecallQuery, RecallResult, StrategyName
from service.recall.analysis import hints_of
from service.recall.evidence import Plan, StageListener, Tools, gather_evidence
from service.recall.selection import select

CANDIDATES = 150
"""How many candidates are read. Reading twice as many adds nothing measurable among the first fifty."""
SUMMARIES = 3


async def low_latency(tools: Tools, query: RecallQuery, on_stage: StageListener) -> RecallResult:
    """Return what one fused search finds."""
    await on_stage("Searching memories, messages and summaries")
    evidence = await gather_evidence(
        tools,
        query,
        Plan(
            meanings=[query.text],
            words=[query.text],
            hints=hints_of(query.text),
            candidates=CANDIDATES,
            summaries=SUMMARIES,
            where=IndexFilter(exclude_sessions=query.exclude_sessions),
        ),
    )
    items = select(query, evidence)
    await on_stage(f"Ranked {len(evidence.ranked)} candidates, kept {len(items)}")
    return RecallResult(strategy=StrategyName.LOW_LATENCY, items=items, search_queries=[query.text], summary_queries=[query.text])
