"""
Agentic: several hops, each led by what the hops before found, with the reasons told. Rules make the first; a language model goes
on from there when one is configured.

The first hop gathers for a question that may need several messages, whatever words they use for what is asked, and prefers those
that tell something in particular. A query about several people or things is then asked for each of them alone. At last the
connections of the memories found are followed. A turn keeps the best score that any hop gave it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from service.domain.ids import ChainId
from service.domain.memories import Source
from service.domain.recall import Recalled, RecalledKind, RecallQuery, RecallResult, StrategyName
from service.recall.analysis import hints_of
from service.recall.connections import connected_items
from service.recall.driven.drive import LEAST_PATIENCE, drive
from service.recall.evidence import Evidence, Plan, StageListener, Tools, gather_evidence
from service.recall.ranking import Ranked
from service.recall.selection import select
from service.recall.strategies.balanced import plan_of
from service.recall.weights import GATHERING

COMPARED = 150
"""Of how many candidates the words are compared with the query's. Comparing more finds no more."""
MAX_PARTS = 3
"""Into how many a query is taken apart at most."""
PART_WEIGHT = 0.5
"""What a score in a hop for a part of the query counts, beside one for the whole."""
FOLLOWED = 5
"""Of how many of the best memories the connections are followed."""
CONNECTED_WEIGHT = 0.5
"""What a memory's score counts for one that it is connected to."""

_THING = r"(?:(?:the|a|an|my|his|her|their) )?[\w'\u2019-]+"
_TOGETHER = re.compile(rf"(?<!\w)(?P<first>(?:{_THING}, )*{_THING}),? (?:and|or) (?P<last>{_THING})", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """What rules found, and from how many *candidates*."""

    result: RecallResult
    candidates: int


async def agentic(tools: Tools, query: RecallQuery, on_stage: StageListener) -> RecallResult:
    """Return what several hops find, and why they were made; a language model makes more of them when there is one."""
    walk = await walked(tools, query, on_stage)
    return await driven(tools, query, walk, on_stage) if walk.candidates else walk.result


async def driven(tools: Tools, query: RecallQuery, walk: Walk, on_stage: StageListener) -> RecallResult:
    """Return what a language model makes of *walk*, or what rules found where there is none or nobody has the time for one."""
    hasty = query.patience is not None and query.patience < LEAST_PATIENCE
    if tools.driver is None or hasty:
        return walk.result
    return await drive(tools, tools.driver, query, walk.result, on_stage)


async def walked(tools: Tools, query: RecallQuery, on_stage: StageListener) -> Walk:
    """Return what the hops of rules find."""
    await on_stage("Reading the query")
    plan = first_plan(query)
    await on_stage(f"Hop 1: searching by {len(plan.readings)} readings of the query")
    hops = [await gather_evidence(tools, query, plan)]
    reasons = [_first_reason(plan, hops[0])]
    parts = parts_of(query.text)
    if parts:
        await on_stage(f"Hop 2: searching for each of {len(parts)} parts of the query")
        hops += await asyncio.gather(*(gather_evidence(tools, query, _part_plan(query, part)) for part in parts))
        reasons.append(f"The query is about several things, so each was looked for alone: {'; '.join(parts)}.")
    items = await select(query, _merged(hops))
    connected = await _connected(tools, query, items)
    if connected:
        await on_stage(f"Following the connections of {FOLLOWED} memories")
        reasons.append(f"Connections of the best memories led to {len(connected)} more.")
    kept = sorted([*items, *connected], key=lambda item: -item.score)[: query.max_top_k]
    await on_stage(f"Ranked {len(hops[0].ranked)} candidates over {len(hops)} searches, kept {len(kept)}")
    result = RecallResult(
        strategy=StrategyName.AGENTIC,
        items=kept,
        search_queries=list(dict.fromkeys([*(reading.text for reading in plan.readings), *parts])),
        summary_queries=[query.text],
        keywords=plan.hints.keywords,
        date_ranges=hops[0].date_ranges,
        reasoning=" ".join(reasons),
    )
    return Walk(result=result, candidates=len(hops[0].ranked))


def parts_of(text: str) -> list[str]:
    """
    Return one query for each of several things that *text* names together, nothing when it names none so.

    "What do Ann and Bob like?" becomes "What do Ann like?" and "What do Bob like?".
    """
    match = _TOGETHER.search(text)
    if match is None:
        return []
    things = [*match["first"].split(", "), match["last"]]
    if len(things) > MAX_PARTS or not all(hints_of(thing).keywords for thing in things):
        return []
    return [f"{text[: match.start()]}{thing}{text[match.end() :]}" for thing in things]


def first_plan(query: RecallQuery) -> Plan:
    """Return what the first hop looks for."""
    return replace(plan_of(query), weights=GATHERING, kindred=COMPARED, rarity=True)


def _part_plan(query: RecallQuery, part: str) -> Plan:
    return replace(first_plan(replace(query, text=part)), summaries=0)


def _first_reason(plan: Plan, found: Evidence) -> str:
    sessions = len({turn.at.session_id for turn in found.ranked})
    words = ", ".join(plan.hints.keywords) or "no content word"
    dates = f", drawn to {len(found.date_ranges)} spans of time" if found.date_ranges else ""
    kin = "; ".join(f"{word} ({', '.join(others)})" for word, others in found.kindred.items())
    also = f" Words that are near to those of the query counted as well: {kin}." if kin else ""
    return f"Searched for {words}{dates}: {len(found.ranked)} candidates in {sessions} sessions.{also}"


def _merged(hops: Sequence[Evidence]) -> Evidence:
    """Return all hops in one: of a turn the best score, of a part's score a little less than of the whole's."""
    best: dict[Source, Ranked] = {}
    for place, hop in enumerate(hops):
        for turn in hop.ranked:
            weighted = turn if place == 0 else turn._replace(score=turn.score * PART_WEIGHT)
            if turn.at not in best or best[turn.at].score < weighted.score:
                best[turn.at] = weighted
    ranked = sorted(best.values(), key=lambda turn: -turn.score)
    first, *others = hops
    for hop in others:
        first.reader.join(hop.reader)
    return replace(first, ranked=ranked)


async def _connected(tools: Tools, query: RecallQuery, items: Sequence[Recalled]) -> list[Recalled]:
    """Return the memories that the best ones are connected to and that were not found yet."""
    if RecalledKind.MEMORY not in query.kinds:
        return []
    memories = [(item, item.memory) for item in items if item.memory is not None]
    shown = {memory.chain_id for _, memory in memories}
    wanted: dict[ChainId, float] = {}
    for item, memory in memories[:FOLLOWED]:
        for chain_id in memory.connections:
            if chain_id not in shown:
                wanted.setdefault(chain_id, item.score * CONNECTED_WEIGHT)
    covered = {source for item in items for source in item.sources}
    found = await connected_items(tools.memories, query, wanted)
    return [item for item in found if not covered.issuperset(item.sources)]
