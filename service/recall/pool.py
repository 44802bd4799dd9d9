"""
The candidates of a recall: every turn that any search found, with what each search says of it.

Turns are what is ranked. A memory speaks for the turn that it comes from, and a session for each of its turns, so that all that
was found about a turn adds up in one place and nothing takes two ranks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from service.domain.ids import ChainId, SessionId
from service.domain.memories import Source, sources_from
from service.domain.ports.index import SPARSE, SPARSE_CONTEXT, Hits
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
Places = NDArray[np.intp]
Turn: TypeAlias = tuple[SessionId, int]
"""A session and the index of a message in it, what a `Source` holds: pairs are made and compared in a fraction of the time."""

NEIGHBOUR = "neighbour"
"""How well the better of the turns right before and after matches by meaning."""

_OF_TURNS = (*TURN_SIGNALS, *TOPIC_SIGNALS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """
    Candidates and their signals. *turns* are the candidates: messages, there may be none (any more). Each of *signals* has one
    z-score for each of them, over all candidates. *cosine* is the best cosine of the turn itself or of a memory that comes from
    it.

    *chains* are the memories that were found, by the turn that they come from, best first.
    """

    turns: Sequence[Source]
    signals: Mapping[str, Column]
    cosine: Column
    chains: Mapping[Turn, Sequence[ChainId]]


def pool_of(found: Mapping[str, HitList]) -> Pool:
    """
    Gather what the searches *found*, by signal, into one pool: the union of all turns, and of the turns that memories come from.

    A signal that was not searched for is 0 for all.
    """
    rows = _Rows()
    placed = {name: rows.of(_hits(found, name)) for name in (*_OF_TURNS, *MEMORY_SIGNALS)}
    turns = sources_from(rows.known)
    raw = {name: _column(placed[name], _hits(found, name), len(turns), _floor(found, name)) for name in placed}
    raw[NEIGHBOUR] = _neighbours(raw["meaning"], rows.known, _floor(found, "meaning"))
    standard = standardised(np.stack(list(raw.values())))
    return Pool(
        turns=turns,
        signals=dict(zip(raw, standard, strict=True)) | _session_signals(found, turns),
        cosine=np.maximum(raw["meaning"], raw["memory_meaning"]),
        chains=_chains(found),
    )


class _Rows:
    """The candidates' rows: one for each turn, in the order in which the turns are first met."""

    def __init__(self) -> None:
        self.known: dict[Turn, int] = {}
        self._of_records: dict[int, Places] = {}

    def of(self, hits: Hits) -> Places:
        """Return the row of each hit."""
        records = hits.records
        # searches of one kind share their records, so each is looked up once
        rows = self._of_records.get(id(records))
        if rows is None:
            known = self.known
            found = [known.setdefault(turn, len(known)) for turn in zip(records.session_ids, records.orders, strict=True)]
            rows = self._of_records[id(records)] = np.array(found, dtype=np.intp)
        return rows[np.asarray(hits.places, dtype=np.intp)]


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


def _column(rows: Places, hits: Hits, size: int, floor: float) -> Column:
    column = np.full(size, floor)
    # worst first: of several memories of one turn the best counts
    column[rows[::-1]] = hits.scores[::-1]
    return column


def _neighbours(meaning: Column, rows: Mapping[Turn, int], floor: float) -> Column:
    # one more row, for the neighbours that were not found
    padded = np.append(meaning, floor)
    outside = len(meaning)
    before = [rows.get((session_id, order - 1), outside) for session_id, order in rows]
    after = [rows.get((session_id, order + 1), outside) for session_id, order in rows]
    column: Column = np.maximum(np.maximum(padded[before], padded[after]), floor)
    return column


def _session_signals(found: Mapping[str, HitList], turns: Sequence[Source]) -> dict[str, Column]:
    scored = {name: _by_session(_hits(found, name)) for name in SESSION_SIGNALS}
    known = {session_id for scores in scored.values() for session_id in scores}
    complete = not any(found.get(name, NOTHING).full for name in SESSION_SIGNALS)
    # a session without a summary is not processed yet: that speaks neither for it nor against it
    judged = np.array([not complete or session_id in known for session_id, _ in turns], dtype=bool)
    signals = {}
    for name, scores in scored.items():
        floor = _floor(found, name)
        column = np.array([scores.get(session_id, floor) for session_id, _ in turns], dtype=np.float64)
        standard = np.zeros(len(turns))
        standard[judged] = standardised(column[judged])
        signals[name] = standard
    return signals


def _by_session(hits: Hits) -> dict[SessionId, float]:
    sessions = hits.records.session_ids
    return {sessions[place]: score for place, score in zip(hits.places, hits.scores, strict=True)}


def standardised(columns: Column) -> Column:
    """Return a column, or each row of several, as z-scores; 0 throughout where all values are the same."""
    if columns.shape[-1] == 0:
        return columns
    spread = columns.std(axis=-1, keepdims=True)
    off = columns - columns.mean(axis=-1, keepdims=True)
    standard: Column = np.divide(off, spread, out=np.zeros_like(off), where=spread > 1e-9)
    return standard


def _chains(found: Mapping[str, HitList]) -> dict[Turn, list[ChainId]]:
    chains: dict[Turn, list[ChainId]] = {}
    for name in MEMORY_SIGNALS:
        records, places = _hits(found, name).records, _hits(found, name).places
        for place in places:
            of_turn = chains.setdefault((records.session_ids[place], records.orders[place]), [])
            chain_id = ChainId(records.record_ids[place])
            if chain_id not in of_turn:
                of_turn.append(chain_id)
    return chains
