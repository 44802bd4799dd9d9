"""
The candidates of a recall: every turn that any search found, with what each search says of it.

Turns are what is ranked. A memory speaks for the turn that it comes from, and a session for each of its turns, so that all that
was found about a turn adds up in one place and nothing takes two ranks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.domain.ids import ChainId, SessionId
from service.domain.ports.index import SPARSE, SPARSE_CONTEXT, Hit
from service.recall.indexing import turn_id
from service.recall.searches import (
    KEYWORD_SIGNALS,
    MEMORY_SIGNALS,
    NOTHING,
    SESSION_SIGNALS,
    SIGNALS,
    STATEMENT_SIGNALS,
    TURN_SIGNALS,
    HitList,
)

Column = NDArray[np.float64]

NEIGHBOUR = "neighbour"
"""How well the better of the turns right before and after matches by meaning."""

_OF_TURNS = (*TURN_SIGNALS, *KEYWORD_SIGNALS, *STATEMENT_SIGNALS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One candidate turn: a message of a session, there may be none (any more)."""

    session_id: SessionId
    order: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """
    Candidates and their signals. *places* are the candidates; each of *signals* has one z-score for each of them, over all
    candidates. *cosine* is the best cosine of the turn itself or of a memory that comes from it.

    *chains* are the memories that were found, by the turn id that they come from, best first.
    """

    places: Sequence[Place]
    signals: Mapping[str, Column]
    cosine: Column
    chains: Mapping[str, Sequence[ChainId]]


def pool_of(found: Mapping[str, HitList]) -> Pool:
    """
    Gather what the searches *found*, by signal, into one pool: the union of all turns, and of the turns that memories come from.

    A signal that was not searched for is 0 for all.
    """
    rows: dict[str, int] = {}
    places: list[Place] = []

    def row(key: str, hit: Hit) -> int:
        if key not in rows:
            rows[key] = len(places)
            places.append(Place(session_id=hit.session_id, order=hit.order))
        return rows[key]

    scores = {name: [(row(hit.record_id, hit), hit.score) for hit in _hits(found, name)] for name in _OF_TURNS}
    scores |= {
        name: [(row(turn_id(hit.session_id, hit.order), hit), hit.score) for hit in _hits(found, name)] for name in MEMORY_SIGNALS
    }
    raw = {name: _column(scores[name], len(places), _floor(found, name)) for name in scores}
    raw[NEIGHBOUR] = _neighbours(raw["meaning"], rows, places, _floor(found, "meaning"))
    signals = {name: standardised(column) for name, column in raw.items()} | _session_signals(found, places)
    return Pool(
        places=places,
        signals=signals,
        cosine=np.maximum(raw["meaning"], raw["memory_meaning"]),
        chains=_chains(found),
    )


def _hits(found: Mapping[str, HitList], name: str) -> Sequence[Hit]:
    return found.get(name, NOTHING).hits


def _floor(found: Mapping[str, HitList], name: str) -> float:
    """Return what to take for a candidate that a search did not find: it can be no better than the last that it did."""
    searched = found.get(name, NOTHING)
    if not searched.hits:
        return 0.0
    last = float(searched.hits[-1].score)
    if SIGNALS[name][1] in {SPARSE, SPARSE_CONTEXT}:
        # a search by word returns whatever shares a word: a list that is not full leaves out only what shares none
        return last / 2 if searched.full else 0.0
    return last


def _column(scores: Sequence[tuple[int, float]], size: int, floor: float) -> Column:
    column = np.full(size, floor)
    # worst first: of several memories of one turn the best counts
    for place, score in reversed(scores):
        column[place] = score
    return column


def _neighbours(meaning: Column, rows: Mapping[str, int], places: Sequence[Place], floor: float) -> Column:
    column = np.full(len(places), floor)
    for place, at in enumerate(places):
        for order in (at.order - 1, at.order + 1):
            other = rows.get(turn_id(at.session_id, order))
            if other is not None and meaning[other] > column[place]:
                column[place] = meaning[other]
    return column


def _session_signals(found: Mapping[str, HitList], places: Sequence[Place]) -> dict[str, Column]:
    known = {hit.session_id for name in SESSION_SIGNALS for hit in _hits(found, name)}
    complete = not any(found.get(name, NOTHING).full for name in SESSION_SIGNALS)
    # a session without a summary is not processed yet: that speaks neither for it nor against it
    judged = np.array([not complete or place.session_id in known for place in places], dtype=bool)
    signals = {}
    for name in SESSION_SIGNALS:
        scores = {hit.session_id: hit.score for hit in _hits(found, name)}
        floor = _floor(found, name)
        column = np.array([scores.get(place.session_id, floor) for place in places], dtype=np.float64)
        standard = np.zeros(len(places))
        standard[judged] = standardised(column[judged])
        signals[name] = standard
    return signals


def standardised(column: Column) -> Column:
    """Return *column* as z-scores; 0 throughout when all its values are the same."""
    if column.size == 0:
        return column
    spread = float(column.std())
    return (column - column.mean()) / spread if spread > 1e-9 else np.zeros_like(column)


def _chains(found: Mapping[str, HitList]) -> dict[str, list[ChainId]]:
    chains: dict[str, list[ChainId]] = {}
    for name in MEMORY_SIGNALS:
        for hit in _hits(found, name):
            of_turn = chains.setdefault(turn_id(hit.session_id, hit.order), [])
            if hit.record_id not in of_turn:
                of_turn.append(ChainId(hit.record_id))
    return chains
