"""Evidence recall: the share of a question's evidence among the first k distinct messages of a ranking."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, quantiles
from typing import TypeVar

from tests.bench.evaluation.locomo import CATEGORIES, Question, Turn

DEPTHS = (5, 10, 20, 50)

T = TypeVar("T", bound=Hashable)


def distinct(items: Iterable[T]) -> list[T]:
    """Return *items* in their order, each once."""
    return list(dict.fromkeys(items))


def evidence_recall(ranking: Sequence[Turn], evidence: Sequence[Turn], depth: int) -> float:
    """Return the share of *evidence* among the first *depth* of *ranking*, which holds each turn once."""
    return len(set(ranking[:depth]) & set(evidence)) / len(evidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A question and the turns that were found for it, each once, best first."""

    question: Question
    ranking: Sequence[Turn]


def figures(answers: Sequence[Answered]) -> dict[str, float | dict[str, dict[str, float]]]:
    """Return evidence recall at each depth, over all questions and by category."""
    by_category = {
        str(category): _at_depths([answer for answer in answers if answer.question.category == category])
        for category in CATEGORIES
        if any(answer.question.category == category for answer in answers)
    }
    return {**_at_depths(answers), "by_category": by_category}


def _at_depths(answers: Sequence[Answered]) -> dict[str, float]:
    return {
        f"recall@{depth}": round(fmean(evidence_recall(answer.ranking, answer.question.evidence, depth) for answer in answers), 4)
        for depth in DEPTHS
    }


def latency(seconds: Sequence[float]) -> dict[str, float]:
    """Return the median and the 95th percentile of *seconds*, in milliseconds."""
    cuts = quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else [*seconds] * 99
    return {"p50": round(cuts[49] * 1000, 2), "p95": round(cuts[94] * 1000, 2)}


def table(rows: Mapping[str, Mapping[str, object]], columns: Sequence[str]) -> str:
    """Return *rows* as text, one line each, under *columns*."""
    width = max(len(name) for name in rows)
    places = {column: max(12, len(column) + 2) for column in columns}
    lines = [" " * width + "".join(f"{column:>{places[column]}}" for column in columns)]
    lines += [
        name.ljust(width) + "".join(f"{row.get(column, '')!s:>{places[column]}}" for column in columns)
        for name, row in rows.items()
    ]
    return "\n".join(lines)
