"""
The ranking: a weighted sum of signals for each candidate, and the score from 0 to 1 that it comes to.

The sum says how far a candidate is behind the best of the same query; how near that one comes to the query at all is the query's
*anchor*. A score is both multiplied, so a query that nothing answers has low scores throughout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from service.domain.memories import Source
from service.domain.recall import DateRange
from service.recall.analysis import QueryHints
from service.recall.pool import Column, Places, Pool
from service.recall.traits import Traits, name_number, role_number
from service.recall.weights import HALF_BEHIND, SESSION_SPREAD, SPREAD, TOLD_WITHIN, Weights

SESSION_BEST = "session_best"
"""Name of what a candidate gains by the best of its session."""


class Breakdown:
    """What each signal added to the sum of each candidate: a row of *added* for each of *names*."""

    def __init__(self, names: Sequence[str], added: Column) -> None:
        """Keep the matrix; it is taken apart when the first candidate is asked for."""
        self.names = names
        self.added = added

    @cached_property
    def _by_candidate(self) -> list[list[float]]:
        by_candidate: list[list[float]] = self.added.round(4).T.tolist()
        return by_candidate

    def of(self, place: int) -> dict[str, float]:
        """Return what was added to the candidate at *place*, without what added nothing."""
        return {name: value for name, value in zip(self.names, self._by_candidate[place], strict=True) if value}


class Ranked(NamedTuple):
    """A candidate that was ranked: the turn that it is *at*, its score, its *place* in the *breakdown* of all."""

    at: Source
    score: float
    place: int
    breakdown: Breakdown

    @property
    def signals(self) -> dict[str, float]:
        """What each signal added to the sum."""
        return self.breakdown.of(self.place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """
    Candidates in their order: *rows* of the pool, best first, *scores* in the same order, the best at 1, and the *places* of both
    in the *breakdown*.
    """

    rows: Sequence[int]
    scores: Column
    places: Sequence[int]
    breakdown: Breakdown

    def anchored(self, sources: Mapping[int, Source], anchor: float) -> list[Ranked]:
        """Return the candidates, each of which has a source by its row, where *anchor*, 0 to 1, is the score of the best."""
        scores = (anchor * self.scores).tolist()
        return [
            Ranked(sources[row], score, place, self.breakdown)
            for row, score, place in zip(self.rows, scores, self.places, strict=True)
        ]


def preselect(pool: Pool, weights: Weights, limit: int) -> list[int]:
    """Return the rows of the *limit* candidates that are best by the signals of the index alone, best first."""
    total = index_sum(pool, weights)
    rows: list[int] = np.argsort(-total, kind="stable")[:limit].tolist()
    return rows


def index_sum(pool: Pool, weights: Weights) -> Column:
    """Return the weighted sum of the index's signals for each candidate."""
    total = np.zeros(len(pool.order))
    for name, weight in weights.index.items():
        total += weight * pool.signals[name]
    return total


def rank(
    pool: Pool,
    rows: Sequence[int],
    hints: QueryHints,
    weights: Weights,
    *,
    spans: Sequence[DateRange] = (),
    more: Mapping[str, Column] = MappingProxyType({}),
) -> Ranking:
    """
    Rank the candidates at *rows*, all of which must have traits.

    What was said in one of *spans*, or soon after an event in it, gains by that; nothing is left out for it. *more* are further
    traits, one value for each of *rows*.
    """
    traits = {**trait_columns(pool.traits[rows], hints, spans), **more}
    columns = [pool.signals[name][rows] for name in weights.index] + [traits[name] for name in weights.text]
    added = np.stack(columns) * np.array([[weight] for part in (weights.index, weights.text) for weight in part.values()])
    own = added.sum(axis=0)
    by_session = weights.session_best * session_best(pool.session[rows], own)
    total = own + by_session
    places = np.argsort(-total, kind="stable")
    return Ranking(
        rows=[rows[place] for place in places.tolist()],
        scores=scores_of(total)[places],
        places=places.tolist(),
        breakdown=Breakdown((*weights.index, *weights.text, SESSION_BEST), np.vstack([added, by_session])),
    )


def session_best(sessions: Places, totals: Column) -> Column:
    """
    Return for each candidate, 0 to 1, how near the best of its session comes to the best of all, by their sums. *sessions* are
    the numbers of their sessions.

    What answers a question is rarely told once in a conversation. It falls off so fast that among the sessions that are far
    behind none is favoured.
    """
    if totals.size == 0:
        return totals
    best = np.full(int(sessions.max()) + 1, -np.inf)
    np.maximum.at(best, sessions, totals)
    return np.asarray(np.exp((best[sessions] - totals.max()) / SESSION_SPREAD))


def scores_of(totals: Column) -> Column:
    """Return sums of signals on a scale from 0 to 1, the best at 1: what counts is how far a sum is behind the best."""
    if totals.size == 0:
        return totals
    behind = (totals.max() - totals - HALF_BEHIND) / SPREAD
    return np.asarray((1.0 + np.exp(-HALF_BEHIND / SPREAD)) / (1.0 + np.exp(np.minimum(behind, 60.0))))


def trait_columns(traits: Column, hints: QueryHints, spans: Sequence[DateRange]) -> dict[str, Column]:
    """Return what the rows of *traits* come to for a query, one value for each of them."""
    columns = dict(zip(Traits._fields, traits.T, strict=True))
    role = -1.0 if hints.role is None else role_number(hints.role)
    return {
        **columns,
        "speaker": _speaker(columns["speaker"], columns["called"], hints),
        "role": (columns["role"] == role).astype(np.float64),
        "dated_for_when": columns["dated"] * hints.asks_time,
        "in_date_range": _within(columns["said"], spans),
    }


def _within(said: Column, spans: Sequence[DateRange]) -> Column:
    """Return 1 for each time in one of *spans*."""
    inside = np.zeros(len(said))
    for span in spans:
        end = span.end + (TOLD_WITHIN if span.event else timedelta())
        inside[(said >= span.start.timestamp()) & (said <= end.timestamp())] = 1.0
    return inside


def _speaker(speakers: Column, called: Column, hints: QueryHints) -> Column:
    """Return 1 for what was said by the one speaker that the query names; a query that names two favours neither."""
    named = np.unique(speakers[np.isin(called, [name_number(word) for word in hints.words])])
    return (speakers == named[0]).astype(np.float64) if len(named) == 1 else np.zeros(len(speakers))
