"""
Balanced: reads the query first. Its content words are a second search by meaning, spans of time that it names draw in what was
said then, and every candidate is read and ranked by its text.
"""

from __future__ import annotations

from service.domain.ports.index import IndexFilter
from service.domain.recall import RecallQuery, RecallResult, StrategyName
from service.recall.analysis import hints_of
from service.recall.dates import date_ranges
from service.recall.evidence import Plan, StageListener, Tools, gather_evidence
from service.recall.selection import select

CANDIDATES = 400
"""How many candidates are read: all that the searches can be expected to find."""
SUMMARIES = 8


def plan_of(query: RecallQuery) -> Plan:
    """Return what to look for, as an analysis of the query tells."""
    hints = hints_of(query.text)
    content = " ".join(hints.keywords)
    return Plan(
        meanings=list(dict.fromkeys([query.text, content or query.text])),
        words=[query.text],
        hints=hints,
        candidates=CANDIDATES,
        summaries=SUMMARIES,
        date_ranges=date_ranges(query.text, query.now),
        where=IndexFilter(exclude_sessions=query.exclude_sessions),
    )


async def balanced(tools: Tools, query: RecallQuery, on_stage: StageListener) -> RecallResult:
    """Return what an analysed query finds."""
    await on_stage("Reading the query")
    plan = plan_of(query)
    spans = f" and {len(plan.date_ranges)} date ranges" if plan.date_ranges else ""
    await on_stage(f"Searching memories, messages and summaries by {len(plan.meanings)} queries{spans}")
    evidence = await gather_evidence(tools, query, plan)
    items = select(query, evidence)
    await on_stage(f"Ranked {len(evidence.ranked)} candidates, kept {len(items)}")
    return RecallResult(
        strategy=StrategyName.BALANCED,
        items=items,
        search_queries=plan.meanings,
        summary_queries=plan.meanings,
        keywords=plan.hints.keywords,
        date_ranges=plan.date_ranges,
    )
