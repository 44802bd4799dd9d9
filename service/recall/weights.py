"""
The numbers by which candidates are ranked.

Origin: a linear model fitted with the listwise softmax loss (L2 penalty 2 to 5, the mean of two fits) on questions of categories
1 to 4 of three LoCoMo conversations, with all-MiniLM-L6-v2 (int8) vectors and stemmed BM25. Signals of the index are z-scores
over the candidates of a query, so the numbers carry over to other embedders; nothing in the table refers to a word or a name.
`docs/evaluation.md` has what the fit comes to on conversations that it did not see.
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
    and stands at a third of *speaker*.
    """

    index: Mapping[str, float]
    text: Mapping[str, float]
    session_best: float


FAST = Weights(
    index={
        "meaning": 0.21,
        "meaning_in_context": 0.27,
        "words": 0.11,
        "words_around": 0.51,
        "neighbour": 0.17,
        "memory_meaning": 0.16,
        "session_meaning": 0.12,
        "session_words": 0.22,
    },
    text={
        "speaker": 2.50,
        "role": 0.80,
        "dated": 0.38,
        "dated_for_when": 1.43,
        "number": 0.33,
        "question": -0.34,
        "length": 0.20,
        "first_person": 0.39,
        "past": 0.12,
    },
    session_best=0.50,
)
"""For one reading of the query; fitted with questions that need several messages counted twice."""

PRECISE = Weights(
    index={
        "meaning": 0.18,
        "keywords_meaning": 0.02,
        "meaning_in_context": 0.26,
        "words": 0.11,
        "words_around": 0.51,
        "neighbour": 0.16,
        "memory_meaning": 0.20,
        "session_meaning": 0.10,
        "session_words": 0.20,
    },
    text={
        "speaker": 2.09,
        "role": 0.80,
        "dated": 0.37,
        "dated_for_when": 1.16,
        "number": 0.32,
        "question": -0.34,
        "length": 0.20,
        "first_person": 0.33,
        "past": 0.12,
        "in_date_range": 1.82,
    },
    session_best=0.50,
)
"""For an analysed query; fitted with questions that need several messages counted twice."""

GATHERING = Weights(
    index={
        "meaning": 0.12,
        "statement_meaning": 0.10,
        "meaning_in_context": 0.27,
        "words": 0.04,
        "words_around": 0.47,
        "neighbour": 0.12,
        "memory_meaning": 0.20,
        "session_meaning": 0.07,
        "session_words": 0.13,
    },
    text={
        "speaker": 2.53,
        "role": 0.80,
        "dated": 0.40,
        "dated_for_when": 1.39,
        "number": 0.34,
        "question": -0.33,
        "length": 0.19,
        "first_person": 0.36,
        "past": 0.11,
        "in_date_range": 2.20,
        "kindred_words": 0.35,
    },
    session_best=0.50,
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
