"""
How well the embedded extractor tells contradictions from everything else: `python -m tests.bench.conflicts [-v] [files]`.

A set holds pairs of statements of one person, some days apart: contradictions, changes over time, statements that can both be
true, unrelated ones, additions and paraphrases. Prints precision and recall of the decision about each kind.
"""

from __future__ import annotations

# ruff: noqa: T201 - a benchmark prints
import argparse
import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from service.domain.memories import DecisionKind
from service.domain.ports.models import Embedder
from service.extraction.embedded import EmbeddedExtractor
from service.models import open_embedder
from tests.bench.scoring import FIRST_DAY, GOLDEN, HELD_OUT, Score, candidates, cases, neighbours, show

PAIRS = GOLDEN / "conflict_pairs.jsonl"
CONTRADICTION = "contradiction"

_APART = frozenset({DecisionKind.NEW, DecisionKind.ADDITION})
_RIGHT = {
    "contradiction": frozenset({DecisionKind.CONTRADICTION}),
    "change": frozenset({DecisionKind.CHANGE}),
    "paraphrase": frozenset({DecisionKind.DUPLICATE}),
    "addition": frozenset({DecisionKind.ADDITION}),
    "compatible": _APART,
    "unrelated": _APART,
}
"""
The decisions that are right for each kind of pair. Whether two true statements are one memory or two, nobody minds, nor whether
one of two that have nothing to do with each other is worth keeping.
"""


async def score(extractor: EmbeddedExtractor, embedder: Embedder, pairs: Path, *, verbose: bool = False) -> Score:
    """Judge every pair; what a pair is taken for is counted as found under the kind that it would have been right for."""
    score = Score()
    for pair in cases(pairs):
        decided, told = await _decided(extractor, embedder, pair)
        asked = DecisionKind.CONTRADICTION in decided and pair["kind"] != CONTRADICTION
        idle = not decided and _RIGHT[pair["kind"]] == _APART
        right = (bool(decided & _RIGHT[pair["kind"]]) or idle) and not asked
        taken_for = pair["kind"] if right else _taken_for(decided)
        score.add(pair["kind"], right=right, found=0, expected=1)
        score.add(taken_for, right=0, found=1, expected=0)
        if verbose and not right:
            print(f"{pair['kind']:<14}{told}")
    return score


async def _decided(
    extractor: EmbeddedExtractor, embedder: Embedder, pair: Mapping[str, Any]
) -> tuple[frozenset[DecisionKind], str]:
    """Return every decision about what is kept of the second statement of a pair, and what there is to tell of it."""
    old = await candidates(extractor, pair["first"], FIRST_DAY)
    new = await candidates(extractor, pair["then"], FIRST_DAY + timedelta(days=pair["days"]))
    kinds = [(await extractor.decide(each, await neighbours(embedder, each, old))).kind for each in new] if old else []
    return frozenset(kinds), f"{[kind.value for kind in kinds]} {[each.content for each in old]} {[each.content for each in new]}"


def _taken_for(decided: frozenset[DecisionKind]) -> str:
    for kind in ("contradiction", "change", "addition", "paraphrase"):
        if decided & _RIGHT[kind]:
            return kind
    return "compatible" if decided else "nothing"


async def main(sets: Sequence[Path], *, verbose: bool) -> None:
    """Score the sets and print the results."""
    async with open_embedder("minilm", threads=2) as embedder:
        for pairs in sets:
            show(f"{pairs.parent.name}/{pairs.stem}", await score(EmbeddedExtractor(embedder), embedder, pairs, verbose=verbose))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else None)
    parser.add_argument("-v", "--verbose", action="store_true", help="print every pair that is judged wrong")
    parser.add_argument("sets", nargs="*", type=Path, default=[PAIRS, *sorted(HELD_OUT.glob("pairs-*.jsonl"))])
    arguments = parser.parse_args()
    asyncio.run(main(arguments.sets, verbose=arguments.verbose))
