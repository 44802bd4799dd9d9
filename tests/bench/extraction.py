"""
How well the embedded extractor keeps, dates, sorts and decides: `python -m tests.bench.extraction [-v]`.

A set of conversations holds what is to be kept of short sessions, from which messages, when and in which category;
`golden/decisions.jsonl` what becomes of a second statement beside a first. Prints precision, recall and F1 per kind.
"""

from __future__ import annotations

# ruff: noqa: T201 - a benchmark prints
import argparse
import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from service.domain.memories import Candidate
from service.domain.ports.models import Embedder
from service.domain.projects import DEFAULT_CATEGORIES
from service.extraction.embedded import EmbeddedExtractor
from service.models import open_embedder
from tests.bench.scoring import FIRST_DAY, GOLDEN, HELD_OUT, Score, candidates, cases, neighbours, show, transcript

CONVERSATIONS = GOLDEN / "conversations.jsonl"
DECISIONS = GOLDEN / "decisions.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What is kept, by kind and by language; exact dates by language; categories (any of those expected) by kind."""

    kept: Score = field(default_factory=Score)
    languages: Score = field(default_factory=Score)
    dates: Score = field(default_factory=Score)
    categories: Score = field(default_factory=Score)


def matches(candidate: Candidate, expected: Mapping[str, Any]) -> bool:
    """Return whether *candidate* says what is *expected* and comes from all its messages."""
    content = candidate.content.lower()
    sources = {source.message_index for source in candidate.sources}
    return all(word.lower() in content for word in expected["has"]) and set(expected["sources"]) <= sources


async def score_conversations(extractor: EmbeddedExtractor, conversations: Path, *, verbose: bool = False) -> Scores:
    """Return how well the extractor does on a set of conversations."""
    scores = Scores()
    for case in cases(conversations):
        extraction = await extractor.extract(
            transcript(case["messages"], datetime.fromisoformat(case["now"])), DEFAULT_CATEGORIES
        )
        left = list(extraction.candidates)
        pairs = []
        for expected in case["memories"]:
            found = next((candidate for candidate in left if matches(candidate, expected)), None)
            if found is not None:
                left.remove(found)
                pairs.append((expected, found))
            elif verbose:
                print("missing ", case["language"], expected["has"], [c.content for c in extraction.candidates])
        if verbose and left:
            print("too much", case["language"], [candidate.content for candidate in left])
        for score, kind in ((scores.kept, case["kind"]), (scores.languages, case["language"])):
            score.add(kind, right=len(pairs), found=len(extraction.candidates), expected=len(case["memories"]))
        for expected, found in pairs:
            _score_pair(expected, found, case, scores, verbose=verbose)
    return scores


def _score_pair(expected: Mapping[str, Any], found: Candidate, case: Mapping[str, Any], scores: Scores, *, verbose: bool) -> None:
    if "start" in expected:
        span = (found.event_start.date().isoformat(), found.event_end.date().isoformat())
        right = span == (expected["start"], expected["end"])
        scores.dates.add(case["language"], right=right, found=1, expected=1)
        if verbose and not right:
            print("date    ", case["language"], found.content, span, "expected", expected["start"], expected["end"])
    if "categories" in expected:
        right = bool(set(found.categories) & set(expected["categories"]))
        scores.categories.add(case["kind"], right=right, found=1, expected=1)
        if verbose and not right:
            print("category", found.content, found.categories, "expected", expected["categories"])


async def score_decisions(extractor: EmbeddedExtractor, embedder: Embedder, *, verbose: bool = False) -> Score:
    """Return the score of decisions, per kind of decision expected."""
    score = Score()
    for case in cases(DECISIONS):
        old = await candidates(extractor, case["first"], FIRST_DAY)
        new = await candidates(extractor, case["then"], FIRST_DAY + timedelta(days=case["days"]))
        decided = "nothing"
        if old and new:
            decided = (await extractor.decide(new[0], await neighbours(embedder, new[0], old))).kind.value
        right = decided == case["decision"]
        score.add(case["decision"], right=right, found=0, expected=1)
        score.add(decided, right=0, found=1, expected=0)
        if verbose and not right:
            print("decision", decided, "expected", case["decision"], [c.content for c in old], [c.content for c in new])
    return score


async def main(*, verbose: bool) -> None:
    """Score everything and print it."""
    async with open_embedder("minilm", threads=2) as embedder:
        extractor = EmbeddedExtractor(embedder)
        for conversations in [CONVERSATIONS, *sorted(HELD_OUT.glob("conversations-*.jsonl"))]:
            scores = await score_conversations(extractor, conversations, verbose=verbose)
            name = f"{conversations.parent.name}/{conversations.stem}"
            show(f"{name}: kept, by kind", scores.kept)
            show(f"{name}: kept, by language", scores.languages)
            show(f"{name}: exact dates", scores.dates)
            if scores.categories.expected["all"]:
                show(f"{name}: categories", scores.categories)
        show("golden/decisions", await score_decisions(extractor, embedder, verbose=verbose))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else None)
    parser.add_argument("-v", "--verbose", action="store_true", help="print every case that is wrong")
    asyncio.run(main(verbose=parser.parse_args().verbose))
