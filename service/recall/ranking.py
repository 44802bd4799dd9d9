"""
The ranking: a weighted sum of signals for each candidate, and the score from 0 to 1 that it comes to.

The sum says how far a candidate is behind the best of the same query; how near that one comes to the query at all is the query's
*anchor*. A score is both multiplied, so a query that nothing answers has low scores throughout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from service.domain.ids import SessionId
from service.domain.memories import Source
from service.domain.recall import DateRange
from service.domain.sessions import Message
from service.recall.analysis import QueryHints
from service.recall.pool import Column, Pool
from service.recall.traits import Traits, traits_of
from service.recall.weights import HALF_BEHIND, SESSION_SPREAD, SPREAD, TOLD_WITHIN, Weights

SESSION_BEST = "session_best"
"""Name of what a candidate gains by the best of its session."""

_NUMBERS = ("dated", "number", "question", "first_person", "past", "length")
"""What the numbers of a text's traits are called among the signals, in their order."""


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
    """A candidate that was ranked: the turn that it is *at*, its message, its score, its *place* in the *breakdown* of all."""

    at: Source
    message: Message
    score: float
    place: int
    breakdown: Breakdown

    @property
    def signals(self) -> dict[str, float]:
        """What each signal added to the sum."""
        return self.breakdown.of(self.place)


def preselect(pool: Pool, weights: Weights, limit: int) -> list[int]:
    """Return the rows of the *limit* candidates that are best by the signals of the index alone, best first."""
    total = index_sum(pool, weights)
    rows: list[int] = np.argsort(-total, kind="stable")[:limit].tolist()
    return rows


def index_sum(pool: Pool, weights: Weights) -> Column:
    """Return the weighted sum of the index's signals for each candidate."""
    total = np.zeros(len(pool.turns))
    for name, weight in weights.index.items():
        total += weight * pool.signals[name]
    return total


def rank(
    pool: Pool,
    messages: Mapping[int, Message],
    hints: QueryHints,
    weights: Weights,
    *,
    anchor: float,
    spans: Sequence[DateRange] = (),
    more: Mapping[str, Column] = MappingProxyType({}),
) -> list[Ranked]:
    """
    Return the candidates that have a message among *messages*, by row, best first.

    *anchor*, 0 to 1, is how near the best candidate is to the query. What was said in one of *spans*, or soon after an event
    in it, gains by that; nothing is left out for it. *more* are further traits of *messages*, one value for each of them.
    """
    rows = list(messages)
    traits = {**trait_columns([messages[row] for row in rows], hints, spans), **more}
    columns = [pool.signals[name][rows] for name in weights.index] + [traits[name] for name in weights.text]
    added = np.stack(columns) * np.array([[weight] for part in (weights.index, weights.text) for weight in part.values()])
    own = added.sum(axis=0)
    by_session = weights.session_best * session_best([messages[row].session_id for row in rows], own)
    total = own + by_session
    scores = (anchor * scores_of(total)).tolist()
    breakdown = Breakdown((*weights.index, *weights.text, SESSION_BEST), np.vstack([added, by_session]))
    return [
        Ranked(pool.turns[rows[place]], messages[rows[place]], scores[place], place, breakdown)
        for place in np.argsort(-total, kind="stable").tolist()
    ]


def session_best(sessions: Sequence[SessionId], totals: Column) -> Column:
    """
    Return for each candidate, 0 to 1, how near the best of its session comes to the best of all, by their sums.

    What answers a question is rarely told once in a conversation. It falls off so fast that among the sessions that are far
    behind none is favoured.
    """
    if totals.size == 0:
        return totals
    best: dict[SessionId, float] = {}
    for session_id, total in zip(sessions, totals.tolist(), strict=True):
        best[session_id] = max(total, best.get(session_id, total))
    behind = np.array([best[session_id] for session_id in sessions]) - totals.max()
    return np.asarray(np.exp(behind / SESSION_SPREAD))


def scores_of(totals: Column) -> Column:
    """Return sums of signals on a scale from 0 to 1, the best at 1: what counts is how far a sum is behind the best."""
    if totals.size == 0:
        return totals
    behind = (totals.max() - totals - HALF_BEHIND) / SPREAD
    return np.asarray((1.0 + np.exp(-HALF_BEHIND / SPREAD)) / (1.0 + np.exp(np.minimum(behind, 60.0))))


def trait_columns(messages: Sequence[Message], hints: QueryHints, spans: Sequence[DateRange]) -> dict[str, Column]:
    """Return each trait of *messages*, one value for each of them."""
    traits = [traits_of(message.content) for message in messages]
    numbers = np.array([trait.numbers for trait in traits], dtype=np.float64).reshape(len(traits), len(_NUMBERS)).T
    columns = dict(zip(_NUMBERS, numbers, strict=True))
    return {
        **columns,
        "speaker": _speaker(traits, hints),
        "role": np.array([float(message.role is hints.role) for message in messages]),
        "dated_for_when": columns["dated"] * hints.asks_time,
        "in_date_range": _within(messages, spans),
    }


def _within(messages: Sequence[Message], spans: Sequence[DateRange]) -> Column:
    """Return 1 for each message from one of *spans*."""
    if not spans:
        return np.zeros(len(messages))
    bounds = [(span.start, span.end + (TOLD_WITHIN if span.event else timedelta())) for span in spans]
    return np.array([float(any(start <= message.timestamp <= end for start, end in bounds)) for message in messages])


def _speaker(traits: Sequence[Traits], hints: QueryHints) -> Column:
    """Return 1 for what was said by the one speaker that the query names; a query that names two favours neither."""
    named = {label for label in {trait.speaker for trait in traits} if label and _names(hints, label)}
    if len(named) != 1:
        return np.zeros(len(traits))
    return np.array([float(trait.speaker in named) for trait in traits])


def _names(hints: QueryHints, label: str) -> bool:
    return all(part in hints.words for part in label.split()) or label.split(maxsplit=1)[0] in hints.words
