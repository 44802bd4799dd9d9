"""The golden set keeps to its bars. `python tests/bench/extraction.py -v` shows each case that is wrong."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from service.domain.ports.models import Embedder
from service.extraction.embedded import EmbeddedExtractor
from tests.bench import conflicts

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def bench() -> ModuleType:
    """Load the benchmark, which is a script."""
    path = Path(__file__).parents[1] / "bench" / "extraction.py"
    spec = importlib.util.spec_from_file_location("bench_extraction", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_what_is_kept_and_when_it_was_keep_to_their_bars(bench: ModuleType, embedder: Embedder) -> None:
    """F1 of keep/drop at least 0.85, of exact dates 0.95, of categories 0.8."""
    scores = await bench.score_conversations(EmbeddedExtractor(embedder), verbose=True)
    kept, dates, categories = (score.figures("all")[2] for score in scores)
    assert kept >= 0.85
    assert dates >= 0.95
    assert categories >= 0.8


async def test_decisions_keep_to_their_bar(bench: ModuleType, embedder: Embedder) -> None:
    """F1 of decisions at least 0.9."""
    score = await bench.score_decisions(EmbeddedExtractor(embedder), embedder, verbose=True)
    assert score.figures("all")[2] >= 0.9


async def test_contradictions_keep_to_their_bars(embedder: Embedder) -> None:
    """Of what is taken for a contradiction nine in ten are; of the contradictions eight in ten are found."""
    tally = await conflicts.score(EmbeddedExtractor(embedder), embedder, verbose=True)
    assert tally.pairs.total() >= 150
    assert tally.precision >= 0.9
    assert tally.recall >= 0.8
