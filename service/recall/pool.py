"""
The candidates of a recall: every turn that any search found, with what each search says of it.

Turns are what is ranked. A memory speaks for the turn that it comes from, and a session for each of its turns, so that all that
was found about a turn adds up in one place and nothing takes two ranks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.domain.ids import ChainId, SessionId
from service.domain.memories import Source, sources_from
from service.domain.ports.index import SPARSE, SPARSE_CONTEXT, TRAIT_COUNT, Hits, Records
from service.recall.searches import (
    MEMORY_SIGNALS,
    NOTHING,
    SESSION_SIGNALS,
    SIGNALS,
    TOPIC_SIGNALS,
    TURN_SIGNALS,
    HitList,
)

Column = NDArray[np.float64]
Places = NDArray[np.int64]

NEIGHBOUR = "neighbour"
"""How well the better of the turns right before and after matches by meaning."""

_OF_TURNS = (*TURN_SIGNALS, *TOPIC_SIGNALS, *MEMORY_SIGNALS)
_MOST_TURNS = 2**32
"""More than a session has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """
    Candidates and their signals. A candidate is a message, which there may not be (any more): of one of *sessions*, as *session*
    tells by its place there, and at the index *order*. Each of *signals* has one z-score for each candidate, over all of them.
    *cosine* is the best cosine of the turn itself or of a memory that comes from it. A row of *traits* is NaN where the index
    knows none.

    *chains* are the memories that were found, by the row of the candidate that they come from, best first.
    """

    sessions: Sequence[SessionId]
    session: Places
    order: Places
    signals: Mapping[str, Column]
    cosine: Column
    traits: Column
    chains: Mapping[int, Sequence[ChainId]]

    def sources(self, rows: Sequence[int]) -> dict[int, Source]:
        """Return where the messages of some candidates are, by row, in the order given."""
        sessions = [self.sessions[number] for number in self.session[rows].tolist()]
        return dict(zip(rows, sources_from(zip(sessions, self.order[rows].tolist(), strict=True)), strict=True))


def pool_of(found: Mapping[str, HitList]) -> Pool:
    """
    Gather what the searches *found*, by signal, into one pool: the union of all turns, and of the turns that memories come from.

    A signal that was not searched for is 0 for all.
    """
    turns = _Turns(_hits(found, name).records for name in _OF_TURNS)
    raw = {name: _column(turns.rows_of(_hits(found, name)), found, name, len(turns.keys)) for name in _OF_TURNS}
    raw[NEIGHBOUR] = _neighbours(raw["meaning"], turns.keys, _floor(found, "meaning"))
    standard = standardised(np.stack(list(raw.values())))
    session, order = np.divmod(turns.keys, _MOST_TURNS)
    return Pool(
        sessions=list(turns.sessions),
        session=session,
        order=order,
        signals=dict(zip(raw, standard, strict=True)) | _session_signals(found, turns.sessions, session),
        cosine=np.maximum(raw["meaning"], raw["memory_meaning"]),
        traits=turns.traits,
        chains=_chains(found, turns),
    )


class _Turns:
    """The turns that *searched* records stand for, each once: their *keys*, which are in order, their *sessions* and *traits*."""

    def __init__(self, searched: Iterable[Records]) -> None:
        # searches of one kind share their records
        kinds = {id(records): records for records in searched}
        self.sessions: dict[SessionId, int] = {}
        keys = [self._keys(records) for records in kinds.values()]
        self.keys, rows = np.unique(np.concatenate(keys), return_inverse=True)
        self._rows = dict(zip(kinds, np.split(rows, np.cumsum([len(part) for part in keys])[:-1]), strict=True))
        self.traits = np.full((len(self.keys), TRAIT_COUNT), np.nan)
        for name, records in kinds.items():
            if len(records.traits):
                traits = np.asarray(records.traits, dtype=np.float64)
                known = ~np.isnan(traits[:, 0])
                self.traits[self._rows[name][known]] = traits[known]

    def rows_of(self, hits: Hits) -> Places:
        """Return the row of each hit."""
        return self._rows[id(hits.records)][np.asarray(hits.places, dtype=np.int64)]

    def _keys(self, records: Records) -> Places:
        """Return a number for each record's turn: turns of one session follow each other."""
        numbers = [self.sessions.setdefault(session_id, len(self.sessions)) for session_id in records.sessions]
        of_records = np.array(numbers, dtype=np.int64)[np.asarray(records.session_places, dtype=np.int64)]
        return of_records * _MOST_TURNS + np.asarray(records.orders, dtype=np.int64)


