"""What the benchmarks of the extractor share: sessions made of a few words, decisions about them, counts and tables."""

from __future__ import annotations

# ruff: noqa: T201 - a benchmark prints
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from service.domain.ids import ChainId, MemoryId, SessionId
from service.domain.memories import Candidate, MemoryChain, MemoryVersion, Neighbour, VersionReason
from service.domain.ports.models import Embedder
from service.domain.sessions import Message, MessageRole, Transcript
from service.extraction.embedded import EmbeddedExtractor

GOLDEN = Path(__file__).parent / "golden"
"""The sets that the rules are worked on with."""
HELD_OUT = Path(__file__).parent / "held_out"
"""The sets that were written without a look at the rules, and scored before they were mended."""
FIRST_DAY = datetime.fromisoformat("2024-05-08T10:00:00+00:00")

_SESSION = SessionId("00000000-0000-0000-0000-000000000001")


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


def show(title: str, score: Score) -> None:
    """Print a table, as it stands in docs/evaluation.md."""
    print(f"\n| {title} | precision | recall | F1 | n |\n|---|---|---|---|---|")
    for kind, precision, recall, f1, expected in score.rows():
        print(f"| {kind} | {precision:.3f} | {recall:.3f} | {f1:.3f} | {expected} |")


def cases(path: Path) -> list[Mapping[str, Any]]:
    """Return the cases of a set, one JSON object a line."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def transcript(messages: Sequence[Mapping[str, str]], now: datetime) -> Transcript:
    """Return *messages* as a session that took place at *now*."""
    said = [
        Message(session_id=_SESSION, index=i, role=MessageRole(message["role"]), content=message["content"], timestamp=now)
        for i, message in enumerate(messages)
    ]
    return Transcript(session_id=_SESSION, now=now, messages=said)


async def candidates(extractor: EmbeddedExtractor, text: str, now: datetime) -> Sequence[Candidate]:
    """Return what is kept of one message of the user."""
    return (await extractor.extract(transcript([{"role": "user", "content": text}], now), ())).candidates


async def neighbours(embedder: Embedder, new: Candidate, old: Sequence[Candidate]) -> list[Neighbour]:
    """Return the *old* statements as memories, with their likeness to the *new* one."""
    vectors = np.asarray(await embedder.embed([new.content, *(each.content for each in old)]), dtype=np.float32)
    cosines = vectors[1:] @ vectors[0]
    return [Neighbour(chain=_chain(each, i), similarity=float(cosines[i])) for i, each in enumerate(old)]


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
