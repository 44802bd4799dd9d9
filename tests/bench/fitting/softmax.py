"""
A linear model fitted with the listwise softmax loss: the rows that answer a question are to score above all others of it.

The loss is convex and has some twenty parameters, so that Newton's method ends after a few steps, always at the same place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tests.bench.fitting.examples import Example, Matrix

STEPS = 50
ENOUGH = 1e-8
"""A step whose gain would be less than this is the last."""
HALVINGS = 30

Weigh = Callable[[Example], float]


def fitted(examples: Sequence[Example], *, penalty: float, weigh: Weigh, least_0: Sequence[bool]) -> Matrix:
    """
    Return one weight per column. *penalty* counts the squares of the weights, *weigh* says how much an example counts.

    A weight that is to be at least 0 and comes out below is left at 0, the worst one first, and the others are fitted again.
    """
    free = np.ones(len(least_0), dtype=bool)
    bounded = np.array(least_0, dtype=bool)
    while True:
        found = np.zeros(len(least_0))
        found[free] = _newton([(one.signals[:, free], one.answers, weigh(one)) for one in examples if one.answers], penalty)
        below = np.where(bounded, found, 0.0)
        if below.min() >= 0.0:
            return found
        free[int(below.argmin())] = False


def _newton(rows: Sequence[tuple[Matrix, list[int], float]], penalty: float) -> Matrix:
    weights = np.zeros(rows[0][0].shape[1])
    for _ in range(STEPS):
        slope, curve = _derivatives(rows, weights, penalty)
        step = np.asarray(np.linalg.solve(curve, slope), dtype=np.float64)
        if slope @ step < ENOUGH:
            break
        weights = _shortened(rows, weights, step, penalty)
    return weights


def _shortened(rows: Sequence[tuple[Matrix, list[int], float]], weights: Matrix, step: Matrix, penalty: float) -> Matrix:
    """Return *weights* after *step*, or after as much of it as lessens the loss: far from the end a whole one leads too far."""
    before = _loss(rows, weights, penalty)
    for halving in range(HALVINGS):
        after = weights - step / 2**halving
        if _loss(rows, after, penalty) < before:
            return np.asarray(after)
    return weights


def _loss(rows: Sequence[tuple[Matrix, list[int], float]], weights: Matrix, penalty: float) -> float:
    total = penalty * float(weights @ weights)
    for signals, answers, count in rows:
        scores = signals @ weights
        most = scores.max()
        total += count * float(most + np.log(np.exp(scores - most).sum()) - scores[answers].mean())
    return total


def _derivatives(rows: Sequence[tuple[Matrix, list[int], float]], weights: Matrix, penalty: float) -> tuple[Matrix, Matrix]:
    """Return the gradient of the loss, and its Hessian."""
    slope, curve = 2 * penalty * weights, 2 * penalty * np.eye(len(weights))
    for signals, answers, count in rows:
        scores = signals @ weights
        shares = np.exp(scores - scores.max())
        shares /= shares.sum()
        mean = shares @ signals
        slope = slope + count * (mean - signals[answers].mean(axis=0))
        curve = curve + count * ((signals * shares[:, None]).T @ signals - np.outer(mean, mean))
    return slope, curve
