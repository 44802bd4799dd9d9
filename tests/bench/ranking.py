"""
How long it takes to rank what a recall found: `python -m tests.bench.ranking`.

As many hits as each strategy asks for, drawn from one user's messages, are gathered into candidates and ranked. Processor time in
ms, without embedding, searches and records.
"""

# ruff: noqa: T201 - a benchmark prints

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import numpy as np

from service.domain.ids import ProjectId, Scope, SessionId, UserKey
from service.domain.memories import Source
from service.domain.ports.index import Hits, Records
from service.domain.ports.work import IndexedKind
from service.domain.recall import RecallQuery
from service.domain.sessions import Message, MessageRole
from service.recall.dates import date_ranges
from service.recall.evidence import Plan
from service.recall.kindred import KINDRED
from service.recall.pool import Pool, pool_of
from service.recall.ranking import Ranked, preselect, rank
from service.recall.rarity import RARE_WORDS
from service.recall.searches import SIGNALS, HitList
from service.recall.traits import traits_of
from tests.bench.evaluation.measure import latency, table
from tests.bench.fitting.cases import CASES
from tests.bench.invented import DEEDS, PEOPLE, PLACES, THINGS

SESSIONS, TURNS = 40, 12
"""Of so many messages LoCoMo's recalls find nearly all."""
ROUNDS = 200
FIRST_DAY = datetime(2024, 5, 8, 10, tzinfo=UTC)
QUERY = RecallQuery(
    scope=Scope(project_id=ProjectId("bench"), user_key=UserKey("bench")),
    text="What did Ann buy for Bob in Lisbon last summer?",
    now=FIRST_DAY + timedelta(days=SESSIONS),
)

Said = Mapping[Source, Message]


def main() -> None:
    """Time each set of weights, and print what the steps took."""
    chance = random.Random(7)  # noqa: S311 - no secret
    said = {Source(message.session_id, message.index): message for message in _messages(chance)}
    rows = {}
    for case in CASES:
        plan = case.plan(QUERY)
        gathering, ranking, candidates = [], [], 0
        for _ in range(ROUNDS):
            found = _found(plan, said, chance)
            begun = time.thread_time()
            pool = pool_of(found)
            gathered = time.thread_time()
            candidates = len(_ranked(plan, pool))
            ranking.append(time.thread_time() - gathered)
            gathering.append(gathered - begun)
        rows[f"{case.name}, gathering"] = latency(gathering)
        rows[f"{case.name}, ranking {candidates}"] = latency(ranking)
    print(table(rows, ["p50", "p95"]))


def _ranked(plan: Plan, pool: Pool) -> list[Ranked]:
    turns = pool.sources(preselect(pool, plan.weights, plan.candidates))
    spans = date_ranges(QUERY.text, QUERY.now) if plan.dates else []
    ranking = rank(
        pool, list(turns), plan.hints, plan.weights, spans=spans, more=dict.fromkeys((KINDRED, RARE_WORDS), np.zeros(len(turns)))
    )
    return ranking.anchored(turns, 0.5)


def _found(plan: Plan, said: Said, chance: random.Random) -> dict[str, HitList]:
    """Return hits of every search of *plan*; those of one kind share their records, as what comes from the index does."""
    turns = list(said)
    sessions = list(dict.fromkeys(session_id for session_id, _ in turns))
    records = Records(
        record_ids=[f"{session_id}:{index}" for session_id, index in turns],
        sessions=sessions,
        session_places=[sessions.index(session_id) for session_id, _ in turns],
        orders=[index for _, index in turns],
        # an array, as it comes from the engine
        traits=cast("Sequence[Sequence[float]]", np.array([traits_of(message) for message in said.values()])),
    )
    summaries = Records(record_ids=sessions, sessions=sessions, session_places=range(len(sessions)), orders=[0] * len(sessions))
    memories = replace(records, traits=())
    of_kind = {IndexedKind.TURN: records, IndexedKind.MEMORY: memories, IndexedKind.SUMMARY: summaries}
    return {name: _hits(of_kind[SIGNALS[name][0]], plan.hits, chance) for reading in plan.readings for name in reading.signals}


def _hits(records: Records, limit: int, chance: random.Random) -> HitList:
    count = min(limit, len(records.record_ids))
    places = chance.sample(range(len(records.record_ids)), count)
    scores = sorted((chance.random() for _ in range(count)), reverse=True)
    return HitList(hits=Hits(records, places, scores), full=count == limit)


def _messages(chance: random.Random) -> list[Message]:
    return [
        Message(
            session_id=SessionId(f"{session}"),
            index=index,
            role=MessageRole.ASSISTANT if index % 2 else MessageRole.USER,
            content=f"{PEOPLE[index % 2]}: {' '.join(_sentence(chance) for _ in range(chance.randint(1, 4)))}",
            timestamp=FIRST_DAY + timedelta(days=session),
        )
        for session in range(SESSIONS)
        for index in range(TURNS)
    ]


def _sentence(chance: random.Random) -> str:
    return f"I {chance.choice(DEEDS)} the {chance.choice(THINGS)} with {chance.choice(PEOPLE)} in {chance.choice(PLACES)}."


if __name__ == "__main__":
    main()
