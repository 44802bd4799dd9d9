"""The golden set keeps to its bars. `python -m tests.bench.extraction -v` and `tests.bench.conflicts -v` show what is wrong."""

import pytest

from service.domain.ports.models import Embedder
from service.extraction.embedded import EmbeddedExtractor
from tests.bench import conflicts, extraction

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_what_is_kept_and_when_it_was_keep_to_their_bars(embedder: Embedder) -> None:
    """F1 of keep/drop at least 0.85, of exact dates 0.95, of categories 0.8."""
    scores = await extraction.score_conversations(EmbeddedExtractor(embedder), extraction.CONVERSATIONS, verbose=True)
    assert scores.kept.figures("all")[2] >= 0.85
    assert scores.dates.figures("all")[2] >= 0.95
    assert scores.categories.figures("all")[2] >= 0.8


async def test_decisions_keep_to_their_bar(embedder: Embedder) -> None:
    """F1 of decisions at least 0.9."""
    score = await extraction.score_decisions(EmbeddedExtractor(embedder), embedder, verbose=True)
    assert score.figures("all")[2] >= 0.9


async def test_contradictions_keep_to_their_bars(embedder: Embedder) -> None:
    """Of what is taken for a contradiction nine in ten are; of the contradictions eight in ten are found."""
    score = await conflicts.score(EmbeddedExtractor(embedder), embedder, conflicts.PAIRS, verbose=True)
    precision, recall, _ = score.figures(conflicts.CONTRADICTION)
    assert score.expected["all"] >= 150
    assert precision >= 0.9
    assert recall >= 0.8