def _hits(found: Mapping[str, HitList], name: str) -> Hits:
    return found.get(name, NOTHING).hits


def _floor(found: Mapping[str, HitList], name: str) -> float:
    """Return what to take for a candidate that a search did not find: it can be no better than the last that it did."""
    searched = found.get(name, NOTHING)
    if not searched.hits:
        return 0.0
    last = float(searched.hits.scores[-1])
    if SIGNALS[name][1] in {SPARSE, SPARSE_CONTEXT}:
        # a search by word returns whatever shares a word: a list that is not full leaves out only what shares none
        return last / 2 if searched.full else 0.0
    return last


def _column(rows: Places, found: Mapping[str, HitList], name: str, size: int) -> Column:
    column = np.full(size, _floor(found, name))
    # worst first: of several memories of one turn the best counts
    column[rows[::-1]] = _hits(found, name).scores[::-1]
    return column


def _neighbours(meaning: Column, keys: Places, floor: float) -> Column:
    """Return the better value of the turns right before and after each; *keys* are in order."""
    follows = np.diff(keys) == 1
    column = np.full(len(keys), floor)
    column[1:][follows] = meaning[:-1][follows]
    column[:-1][follows] = np.maximum(column[:-1][follows], meaning[1:][follows])
    better: Column = np.maximum(column, floor)
    return better


def _session_signals(found: Mapping[str, HitList], sessions: Mapping[SessionId, int], session: Places) -> dict[str, Column]:
    """Return the signals of sessions for each candidate, whose *session* is a number in *sessions*."""
    scored = {name: _by_session(_hits(found, name)) for name in SESSION_SIGNALS}
    known = {session_id for scores in scored.values() for session_id in scores}
    complete = not any(found.get(name, NOTHING).full for name in SESSION_SIGNALS)
    # a session without a summary is not processed yet: that speaks neither for it nor against it
    judged = np.array([not complete or session_id in known for session_id in sessions], dtype=bool)[session]
    signals = {}
    for name, scores in scored.items():
        floor = _floor(found, name)
        column = np.array([scores.get(session_id, floor) for session_id in sessions], dtype=np.float64)[session]
        signals[name] = np.zeros(len(session))
        signals[name][judged] = standardised(column[judged])
    return signals


def _by_session(hits: Hits) -> dict[SessionId, float]:
    places = np.asarray(hits.records.session_places, dtype=np.int64)[np.asarray(hits.places, dtype=np.int64)].tolist()
    return {hits.records.sessions[place]: float(score) for place, score in zip(places, hits.scores, strict=True)}


def standardised(columns: Column) -> Column:
    """Return a column, or each row of several, as z-scores; 0 throughout where all values are the same."""
    if columns.shape[-1] == 0:
        return columns
    spread = columns.std(axis=-1, keepdims=True)
    off = columns - columns.mean(axis=-1, keepdims=True)
    standard: Column = np.divide(off, spread, out=np.zeros_like(off), where=spread > 1e-9)
    return standard


def _chains(found: Mapping[str, HitList], turns: _Turns) -> dict[int, list[ChainId]]:
    chains: dict[int, list[ChainId]] = {}
    for name in MEMORY_SIGNALS:
        hits = _hits(found, name)
        for row, place in zip(turns.rows_of(hits).tolist(), hits.places, strict=True):
            of_turn = chains.setdefault(row, [])
            chain_id = ChainId(hits.records.record_ids[place])
            if chain_id not in of_turn:
                of_turn.append(chain_id)
    return chains
