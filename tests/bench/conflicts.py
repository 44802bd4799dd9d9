"""
How well the embedded extractor tells contradictions from everything else: `python -m tests.bench.conflicts [-v]`.

`golden/conflict_pairs.jsonl` holds pairs of statements of one person, some days apart: contradictions, changes over time,
statements that can both be true, unrelated ones and paraphrases. Prints precision and recall on contradictions, and how many
pairs of each other kind are taken for one.
"""

from __future__ import annotations

# ruff: noqa: T201 - a benchmark prints
import argparse
import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from service.domain.ids import ChainId, MemoryId, SessionId
from service.domain.memories import Candidate, DecisionKind, MemoryChain, MemoryVersion, Neighbour, VersionReason
from service.domain.ports.models import Embedder
from service.domain.projects import Guidance
from service.domain.sessions import Message, MessageRole, Transcript
from service.extraction.embedded import EmbeddedExtractor
from service.models import open_embedder

PAIRS = Path(__file__).parent / "golden" / "conflict_pairs.jsonl"
CONTRADICTION = "contradiction"
_FIRST_DAY = datetime.fromisoformat("2024-05-08T10:00:00+00:00")


@dataclass(slots=True)
class Tally:
    """Pairs of each kind, and how many of them were taken for contradictions."""

    pairs: Counter[str] = field(default_factory=Counter)
    raised: Counter[str] = field(default_factory=Counter)

    @property
    def precision(self) -> float:
        """The share of the raised conflicts that are contradictions."""
        return self.raised[CONTRADICTION] / max(1, self.raised.total())

    @property
    def recall(self) -> float:
        """The share of the contradictions that are raised."""
        return self.raised[CONTRADICTION] / max(1, self.pairs[CONTRADICTION])


async def score(extractor: EmbeddedExtractor, embedder: Embedder, *, verbose: bool) -> Tally:
    """Judge every pair."""
    tally = Tally()
    for line in PAIRS.read_text("utf-8").splitlines():
        pair = json.loads(line)
        old = await _candidates(extractor, pair["first"], _FIRST_DAY)
        new = await _candidates(extractor, pair["then"], _FIRST_DAY + timedelta(days=pair["days"]))
        decided = [(await extractor.decide(each, await _neighbours(embedder, each, old))).kind for each in new]
        raised = DecisionKind.CONTRADICTION in decided
        tally.pairs[pair["kind"]] += 1
        tally.raised[pair["kind"]] += raised
        if verbose and raised != (pair["kind"] == CONTRADICTION):
            print(f"{pair['kind']:<14}{[each.content for each in old]} {[each.content for each in new]} {decided}")
    return tally


async def _candidates(extractor: EmbeddedExtractor, text: str, now: datetime) -> tuple[Candidate, ...]:
    session_id = SessionId("00000000-0000-0000-0000-000000000001")
    said = Message(session_id=session_id, index=0, role=MessageRole.USER, content=text, timestamp=now)
    return (await extractor.extract(Transcript(session_id=session_id, now=now, messages=[said]), (), Guidance())).candidates


async def _neighbours(embedder: Embedder, new: Candidate, old: tuple[Candidate, ...]) -> list[Neighbour]:
    own, *vectors = np.asarray(await embedder.embed([new.content, *(each.content for each in old)]), dtype=np.float32)
    return [
        Neighbour(chain=_chain(each, place), similarity=float(vector @ own))
        for place, (each, vector) in enumerate(zip(old, vectors, strict=True))
    ]


def _chain(candidate: Candidate, place: int) -> MemoryChain:
    version = MemoryVersion(
        memory_id=MemoryId(f"m{place}"),
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
    return MemoryChain(chain_id=ChainId(f"c{place}"), versions=(version,))


async def main(*, verbose: bool) -> None:
    """Score the pairs and print the result."""
    async with open_embedder("minilm", threads=2) as embedder:
        tally = await score(EmbeddedExtractor(embedder), embedder, verbose=verbose)
    print(f"contradictions in {tally.pairs.total()} pairs: precision {tally.precision:.3f}, recall {tally.recall:.3f}")
    for kind, count in sorted(tally.pairs.items()):
        print(f"  {kind:<14}{tally.raised[kind]:>4} of {count} raised")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else None)
    parser.add_argument("-v", "--verbose", action="store_true", help="print every pair that is judged wrong")
    asyncio.run(main(verbose=parser.parse_args().verbose))
