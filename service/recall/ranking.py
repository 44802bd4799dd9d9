"""
The ranking: a weighted sum of signals for each candidate, and the score from 0 to 1 that it comes to.

The sum says how far a candidate is behind the best of the same query; how near that one comes to the query at all is the query's
*anchor*. A score is both multiplied, so a query that nothing answers has low scores throughout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

import numpy as np

from service.domain.recall import DateRange
from service.domain.sessions import Message
from service.recall.analysis import QueryHints
from service.recall.pool import Column, Pool
from service.recall.traits import Traits, traits_of
from service.recall.weights import HALF_BEHIND, SPREAD, TOLD_WITHIN, Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A candidate that was ranked: its message, its score, and its *place* in the *columns* that the score was summed up from."""

    message: Message
    score: float
    place: int
    columns: Mapping[str, Column]

    @property
    def signals(self) -> dict[str, float]:
        """What each signal added to the sum."""
        return {name: round(float(column[self.place]), 4) for name, column in self.columns.items() if column[self.place]}


def preselect(pool: Pool, weights: Weights, limit: int) -> list[int]:
    """Return the rows of the *limit* candidates that are best by the signals of the index alone, best first."""
    total = index_sum(pool, weights)
    return [int(row) for row in np.argsort(-total, kind="stable")[:limit]]


def index_sum(pool: Pool, weights: Weights) -> Column:
    """Return the weighted sum of the index's signals for each candidate."""
    total = np.zeros(len(pool.places))
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
    columns = {name: weight * pool.signals[name][rows] for name, weight in weights.index.items()}
    traits = {**trait_columns([messages[row] for row in rows], hints, spans), **more}
    columns |= {name: weight * traits[name] for name, weight in weights.text.items()}
    total = sum(columns.values(), np.zeros(len(rows)))
    scores = anchor * scores_of(total)
    return [
        Ranked(message=messages[rows[place]], score=float(scores[place]), place=place, columns=columns)
        for place in np.argsort(-total, kind="stable").tolist()
    ]


def scores_of(totals: Column) -> Column:
    """Return sums of signals on a scale from 0 to 1, the best at 1: what counts is how far a sum is behind the best."""
    if totals.size == 0:
        return totals
    behind = (totals.max() - totals - HALF_BEHIND) / SPREAD
    return np.asarray((1.0 + np.exp(-HALF_BEHIND / SPREAD)) / (1.0 + np.exp(np.minimum(behind, 60.0))))


def trait_columns(messages: Sequence[Message], hints: QueryHints, spans: Sequence[DateRange]) -> dict[str, Column]:
    """Return each trait of *messages*, one value for each of them."""
    traits = [traits_of(message.content) for message in messages]
    dated = np.array([trait.time for trait in traits], dtype=np.float64)
    return {
        "speaker": _speaker(traits, hints),
        "role": np.array([float(message.role is hints.role) for message in messages]),
        "dated": dated,
        "dated_for_when": dated * hints.asks_time,
        "number": np.array([trait.number for trait in traits], dtype=np.float64),
        "question": np.array([trait.question for trait in traits], dtype=np.float64),
        "length": np.array([trait.length for trait in traits], dtype=np.float64),
        "first_person": np.array([trait.first_person for trait in traits], dtype=np.float64),
        "past": np.array([trait.past for trait in traits], dtype=np.float64),
        "in_date_range": _within(messages, spans),
    }


def _within(messages: Sequence[Message], spans: Sequence[DateRange]) -> Column:
    """Return 1 for each message from one of *spans*."""
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
