"""
One hop of a recall: embed, search, read the truth, rank. Three round trips, whatever the number of searches.

What the index finds is only a proposal: everything that leaves here was read from the record stores, and what they no longer
hold is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from service.domain.ids import ChainId, SessionId
from service.domain.memories import MemoryChain, Source
from service.domain.ports.index import IndexFilter, VectorIndex
from service.domain.ports.models import Embedder
from service.domain.ports.stores import MemoryStore, SessionStore
from service.domain.recall import DateRange, RecalledKind, RecallQuery
from service.domain.sessions import Message, Summary
from service.recall.analysis import QueryHints
from service.recall.dates import date_ranges
from service.recall.driven.driver import Driver
from service.recall.kindred import KINDRED, Kindred, kindred_words
from service.recall.pool import Pool, pool_of
from service.recall.ranking import Ranked, preselect, rank
from service.recall.searches import LIMIT, HitList, Reading, search
from service.recall.weights import Weights

StageListener = Callable[[str], Awaitable[None]]
"""Gets a line for a person to read at each stage of a recall."""

CHAINS_PER_TURN = 3
"""How many of the memories of one turn are read: the best ones by meaning and word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The ports that a recall works with. *driver* is a language model that may drive it, if there is one."""

    index: VectorIndex
    embedder: Embedder
    sessions: SessionStore
    memories: MemoryStore
    driver: Driver | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    What one hop looks for: the *readings* of the query, and what *weights* their signals have.

    Each search returns *hits* hits at most. *candidates* is how many of what is found are read and ranked by their text as well;
    *summaries* how many summaries are read.
    *dates* tells whether to look for spans of time in the query, *kindred* of how many of the best the words are compared with
    the query's.
    """

    readings: Sequence[Reading]
    hints: QueryHints
    weights: Weights
    candidates: int
    summaries: int
    hits: int = LIMIT
    dates: bool = True
    kindred: int = 0
    where: IndexFilter = field(default_factory=IndexFilter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """
    What one hop found: *ranked* turns, best first, the memories that come from them by turn, *summaries* with their
    similarity to the query, best first, the *date_ranges* that were read out of the query, and by word of the query the *kindred*
    words that the messages use for it.
    """

    ranked: Sequence[Ranked]
    chains: Mapping[Source, Sequence[MemoryChain]]
    summaries: Sequence[tuple[Summary, float]]
    date_ranges: Sequence[DateRange]
    kindred: Mapping[str, Sequence[str]] = field(default_factory=dict)


async def gather_evidence(tools: Tools, query: RecallQuery, plan: Plan) -> Evidence:
    """Run one hop as *plan* says."""
    vectors = await tools.embedder.embed([reading.text for reading in plan.readings])
    found = await search(
        tools.index, query.scope, list(zip(plan.readings, vectors, strict=True)), where=plan.where, limit=plan.hits
    )
    pool = pool_of(found)
    rows = preselect(pool, plan.weights, plan.candidates)
    messages, chains, summaries = await _read(tools, query, pool, rows, _nearest_summaries(found, query, plan))
    newest = max((message.timestamp for message in messages.values()), default=query.now)
    spans = date_ranges(query.text, query.now, newest=newest) if plan.dates else []
    anchor = _anchor(tools.embedder, pool, messages, plan.hints)
    kin = await _kindred(tools.embedder, plan, messages)
    nearness = {hit.session_id: hit.score for hit in found["session_meaning"].hits}
    return Evidence(
        ranked=rank(pool, messages, plan.hints, plan.weights, anchor=anchor, spans=spans, more={KINDRED: kin.column}),
        chains=chains,
        summaries=[(summary, tools.embedder.similarity(nearness[summary.session_id])) for summary in summaries],
        date_ranges=spans,
        kindred=kin.words,
    )


async def _kindred(embedder: Embedder, plan: Plan, messages: Mapping[int, Message]) -> Kindred:
    """Return the kindred words in the best of *messages*, which are in the order of the index; the rest count as average."""
    texts = [message.content for message in messages.values()][: plan.kindred]
    if not texts:
        return Kindred(column=np.zeros(len(messages)), words={})
    found = await kindred_words(embedder, plan.hints, texts)
    return replace(found, column=np.pad(found.column, (0, len(messages) - len(texts))))


async def _read(
    tools: Tools, query: RecallQuery, pool: Pool, rows: Sequence[int], session_ids: Sequence[SessionId]
) -> tuple[dict[int, Message], dict[Source, list[MemoryChain]], list[Summary]]:
    """Read all that may be shown from the record stores, at the same time."""
    sources = [pool.turns[row] for row in rows]
    wanted = _wanted_chains(pool, rows) if RecalledKind.MEMORY in query.kinds else []
    messages, chains, summaries = await asyncio.gather(
        tools.sessions.messages_at(query.scope, sources),
        _read_chains(tools.memories, query, wanted),
        _read_summaries(tools.sessions, query, session_ids),
    )
    read = {row: message for row, message in zip(rows, messages, strict=True) if message is not None}
    return {row: message for row, message in read.items() if query.may_show(message.session_id)}, chains, summaries


def _wanted_chains(pool: Pool, rows: Sequence[int]) -> list[ChainId]:
    chains = (pool.chains.get(pool.turns[row], ()) for row in rows)
    return list(dict.fromkeys(chain for of_turn in chains for chain in of_turn[:CHAINS_PER_TURN]))


async def _read_chains(store: MemoryStore, query: RecallQuery, wanted: Sequence[ChainId]) -> dict[Source, list[MemoryChain]]:
    """Return memories by each turn that they come from."""
    if not wanted:
        return {}
    chains: dict[Source, list[MemoryChain]] = {}
    for found in await store.chains(query.scope, wanted):
        chain = query.narrowed(found) if found is not None else None
        for source in query.sources_of(chain.current) if chain is not None else ():
            if chain is not None:
                chains.setdefault(source, []).append(chain)
    return chains


async def _read_summaries(store: SessionStore, query: RecallQuery, session_ids: Sequence[SessionId]) -> list[Summary]:
    if not session_ids:
        return []
    return [summary for summary in await store.summaries(query.scope, session_ids) if summary is not None]


def _nearest_summaries(found: Mapping[str, HitList], query: RecallQuery, plan: Plan) -> list[SessionId]:
    if RecalledKind.SUMMARY not in query.kinds:
        return []
    return [hit.session_id for hit in found["session_meaning"].hits[: plan.summaries]]


ANCHORED_FROM = 0.75
"""Similarity of the best candidate from which a query counts as answered by something."""
STEM = 5
"""How many letters of a word must agree for it to count as the same word in another form."""


def _anchor(embedder: Embedder, pool: Pool, messages: Mapping[int, Message], hints: QueryHints) -> float:
    """Return how near the best candidate is to the query, 0 to 1: by meaning, or by the share of the query's words in it."""
    if not messages:
        return 0.0
    similarity = embedder.similarity(float(max(pool.cosine[row] for row in messages)))
    stems = [word.casefold()[:STEM] for word in hints.keywords]
    best = list(messages.values())[:10]
    shares = (sum(stem in message.content.casefold() for stem in stems) / len(stems) for message in best if stems)
    return min(1.0, max(similarity / ANCHORED_FROM, max(shares, default=0.0)))
