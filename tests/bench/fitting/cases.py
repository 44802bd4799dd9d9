"""What is fitted: the three sets of weights, each with the strategy that ranks by it; and the model that they make up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from service.domain.recall import RecallQuery
from service.recall.evidence import Plan
from service.recall.ranking import SESSION_BEST, session_best
from service.recall.strategies import agentic, balanced, low_latency
from service.recall.weights import FAST, GATHERING, PRECISE, Weights
from tests.bench.fitting.examples import Example, Matrix
from tests.bench.fitting.softmax import fitted

PENALTIES = (2.0, 5.0)
"""The weights are the mean of one fit with each: what holds for both is not owed to the choice."""
ROUNDS = 2
"""How often the weights are fitted again with the best of each session by the weights before."""
SESSION_SHARE = 0.6
"""Which part of what is fitted for a session's best is kept: all of it is better for the first ten, none for the first fifty."""
LEAST = 0.02
"""The least weight of a signal of the index: one that adds nothing would still be searched for, and not be fitted again."""
UNFITTED = frozenset({"role"})
"""No question of the data tells the role of who answers. It counts as much as `speaker`: both say whose words are asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """
    Weights that are fitted: their *name* in `weights.py`, what a strategy looks for by them, and how much category 1 counts.
    """

    name: str
    shipped: Weights
    plan: Callable[[RecallQuery], Plan]
    category_1: float

    @property
    def columns(self) -> list[str]:
        """The signals that are fitted."""
        return [name for name in (*self.shipped.index, *self.shipped.text) if name not in UNFITTED]

    def fit(self, examples: Sequence[Example]) -> dict[str, float]:
        """Return a weight for each column, and for the best of a session."""
        columns = self.columns
        weights = self._mean(examples, columns)
        for _ in range(ROUNDS):
            led = [_with_session_best(one, weights) for one in examples]
            weights = self._mean(led, [*columns, SESSION_BEST])
        return {**weights, SESSION_BEST: weights[SESSION_BEST] * SESSION_SHARE}

    def shipped_weights(self) -> dict[str, float]:
        """Return what `weights.py` says."""
        return {**self.shipped.index, **self.shipped.text, SESSION_BEST: self.shipped.session_best}

    def _mean(self, examples: Sequence[Example], columns: Sequence[str]) -> dict[str, float]:
        # a better match is no evidence against a message
        least_0 = [name in self.shipped.index or name == SESSION_BEST for name in columns]
        chosen = [one.only(columns) for one in examples]
        fits = [fitted(chosen, penalty=penalty, weigh=self._weigh, least_0=least_0) for penalty in PENALTIES]
        return dict(zip(columns, np.mean(fits, axis=0).tolist(), strict=True))

    def _weigh(self, example: Example) -> float:
        return self.category_1 if example.question.category == 1 else 1.0


def _with_session_best(example: Example, weights: Mapping[str, float]) -> Example:
    best = session_best(example.sessions, _own(example, weights))
    return replace(example, columns=[*example.columns, SESSION_BEST], signals=np.column_stack([example.signals, best]))


def _own(example: Example, weights: Mapping[str, float]) -> Matrix:
    """Return the sum of each row but for what it gains by its session."""
    return np.asarray(example.signals @ np.array([weights.get(name, 0.0) for name in example.columns]))


def totals(example: Example, weights: Mapping[str, float]) -> Matrix:
    """Return the sum of each row, as the ranking has it."""
    own = _own(example, weights)
    return own + weights.get(SESSION_BEST, 0.0) * session_best(example.sessions, own)


def as_code(case: Case, weights: Mapping[str, float]) -> str:
    """Return *weights* as they stand in `weights.py`, the ones that are not fitted included."""
    known = {name: round(max(weight, LEAST) if name in case.shipped.index else weight, 2) for name, weight in weights.items()}
    known |= {name: round(weights["speaker"], 2) for name in UNFITTED}
    lines = [f"{case.name} = Weights("]
    for part, names in (("index", case.shipped.index), ("text", case.shipped.text)):
        lines += [f"    {part}={{", *(f'        "{name}": {known[name]:.2f},' for name in names), "    },"]
    return "\n".join([*lines, f"    session_best={known[SESSION_BEST]:.2f},", ")"])


CASES = (
    Case(name="FAST", shipped=FAST, plan=low_latency.plan_of, category_1=2.0),
    Case(name="PRECISE", shipped=PRECISE, plan=balanced.plan_of, category_1=2.0),
    Case(name="GATHERING", shipped=GATHERING, plan=agentic.first_plan, category_1=4.0),
)
