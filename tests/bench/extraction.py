"""
How well the embedded extractor does on the golden set: `python tests/bench/extraction.py [-v]`.

`golden/conversations.jsonl`: what is to be kept of short conversations, from which messages, when and in which category.
`golden/decisions.jsonl`: what becomes of a second statement beside a first. Prints precision, recall and F1 per kind.
"""

from __future__ import annotations

# ruff: noqa: T201 - a benchmark prints
import argparse
import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from service.domain.ids import ChainId, MemoryId, SessionId
from service.domain.memories import Candidate, MemoryChain, MemoryVersion, Neighbour, VersionReason
from service.domain.ports.models import Embedder
from service.domain.projects import DEFAULT_CATEGORIES
from service.domain.sessions import Message, MessageRole, Transcript
from service.extraction.embedded import EmbeddedExtractor
from service.models import open_embedder

GOLDEN = Path(__file__).parent / "golden"


class Score:
    """Counts of what was right, what was too much and what was missing, per kind."""

    def __init__(self) -> None:
        """Start with nothing counted."""
        self.right: Counter[str] = Counter()
        self.found: Counter[str] = Counter()
        self.expected: Counter[str] = Counter()

    def add(self, kind: str, *, right: int, found: int, expected: int) -> None:
        """Count for *kind* and for all."""
        for name in (kind, "all"):
            self.right[name] += right
            self.found[name] += found
            self.expected[name] += expected

    def rows(self) -> list[tuple[str, float, float, float, int]]:
        """Return kind, precision, recall, F1 and the number expected; "all" last."""
        kinds = sorted(self.expected, key=lambda kind: (kind == "all", kind))
        return [(kind, *self.figures(kind), self.expected[kind]) for kind in kinds]

    def figures(self, kind: str) -> tuple[float, float, float]:
        """Return precision, recall and F1 of *kind*; of nothing found and nothing expected, 1."""
        right, found, expected = self.right[kind], self.found[kind], self.expected[kind]
        precision = right / found if found else float(not expected)
        recall = right / expected if expected else float(not found)
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        return precision, recall, f1


def transcript(messages: Sequence[dict[str, str]], now: datetime) -> Transcript:
    """Return *messages* as a session that took place at *now*."""
    session_id = SessionId("00000000-0000-0000-0000-000000000001")
    said = [
        Message(session_id=session_id, index=i, role=MessageRole(message["role"]), content=message["content"], timestamp=now)
        for i, message in enumerate(messages)
    ]
    return Transcript(session_id=session_id, now=now, messages=said)


def matches(candidate: Candidate, expected: dict[str, Any]) -> bool:
    """Return whether *candidate* says what is *expected* and comes from all its messages."""
    content = candidate.content.lower()
    sources = {source.message_index for source in candidate.sources}
    return all(word.lower() in content for word in expected["has"]) and set(expected["sources"]) <= sources


async def score_conversations(extractor: EmbeddedExtractor, *, verbose: bool) -> tuple[Score, Score, Score]:
    """Return the scores of keep/drop, of exact dates, and of categories (any of those expected)."""
    kept, dates, categories = Score(), Score(), Score()
    for line in (GOLDEN / "conversations.jsonl").read_text("utf-8").splitlines():
        case = json.loads(line)
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
        kept.add(case["kind"], right=len(pairs), found=len(extraction.candidates), expected=len(case["memories"]))
        for expected, found in pairs:
            _score_pair(expected, found, case, dates, categories, verbose=verbose)
    return kept, dates, categories


def _score_pair(
    expected: dict[str, Any], found: Candidate, case: dict[str, Any], dates: Score, categories: Score, *, verbose: bool
) -> None:
    if "start" in expected:
        span = (found.event_start.date().isoformat(), found.event_end.date().isoformat())
        right = span == (expected["start"], expected["end"])
        dates.add(case["language"], right=right, found=1, expected=1)
        if verbose and not right:
            print("date    ", case["language"], found.content, span, "expected", expected["start"], expected["end"])
    if "categories" in expected:
        right = bool(set(found.categories) & set(expected["categories"]))
        categories.add(case["kind"], right=right, found=1, expected=1)
        if verbose and not right:
            print("category", found.content, found.categories, "expected", expected["categories"])


async def score_decisions(extractor: EmbeddedExtractor, embedder: Embedder, *, verbose: bool) -> Score:
    """Return the score of decisions, per kind of decision expected."""
    score = Score()
    first_day = datetime.fromisoformat("2024-05-08T10:00:00+00:00")
    for line in (GOLDEN / "decisions.jsonl").read_text("utf-8").splitlines():
        case = json.loads(line)
        old = await _candidates(extractor, case["first"], first_day)
        new = await _candidates(extractor, case["then"], first_day + timedelta(days=case["days"]))
        decided = "nothing"
        if old and new:
            decided = (await extractor.decide(new[0], await _neighbours(embedder, new[0], old))).kind.value
        right = decided == case["decision"]
        score.add(case["decision"], right=right, found=0, expected=1)
        score.found[decided] += 1
        score.found["all"] += 1
        if verbose and not right:
            print("decision", decided, "expected", case["decision"], [c.content for c in old], [c.content for c in new])
    return score


async def _candidates(extractor: EmbeddedExtractor, text: str, now: datetime) -> Sequence[Candidate]:
    said = [{"role": "user", "content": text}]
    return (await extractor.extract(transcript(said, now), ())).candidates


async def _neighbours(embedder: Embedder, new: Candidate, old: Sequence[Candidate]) -> list[Neighbour]:
    vectors = np.array(await embedder.embed([new.content, *(candidate.content for candidate in old)]))
    cosines = vectors[1:] @ vectors[0]
    return [Neighbour(chain=_chain(candidate, i), similarity=float(cosines[i])) for i, candidate in enumerate(old)]


def _chain(candidate: Candidate, number: int) -> MemoryChain:
    version = MemoryVersion(
        memory_id=MemoryId(f"m{number}"),
        content=candidate.content,
        categories=candidate.categories,
        entities=candidate.entities,
        event_start=candidate.event_start,
        event_end=candidate.event_end,
        created_at=candidate.event_start,
        reason=VersionReason.INITIAL_MEMORY,
        session_id=candidate.sources[0].session_id,
        sources=candidate.sources,
    )
    return MemoryChain(chain_id=ChainId(f"c{number}"), versions=(version,))


def show(title: str, score: Score) -> None:
    """Print a table."""
    print(f"\n{title:<16}{'precision':>10}{'recall':>10}{'F1':>10}{'n':>6}")
    for kind, precision, recall, f1, expected in score.rows():
        print(f"{kind:<16}{precision:>10.3f}{recall:>10.3f}{f1:>10.3f}{expected:>6}")


async def main(*, verbose: bool) -> None:
    """Score everything and print it."""
    async with open_embedder("minilm", threads=2) as embedder:
        extractor = EmbeddedExtractor(embedder)
        kept, dates, categories = await score_conversations(extractor, verbose=verbose)
        decisions = await score_decisions(extractor, embedder, verbose=verbose)
    show("keep/drop", kept)
    show("dates", dates)
    show("categories", categories)
    show("decisions", decisions)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else None)
    parser.add_argument("-v", "--verbose", action="store_true", help="print every case that is wrong")
    asyncio.run(main(verbose=parser.parse_args().verbose))
