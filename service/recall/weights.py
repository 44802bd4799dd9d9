"""
The numbers by which candidates are ranked.

Origin: a linear model fitted with the listwise softmax loss (L2 penalty 1) on questions of categories 1 to 4 of three LoCoMo
conversations, with all-MiniLM-L6-v2 (int8) vectors and stemmed BM25. Signals of the index are z-scores over the candidates of a
query, so the numbers carry over to other embedders; nothing in the table refers to a word or a name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """
    *index* says what one standard deviation of a signal of the index adds, *text* what a trait of a message's text adds. *role*
    and *in_date_range* have too few examples in the data of the fit and are set by hand.
    """

    index: Mapping[str, float]
    text: Mapping[str, float]


FAST = PRECISE = Weights(
    index={
        "meaning": 0.21,
        "meaning_in_context": 0.28,
        "words": 0.13,
        "words_around": 0.53,
        "neighbour": 0.23,
        "memory_meaning": 0.20,
        "memory_words": 0.05,
        "session_meaning": 0.0,
        "session_words": 0.34,
    },
    text={
        "speaker": 2.56,
        "role": 0.80,
        "dated": 0.37,
        "dated_for_when": 1.41,
        "number": 0.39,
        "question": -0.43,
        "length": 0.31,
        "first_person": 0.53,
        "past": 0.14,
        "in_date_range": 1.2,
    },
)
"""For a question that one message answers; fitted on all questions alike."""

GATHERING = Weights(
    index={
        "meaning": 0.27,
        "meaning_in_context": 0.27,
        "words": 0.13,
        "words_around": 0.45,
        "neighbour": 0.15,
        "memory_meaning": 0.20,
        "memory_words": 0.05,
        "session_meaning": 0.0,
        "session_words": 0.22,
    },
    text={
        "speaker": 3.09,
        "role": 1.00,
        "dated": 0.52,
        "dated_for_when": 1.65,
        "number": 0.35,
        "question": -0.40,
        "length": 0.40,
        "first_person": 0.66,
        "past": 0.11,
        "in_date_range": 1.2,
    },
)
"""For a question that needs several messages; fitted with those questions counted four times."""

TOLD_WITHIN = timedelta(days=7)
"""How long after an event people tell of it: so much later a message still counts for the event's span."""

MIDDLE = 4.2
"""The sum that scores 0.5."""
SPREAD = 2.0
"""How slowly the score rises with the sum. With both, the candidate at rank 1 scores about 0.95, 15 about 0.6, 100 about 0.3."""
