"""
Measures recall: conversations in the LoCoMo format go in through the public API, then their questions are asked.

    python -m tests.bench.evaluate conversations.json [--out figures.json] [--picture recall.svg] [--no-contexts]

Starts a `mneme serve` of its own. Prints evidence recall by strategy beside what simple methods, and mem0 where it is installed,
find with the same vectors.
"""

# ruff: noqa: T201 - it prints a report for a person

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench.evaluation.asking import BUDGETS, STRATEGIES, ask, evidence_in_contexts
from tests.bench.evaluation.baselines import baselines
from tests.bench.evaluation.loading import load
from tests.bench.evaluation.locomo import CATEGORIES, Conversation, read_conversations
from tests.bench.evaluation.measure import DEPTHS, figures, table
from tests.bench.evaluation.mem0 import mem0_answers, mem0_name
from tests.bench.evaluation.picture import recall_picture
from tests.bench.evaluation.server import serving

RECALLS = [f"recall@{depth}" for depth in DEPTHS]


async def evaluate(conversations: Sequence[Conversation], *, contexts: bool) -> dict[str, dict[str, object]]:
    """Return the figures of each strategy and of each baseline, by name."""
    found: dict[str, dict[str, object]] = {}
    async with serving() as client:
        _say("adding and processing the conversations")
        loaded = await load(client, conversations)
        for strategy in STRATEGIES:
            _say(f"asking by {strategy}")
            found[strategy] = await ask(client, loaded, strategy)
        for strategy in STRATEGIES[:2] if contexts else ():
            _say(f"reading contexts by {strategy}")
            found[strategy] |= await evidence_in_contexts(client, loaded, strategy)
    _say("computing the baselines")
    others = await baselines(conversations)
    if name := mem0_name():
        _say(f"asking {name}")
        others[name] = await mem0_answers(conversations)
    return found | {f"baseline {name}": {**figures(answers)} for name, answers in others.items()}


def main() -> None:
    """Measure, print the tables, and write the figures to the file asked for."""
    parser = argparse.ArgumentParser(description="Measure recall on conversations in the LoCoMo format")
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--picture", type=Path, help="where to draw recall at each depth, as SVG")
    parser.add_argument("--no-contexts", action="store_true", help="leave out evidence within token budgets, which takes longest")
    arguments = parser.parse_args()
    conversations = read_conversations(arguments.data)
    found = asyncio.run(evaluate(conversations, contexts=not arguments.no_contexts))
    _report(conversations, found)
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if arguments.picture:
        asked = sum(len(conversation.questions) for conversation in conversations)
        title = f"Share of the evidence found, {asked} questions on {len(conversations)} conversations"
        arguments.picture.write_text(recall_picture(found, DEPTHS, title=title), encoding="utf-8")


def _report(conversations: Sequence[Conversation], found: dict[str, dict[str, object]]) -> None:
    questions = [question for conversation in conversations for question in conversation.questions]
    skipped = sum(conversation.skipped for conversation in conversations)
    print(f"{len(conversations)} conversations, {len(questions)} questions; {skipped} pieces of evidence name no message\n")
    print(table(found, RECALLS), "\n")
    for category in CATEGORIES:
        rows = {name: _of_category(row, category) for name, row in found.items()}
        count = sum(question.category == category for question in questions)
        print(f"category {category}, {count} questions\n{table(rows, RECALLS)}\n")
    latencies = {name: latency for name, row in found.items() if isinstance(latency := row.get("latency_ms"), dict)}
    print(f"latency of a call in ms\n{table(latencies, ['p50', 'p95'])}\n")
    budgets = {name: row for name, row in found.items() if f"context@{BUDGETS[0]}" in row}
    if budgets:
        print(f"share of evidence in the context\n{table(budgets, [f'context@{budget}' for budget in BUDGETS])}")


def _of_category(row: dict[str, object], category: int) -> dict[str, object]:
    by_category = row.get("by_category")
    found = by_category.get(str(category)) if isinstance(by_category, dict) else None
    return found if isinstance(found, dict) else {}


def _say(stage: str) -> None:
    print(f"{stage} …", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
