"""
Categories of statements: by the likeness of their embeddings to what the categories are said to hold, and by shared words.

A description is compared whole and phrase by phrase, because one phrase of a list ("pets") says more about a statement than the
list does. The subject is left out: every statement has one, and it is nearest to the category about persons.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from service.domain.memories import Candidate
from service.domain.ports.models import Embedder
from service.domain.projects import Category

MAX_CATEGORIES = 3
LEAST = 0.12
"""A score below this is no likeness at all; the best category is given all the same, for every memory has one."""
NEAR_BEST = 0.8
"""Other categories are given when their score is at least this share of the best one's."""
NAMED = 0.15
"""What it adds that a statement has a word of the category's name."""
DESCRIBED = 0.05
"""What each shared word of the description adds, up to `MOST_DESCRIBED`."""
MOST_DESCRIBED = 2

_PHRASE_END = re.compile(r"[,.;:]| and | or ")
_WORD = re.compile(r"[^\W\d_]{4,}")
_STEM = 6
"""Letters of a word that count, so that "allergic" and "allergies" are one."""


async def assign(candidates: Sequence[Candidate], categories: Sequence[Category], embedder: Embedder) -> list[tuple[str, ...]]:
    """Return one to three category names for each candidate, best first; none when there are no categories."""
    if not candidates or not categories:
        return [() for _ in candidates]
    texts = [_without_subject(candidate) for candidate in candidates]
    phrases = [_phrases(category) for category in categories]
    flat = [phrase for each in phrases for phrase in each]
    vectors = np.array(await embedder.embed([*map(_described, categories), *flat, *texts]), dtype=np.float32)
    wholes, parts, said = np.split(vectors, [len(categories), len(categories) + len(flat)])
    starts = np.cumsum([0, *(len(each) for each in phrases[:-1])])
    best_parts = np.maximum.reduceat(said @ parts.T, starts, axis=1)
    scores = (said @ wholes.T + best_parts) / 2 + _shared_words(texts, categories)
    return [_chosen(row, categories) for row in scores]


def _described(category: Category) -> str:
    return f"{category.name.replace('_', ' ')}: {category.description}"


def _phrases(category: Category) -> list[str]:
    """Return what the category's name and description list, one thing each; never empty."""
    return [phrase for part in _PHRASE_END.split(_described(category)) if (phrase := part.strip())]


def _without_subject(candidate: Candidate) -> str:
    """Return the statement without the speaker at its beginning, whom the first entity names."""
    speaker = candidate.entities[0] if candidate.entities else "User"
    text = candidate.content.removeprefix(speaker).removeprefix("'s").strip()
    return text or candidate.content


def _shared_words(texts: Sequence[str], categories: Sequence[Category]) -> np.ndarray:
    """Return what shared words add: one row a text, one column a category."""
    named = [_stems(category.name.replace("_", " ")) for category in categories]
    described = [_stems(category.description) for category in categories]
    rows = [
        [
            NAMED * bool(stems & name) + DESCRIBED * min(MOST_DESCRIBED, len(stems & description))
            for name, description in zip(named, described, strict=True)
        ]
        for stems in map(_stems, texts)
    ]
    return np.array(rows, dtype=np.float32)


def _stems(text: str) -> frozenset[str]:
    return frozenset(word[:_STEM] for word in _WORD.findall(text.lower()))


def _chosen(scores: np.ndarray, categories: Sequence[Category]) -> tuple[str, ...]:
    order = np.argsort(-scores, kind="stable")[:MAX_CATEGORIES]
    best = float(scores[order[0]])
    return tuple(
        categories[place].name
        for rank, place in enumerate(order)
        if rank == 0 or float(scores[place]) >= max(LEAST, NEAR_BEST * best)
    )
