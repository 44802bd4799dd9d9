"""
Balanced: reads the query first. Its content words, without the people that it names, are a second search by meaning, spans of
time that it names draw in what was said then, and every candidate is read and ranked by its text.
"""

from __future__ import annotations

from service.domain.ports.index import IndexFilter
from service.domain.recall import RecallQuery, RecallResult, StrategyName
from service.recall.analysis import hints_of
from service.recall.evidence import Plan, StageListener, Tools, gather_evidence
from service.recall.searches import QUERY_SIGNALS, TOPIC_SIGNALS, Reading
from service.recall.selection import select
from service.recall.weights import PRECISE

CANDIDATES = 400
"""How many candidates are read: all that the searches can be expected to find."""
SUMMARIES = 8


def topic_of(text: str) -> str:
    """Return the content words of a query but for the people in it, or all of it when it has no others."""
    return " ".join(hints_of(text).topic) or text


def plan_of(query: RecallQuery) -> Plan:
    """Return what to look for, as an analysis of the query tells."""
    return Plan(
        readings=[
            Reading(text=query.text, signals=tuple(QUERY_SIGNALS)),
            Reading(text=topic_of(query.text), signals=tuple(TOPIC_SIGNALS)),
        ],
        hints=hints_of(query.text),
        weights=PRECISE,
        candidates=CANDIDATES,
        summaries=SUMMARIES,
        where=IndexFilter(exclude_sessions=query.exclude_sessions, sessions=query.only_sessions),
    )


async def balanced(tools: Tools, query: RecallQuery, on_stage: StageListener) -> RecallResult:
    """Return what an analysed query finds."""
    await on_stage("Reading the query")
    plan = plan_of(query)
    await on_stage(f"Searching memories, messages and summaries for {', '.join(plan.hints.keywords) or query.text}")
    evidence = await gather_evidence(tools, query, plan)
    items = await select(query, evidence)
    spans = f", drawn to {len(evidence.date_ranges)} spans of time" if evidence.date_ranges else ""
    await on_stage(f"Ranked {len(evidence.ranked)} candidates{spans}, kept {len(items)}")
    return RecallResult(
        strategy=StrategyName.BALANCED,
        items=items,
        search_queries=list(dict.fromkeys(reading.text for reading in plan.readings)),
        summary_queries=[query.text],
        keywords=plan.hints.keywords,
        date_ranges=evidence.date_ranges,
    )
