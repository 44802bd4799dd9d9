"""
Fits the weights of the ranking to conversations in the LoCoMo format, and says what they are worth on those they did not see.

    python -m tests.bench.fit conversations.json

Puts the conversations into a Mneme in this process, gathers the candidates of every question as the strategies do, and fits the
sets of `service/recall/weights.py`. Prints for each what recall comes to with the shipped weights and with the fitted ones,
in the sample and with each conversation left out in turn, and the fitted weights as they stand in the code.
"""

# ruff: noqa: T201 - it prints a report for a person

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from service.logs import configure_logging
from tests.bench.evaluation.locomo import CATEGORIES, Turn, read_conversations
from tests.bench.evaluation.measure import DEPTHS, Answered, figures, table
from tests.bench.fitting.cases import CASES, Case, as_code, totals
from tests.bench.fitting.examples import Example, examples_of

COLUMNS = [f"recall@{depth}" for depth in DEPTHS]
Weights = Mapping[str, float]


def main() -> None:
    """Gather, fit and print."""
    parser = argparse.ArgumentParser(description="Fit the weights of the ranking")
    parser.add_argument("data", type=Path)
    conversations = read_conversations(parser.parse_args().data)
    configure_logging("warning")
    print("putting the conversations in and gathering candidates …", file=sys.stderr, flush=True)
    examples = asyncio.run(examples_of(conversations, {case.name: case.plan for case in CASES}))
    for case in CASES:
        print(report(case, examples[case.name]), "\n")


def report(case: Case, examples: Sequence[Example]) -> str:
    """Return the figures of *case* and its fitted weights."""
    fitted = case.fit(examples)
    left_out = {name: case.fit([one for one in examples if one.conversation != name]) for name in _conversations(examples)}
    rows = {
        "shipped weights": _answers(examples, lambda _: case.shipped_weights()),
        "fitted, in the sample": _answers(examples, lambda _: fitted),
        "fitted without the conversation": _answers(examples, lambda one: left_out[one.conversation]),
    }
    found = [f"{case.name}, {len(examples)} questions\n{_table(rows)}"]
    for category in CATEGORIES:
        of_category = {name: [one for one in row if one.question.category == category] for name, row in rows.items()}
        if all(of_category.values()):
            found.append(f"category {category}\n{_table(of_category)}")
    return "\n\n".join([*found, as_code(case, fitted)])


def _table(rows: Mapping[str, Sequence[Answered]]) -> str:
    return table({name: figures(row) for name, row in rows.items()}, COLUMNS)


def _conversations(examples: Sequence[Example]) -> list[str]:
    return sorted({one.conversation for one in examples})


def _answers(examples: Sequence[Example], weights_for: Callable[[Example], Weights]) -> list[Answered]:
    return [Answered(question=one.question, ranking=_ranking(one, weights_for(one))) for one in examples]


def _ranking(example: Example, weights: Weights) -> list[Turn]:
    return [example.turns[row] for row in np.argsort(-totals(example, weights), kind="stable").tolist()]


if __name__ == "__main__":
    main()
