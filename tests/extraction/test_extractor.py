"""The extractor as its port sees it."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

import pytest

from service.domain.memories import Extraction
from service.domain.ports.models import Embedder
from service.domain.projects import DEFAULT_CATEGORIES, Category
from service.domain.sessions import Transcript
from service.extraction.embedded import EmbeddedExtractor

pytestmark = pytest.mark.asyncio(loop_scope="module")

Session: TypeAlias = Callable[..., Transcript]

TALK = (
    "Hi! I live in Utrecht and my sister Anna is a vet.",
    "a: How can I help?",
    "I'm flying to Lisbon next month. I bought a new camera for it.",
    "a: Have fun!",
    "Thanks!",
)


async def test_every_candidate_has_one_to_three_known_categories(embedder: Embedder, session: Session) -> None:
    """Categories are names of those that were given."""
    extraction = await EmbeddedExtractor(embedder).extract(session(*TALK), DEFAULT_CATEGORIES)
    names = {category.name for category in DEFAULT_CATEGORIES}
    assert all(1 <= len(c.categories) <= 3 and set(c.categories) <= names for c in extraction.candidates)


async def test_a_category_is_chosen_by_its_description(embedder: Embedder, session: Session) -> None:
    """Custom names need no meaning of their own."""
    own = (
        Category(name="k1", description="Trips, flights, holidays and travel plans."),
        Category(name="k2", description="Illnesses, doctors and medicine."),
    )
    extraction = await EmbeddedExtractor(embedder).extract(session("I'm flying to Lisbon next month."), own)
    assert extraction.candidates[0].categories[0] == "k1"


async def test_the_same_session_gives_the_same_memories(embedder: Embedder, session: Session) -> None:
    """Nothing depends on chance or on what was read before."""
    extractor = EmbeddedExtractor(embedder)
    one = await extractor.extract(session(*TALK), DEFAULT_CATEGORIES)
    await extractor.extract(session("Ich wohne in Köln."), DEFAULT_CATEGORIES)
    assert await extractor.extract(session(*TALK), DEFAULT_CATEGORIES) == one


async def test_the_summary_tells_what_was_kept_in_600_characters(embedder: Embedder, session: Session) -> None:
    """Extractive: sentences of the session, the greeting not among them."""
    extraction = await EmbeddedExtractor(embedder).extract(session(*TALK * 30), DEFAULT_CATEGORIES)
    assert "Lisbon" in extraction.summary
    assert len(extraction.summary) <= 600


async def test_an_empty_session_gives_nothing(embedder: Embedder, session: Session) -> None:
    """No candidates and an empty summary."""
    assert await EmbeddedExtractor(embedder).extract(session(), ()) == Extraction(candidates=(), summary="")


@pytest.mark.parametrize(
    "text",
    [
        "word " * 200_000,
        "I live in Rome. " * 62_500,
        "a" * 1_000_000,
        "((((" * 250_000,
        "I'm " * 250_000,
        "my " * 330_000,
        "```" * 333_333,
        "**a " * 250_000,
        '"' * 1_000_000,
        "1/1/" * 250_000,
        "\n" * 1_000_000,
        "I and my A's " * 80_000,
    ],
    ids=range(12),
)
@pytest.mark.timeout(30)
async def test_a_message_of_a_million_characters_is_read_in_bounded_time(embedder: Embedder, session: Session, text: str) -> None:
    """Only its beginning is read, and the event loop stays free meanwhile. In the time of this process, whatever else runs."""
    longest_pause = 0.0

    async def watch() -> None:
        nonlocal longest_pause
        while True:
            before = time.process_time()
            await asyncio.sleep(0)
            longest_pause = max(longest_pause, time.process_time() - before)

    watcher = asyncio.create_task(watch())
    started = time.process_time()
    await EmbeddedExtractor(embedder).extract(session(text), ())
    watcher.cancel()
    assert time.process_time() - started < 5
    assert longest_pause < 1


async def test_the_time_of_a_message_counts_not_the_present(embedder: Embedder, session: Session) -> None:
    """A session of the past lives in its own time."""
    extraction = await EmbeddedExtractor(embedder).extract(session("I moved to Graz yesterday.", days=-3650), ())
    assert extraction.candidates[0].event_start == datetime(2014, 5, 10, tzinfo=UTC)
