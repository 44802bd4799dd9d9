"""
The numbers by which candidates are ranked.

Origin: printed by `python -m tests.bench.fit` from the questions of categories 1 to 4 of three LoCoMo conversations, with
all-MiniLM-L6-v2 (int8) vectors and stemmed BM25. It is a linear model with the listwise softmax loss, the mean of the fits with
L2 penalties of 2 and 5. Signals of the index are z-scores over the candidates of a query, so the numbers carry over to other
embedders; nothing in the table refers to a word or a name. `docs/evaluation.md` has what the fit comes to on conversations that
it did not see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """
    *index* says what one standard deviation of a signal of the index adds, *text* what a trait of a message's text adds, and
    *session_best* what the best of the best session adds to each of its messages. *role* has no example in the data of the fit
    and counts as much as *speaker*: both say whose words are asked for.
    """

    index: Mapping[str, float]
    text: Mapping[str, float]
    session_best: float


FAST = Weights(
    index={
        "meaning": 0.15,
        "meaning_in_context": 0.22,
        "words": 0.11,
        "words_around": 0.51,
        "neighbour": 0.16,
        "memory_meaning": 0.23,
        "session_meaning": 0.09,
        "session_words": 0.13,
    },
    text={
        "speaker": 1.84,
        "role": 1.84,
        "dated": 0.33,
        "dated_for_when": 0.95,
        "number": 0.31,
        "question": -0.30,
        "length": 0.21,
        "first_person": 0.23,
        "past": 0.12,
    },
    session_best=0.34,
)
"""For one reading of the query; fitted with questions that need several messages counted twice."""

PRECISE = Weights(
    index={
        "meaning": 0.12,
        "topic_meaning": 0.10,
        "meaning_in_context": 0.22,
        "words": 0.08,
        "words_around": 0.46,
        "neighbour": 0.13,
        "memory_meaning": 0.21,
        "session_meaning": 0.08,
        "session_words": 0.08,
    },
    text={
        "speaker": 1.90,
        "role": 1.90,
        "dated": 0.31,
        "dated_for_when": 0.99,
        "number": 0.34,
        "question": -0.31,
        "length": 0.14,
        "first_person": 0.26,
        "past": 0.12,
        "in_date_range": 1.44,
    },
    session_best=0.51,
)
"""For an analysed query; fitted with questions that need several messages counted twice."""

GATHERING = Weights(
    index={
        "meaning": 0.15,
        "topic_meaning": 0.04,
        "meaning_in_context": 0.23,
        "words": 0.02,
        "words_around": 0.40,
        "neighbour": 0.09,
        "memory_meaning": 0.21,
        "session_meaning": 0.06,
        "session_words": 0.02,
    },
    text={
        "speaker": 2.04,
        "role": 2.04,
        "dated": 0.33,
        "dated_for_when": 1.01,
        "number": 0.33,
        "question": -0.28,
        "first_person": 0.28,
        "past": 0.08,
        "in_date_range": 1.42,
        "kindred_words": 0.29,
        "rare_words": 0.37,
    },
    session_best=0.49,
)
"""For a question that needs several messages; fitted with those counted four times."""

TOLD_WITHIN = timedelta(days=7)
"""How long after an event people tell of it: so much later a message still counts for the event's span."""

SESSION_SPREAD = 2.0
"""How fast the worth of a session falls off with how far its best is behind the best of all."""

HALF_BEHIND = 6.0
"""How far behind the best a sum scores about half of what the best does."""
SPREAD = 2.0
"""How slowly the score falls. With both, the candidate at rank 5 has about 0.8 of the best score, 15 about 0.6, 100 about 0.3."""
