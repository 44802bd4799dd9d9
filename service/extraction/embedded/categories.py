"""Categories of statements, by the likeness of their embeddings to those of the categories."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from service.domain.ports.models import Embedder
from service.domain.projects import Category

MAX_CATEGORIES = 3
LEAST = 0.12
"""A cosine below this is no likeness at all; the best category is given all the same, for every memory has one."""
NEAR_BEST = 0.8
"""Other categories are given when their cosine is at least this share of the best one's."""


async def assign(texts: Sequence[str], categories: Sequence[Category], embedder: Embedder) -> list[tuple[str, ...]]:
    """Return one to three category names for each text, best first; none when there are no categories."""
    if not texts or not categories:
        return [() for _ in texts]
    described = [f"{category.name.replace('_', ' ')}: {category.description}" for category in categories]
    vectors = np.array(await embedder.embed([*described, *texts]), dtype=np.float32)
    cosines = vectors[len(described) :] @ vectors[: len(described)].T
    return [_chosen(row, categories) for row in cosines]


def _chosen(cosines: np.ndarray, categories: Sequence[Category]) -> tuple[str, ...]:
    order = np.argsort(-cosines, kind="stable")[:MAX_CATEGORIES]
    best = float(cosines[order[0]])
    return tuple(
        categories[place].name
        for rank, place in enumerate(order)
        if rank == 0 or float(cosines[place]) >= max(LEAST, NEAR_BEST * best)
    )
