"""
The similarity scale of an embedder that nobody has measured: fitted, when it is opened, to pairs of which it is known how much
they have to do with each other.

Cosines of two models cannot be compared: what is unrelated has 0.05 in one and 0.75 in another. The thresholds of the contract
are meant for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from service.models.batching import Vector32

UNRELATED = (
    ("User collects old stamps", "The train was twenty minutes late"),
    ("User is allergic to penicillin", "The new office has a roof garden"),
    ("How old is my daughter?", "User prefers dark chocolate"),
    ("User rides a motorbike", "The recipe wants two eggs and some flour"),
)
RELATED = (
    ("What do I do for a living?", "User teaches maths at a secondary school."),
    ("Do I have any brothers or sisters?", "User's younger brother is called Tom."),
    ("ideas for a birthday present", "User's wife loves gardening and roses."),
    ("Where did I go last summer?", "User spent two weeks in Norway in August."),
)
SAME = (
    ("User plays the violin", "User is a violin player"),
    ("User's cat is named Minka", "User has a cat called Minka"),
    ("User does not eat meat", "User is a vegetarian"),
    ("User was born in Madrid", "User's birthplace is Madrid"),
)
PAIRS = (*UNRELATED, *RELATED, *SAME)

_LEAST_STEP = 0.01
_SIMILARITIES = (0.0, 0.05, 0.28, 0.6, 0.85, 1.0)


class Scale:
    """Maps cosines to 0..1, monotone and linear in between."""

    def __init__(self, cosines: Sequence[float]) -> None:
        """Fit the scale to the cosines of PAIRS, in their order."""
        unrelated, related, same = (
            np.asarray(cosines[begin : begin + len(UNRELATED)], dtype=np.float64)
            for begin in (0, len(UNRELATED), 2 * len(UNRELATED))
        )
        low, high = float(unrelated.mean()), float(unrelated.max())
        points = [-1.0, min(low, high - _LEAST_STEP), high, float(related.mean()), float(same.mean()), 1.0]
        # a model that cannot tell the kinds apart still gets a scale that rises
        for place in range(1, len(points) - 1):
            ceiling = 1.0 - _LEAST_STEP * (len(points) - 1 - place)
            points[place] = min(max(points[place], points[place - 1] + _LEAST_STEP), ceiling)
        self._points = points

    def __call__(self, cosine: float) -> float:
        """Return the similarity of a cosine."""
        return float(np.interp(cosine, self._points, _SIMILARITIES))


def texts() -> Sequence[str]:
    """Return the texts of PAIRS, two after two."""
    return [text for pair in PAIRS for text in pair]


def cosines(vectors: Sequence[Vector32]) -> Sequence[float]:
    """Return the cosines of unit *vectors*, two after two."""
    return [float(one @ other) for one, other in zip(vectors[::2], vectors[1::2], strict=True)]
