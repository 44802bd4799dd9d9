"""How the weights of the ranking are fitted."""

from __future__ import annotations

import numpy as np
import pytest

from service.recall.ranking import SESSION_BEST, session_best
from tests.bench.evaluation.locomo import Question, Turn
from tests.bench.fit import report
from tests.bench.fitting.cases import CASES, as_code, totals
from tests.bench.fitting.examples import Example
from tests.bench.fitting.softmax import fitted

FAST = CASES[0]


def example(signals: np.ndarray[tuple[int, int], np.dtype[np.float64]], answer: int, columns: list[str]) -> Example:
    """Return a question that the turn in row *answer* answers, each turn in a session of its own."""
    turns = [Turn(session=row, index=0) for row in range(len(signals))]
    question = Question(text="", category=4, evidence=(turns[answer],))
    return Example(conversation=f"c{answer % 2}", question=question, turns=turns, columns=columns, signals=signals)


def invented(weights: list[float], columns: list[str], count: int = 400) -> list[Example]:
    """Return questions whose answers are drawn by a model with these *weights*."""
    chance = np.random.default_rng(7)
    found = []
    for _ in range(count):
        signals = chance.standard_normal((30, len(weights)))
        odds = np.exp(signals @ np.array(weights))
        found.append(example(signals, int(chance.choice(30, p=odds / odds.sum())), columns))
    return found


def test_a_fit_finds_the_weights_that_made_the_data() -> None:
    """To within what the number of questions allows."""
    found = fitted(invented([1.0, 0.5, 0.0], ["a", "b", "c"]), penalty=0.1, weigh=lambda _: 1.0, least_0=[False] * 3)
    assert found == pytest.approx([1.0, 0.5, 0.0], abs=0.15)


def test_a_bounded_weight_is_never_below_0() -> None:
    """What would come out below is left at 0, and the others are fitted without it."""
    examples = invented([1.0, -0.5], ["a", "b"])
    free = fitted(examples, penalty=0.1, weigh=lambda _: 1.0, least_0=[False, False])
    bounded = fitted(examples, penalty=0.1, weigh=lambda _: 1.0, least_0=[True, True])
    assert free[1] < -0.3
    assert (0.0, True) == (bounded[1], bounded[0] > 0.5)


def test_a_greater_penalty_gives_smaller_weights() -> None:
    """Few questions are to move them little."""
    few = invented([1.0, 0.5], ["a", "b"], count=10)
    sizes = [float(np.abs(fitted(few, penalty=size, weigh=lambda _: 1.0, least_0=[False] * 2)).sum()) for size in (0.1, 10, 1000)]
    assert sorted(sizes, reverse=True) == sizes


def test_the_best_of_a_session_counts_for_all_of_it() -> None:
    """1 in the session of the best of all, less where the best is further behind, the same for all of one session."""
    first, second, again, last = session_best(np.array([0, 1, 0, 2]), np.array([0.0, 3.0, 4.0, -9.0])).tolist()
    assert (1.0, 1.0) == (first, again)
    assert 1.0 > second > 0.5 > last > 0.0


def test_what_is_shipped_can_be_printed_as_it_is_fitted() -> None:
    """The code of fitted weights is that of the shipped ones where the weights are the same."""
    for case in CASES:
        namespace: dict[str, object] = {"Weights": type(case.shipped)}
        exec(as_code(case, case.shipped_weights()), namespace)  # noqa: S102 - printed a line above
        made = namespace[case.name]
        assert isinstance(made, type(case.shipped))
        assert (case.shipped.index, case.shipped.session_best) == (made.index, made.session_best)
        assert case.shipped.text == pytest.approx({**made.text, "role": case.shipped.text["role"]})


def test_the_report_has_the_left_out_conversations() -> None:
    """For each set: shipped, in the sample and left out, and the weights as code."""
    columns = [*FAST.shipped.index, *FAST.shipped.text]
    examples = invented([0.5] * len(columns), columns, count=40)
    text = report(FAST, examples)
    wanted = ("shipped weights", "fitted, in the sample", "fitted without the conversation", "FAST = Weights(")
    assert [True] * 4 == [part in text for part in wanted]


def test_a_sum_holds_what_the_session_adds() -> None:
    """As the ranking has it."""
    one = example(np.array([[2.0], [0.0]]), 0, ["meaning"])
    own, best = 2.0, 0.5
    assert totals(one, {"meaning": 1.0, SESSION_BEST: best}).tolist()[0] == own + best
