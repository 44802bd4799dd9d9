"""
One hop of a recall: embed, search, rank, read the truth. Three round trips, whatever the number of searches.

What the index finds is only a proposal: everything that leaves here was read from the record stores, and what they no longer
hold is dropped. Ranking needs only numbers, which the index keeps beside the vectors, so what is read is little more than what
is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice, takewhile

import numpy as np

from service.domain.ids import SessionId
from service.domain.memories import Source
from service.domain.ports.index import IndexFilter, VectorIndex
from service.domain.ports.models import Embedder
from service.domain.ports.stores import MemoryStore, SessionStore
from service.domain.recall import DateRange, RecalledKind, RecallQuery
from service.domain.sessions import Summary
from service.recall.analysis import QueryHints
from service.recall.dates import date_ranges
from service.recall.driven.driver import Driver
from service.recall.kindred import KINDRED, Kindred, kindred_words
from service.recall.pool import Column, Pool, pool_of
from service.recall.ranking import Ranked, preselect, rank
from service.recall.rarity import RARE_WORDS, rare_words
from service.recall.reader import Reader
from service.recall.searches import LIMIT, HitList, Reading, search
from service.recall.traits import Traits, traits_of
from service.recall.weights import Weights

StageListener = Callable[[str], Awaitable[None]]
"""Gets a line for a person to read at each stage of a recall."""

_SAID = Traits._fields.index("said")

ANCHORED_FROM = 0.75
"""Similarity of the best candidate from which a query counts as answered by something."""
ANCHORS = 10
"""How many of the best messages are looked at for the words of the query."""
STEM = 5
"""How many letters of a word must agree for it to count as the same word in another form."""
SPARE = 10
"""So many candidates more are read than may be shown: some are gone, or told by a memory that stands for several."""


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

    Each search returns *hits* hits at most. *candidates* is how many of what is found are ranked by their traits as well;
    *summaries* how many summaries are read.
    *dates* tells whether to look for spans of time in the query, *kindred* of how many of the best the words are compared with
    the query's, *rarity* whether all candidates are read and ranked by how rare their words are as well.
    """

    readings: Sequence[Reading]
    hints: QueryHints
    weights: Weights
    candidates: int
    summaries: int
    hits: int = LIMIT
    dates: bool = True
    kindred: int = 0
    rarity: bool = False
    where: IndexFilter = field(default_factory=IndexFilter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """
    What one hop found: *ranked* turns, best first, what was read of them and of their memories, *summaries* with their
    similarity to the query, best first, the *date_ranges* that were read out of the query, and by word of the query the *kindred*
    words that the messages use for it.

    Turns are read as far as they are likely to be shown. Those that turned out to be gone are still among the ranked.
    """

    ranked: Sequence[Ranked]
    reader: Reader
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
    chosen = pool.sources(preselect(pool, plan.weights, plan.candidates))
    turns = {row: turn for row, turn in chosen.items() if query.may_show(turn.session_id)}
    proposed = {turn: pool.chains[row] for row, turn in turns.items() if row in pool.chains}
    reader = Reader(tools.sessions, tools.memories, query, proposed)
    turns = await _known(pool, turns, reader, len(turns) if plan.rarity else plan.kindred)
    spans = date_ranges(query.text, query.now, newest=_newest(pool, turns, query)) if plan.dates else []
    kin = await _kindred(tools.embedder, plan, turns, reader)
    more = {KINDRED: kin.column, RARE_WORDS: _rarity(plan, turns, reader)}
    ranking = rank(pool, list(turns), plan.hints, plan.weights, spans=spans, more=more)
    first = [turns[row] for row in ranking.rows[: likely_shown(query)]]
    _, summaries = await asyncio.gather(
        reader.read(first, messages=ANCHORS), _read_summaries(tools.sessions, query, _nearest_summaries(found, query, plan))
    )
    anchor = max(_nearness(tools.embedder, pool, turns, reader) / ANCHORED_FROM, _share(plan.hints, first, reader))
    nearness = {hit.session_id: hit.score for hit in found["session_meaning"].hits}
    return Evidence(
        ranked=ranking.anchored(turns, min(1.0, anchor)),
        reader=reader,
        summaries=[(summary, tools.embedder.similarity(nearness[summary.session_id])) for summary in summaries],
        date_ranges=spans,
        kindred=kin.words,
    )


def likely_shown(query: RecallQuery) -> int | None:
    """Return how many of the best candidates are likely to be shown, None for all of them: not every one has a memory."""
    return query.max_top_k + SPARE if RecalledKind.MESSAGE in query.kinds else None


async def _known(pool: Pool, turns: Mapping[int, Source], reader: Reader, head: int) -> dict[int, Source]:
    """
    Return the candidates *turns*, by row, without those of which nothing is known. The messages of the first *head* are read,
    and those of which the index has no traits, as one that an older release made has none.
    """
    untold = frozenset(np.flatnonzero(np.isnan(pool.traits[:, 0])).tolist())
    wanted = {row: turn for place, (row, turn) in enumerate(turns.items()) if place < head or row in untold}
    await reader.read_messages(wanted.values())
    messages = {row: reader.message(turn) for row, turn in wanted.items()}
    for row, message in messages.items():
        if message is not None and row in untold:
            pool.traits[row] = traits_of(message)
    return {row: turn for row, turn in turns.items() if row not in messages or messages[row] is not None}


def _newest(pool: Pool, turns: Mapping[int, Source], query: RecallQuery) -> datetime:
    """Return when the newest of the candidates was said."""
    return datetime.fromtimestamp(pool.traits[list(turns), _SAID].max(), UTC) if turns else query.now


async def _kindred(embedder: Embedder, plan: Plan, turns: Mapping[int, Source], reader: Reader) -> Kindred:
    """Return the kindred words in the messages of the best of *turns*; the rest count as average."""
    texts = _texts(takewhile(reader.knows, islice(turns.values(), plan.kindred)), reader)
    if not texts:
        return Kindred(column=np.zeros(len(turns)), words={})
    found = await kindred_words(embedder, plan.hints, texts)
    return replace(found, column=np.pad(found.column, (0, len(turns) - len(texts))))


def _rarity(plan: Plan, turns: Mapping[int, Source], reader: Reader) -> Column:
    """Return how rare the words of *turns* are, all of which were read if *plan* asks for it, else 0."""
    return rare_words(_texts(turns.values(), reader)) if plan.rarity else np.zeros(len(turns))


def _texts(turns: Iterable[Source], reader: Reader) -> list[str]:
    return [message.content for turn in turns if (message := reader.message(turn)) is not None]


async def _read_summaries(store: SessionStore, query: RecallQuery, session_ids: Sequence[SessionId]) -> list[Summary]:
    if not session_ids:
        return []
    return [summary for summary in await store.summaries(query.scope, session_ids) if summary is not None]


def _nearest_summaries(found: Mapping[str, HitList], query: RecallQuery, plan: Plan) -> list[SessionId]:
    if RecalledKind.SUMMARY not in query.kinds:
        return []
    return [hit.session_id for hit in found["session_meaning"].hits[: plan.summaries]]


def _nearness(embedder: Embedder, pool: Pool, turns: Mapping[int, Source], reader: Reader) -> float:
    """Return how near the best of *turns* is to the query by meaning, 0 to 1; those that are gone do not count."""
    rows = [row for row, turn in turns.items() if not reader.is_gone(turn)]
    return embedder.similarity(float(pool.cosine[rows].max())) if rows else 0.0


def _share(hints: QueryHints, turns: Sequence[Source], reader: Reader) -> float:
    """Return the share of the query's words in that of the first messages of *turns* that has most of them."""
    stems = [word.casefold()[:STEM] for word in hints.keywords]
    texts = (message.content.casefold() for turn in turns if (message := reader.message(turn)) is not None)
    shares = (sum(stem in text for stem in stems) / len(stems) for text in islice(texts, ANCHORS) if stems)
    return max(shares, default=0.0)
