"""The similarity scale of the default embedder, on pairs of each kind."""

import numpy as np
import pytest

from service.domain.ports.models import Embedder

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNRELATED = [
    ("I am allergic to peanuts", "The meeting moved to Thursday"),
    ("User lives in Berlin", "User's dog is called Rex"),
    ("When is my flight?", "User plays the guitar in a band"),
    ("User bought a new car", "User's mother has diabetes"),
]
RELATED = [
    ("Where does the user live?", "User lives in Berlin with their dog."),
    ("What is my job?", "User works as a nurse at the city hospital."),
    ("Any pets?", "User has a golden retriever named Max."),
    ("plans for the summer", "User is planning a trip to Portugal in July."),
    ("what should I cook for dinner", "User is vegetarian and loves spicy food."),
]
PARAPHRASE = [
    ("User lives in Berlin", "User's home is in Berlin"),
    ("User works as a nurse", "User is employed as a nurse"),
    ("User's dog is called Rex", "User has a dog named Rex"),
    ("User wants to learn Spanish", "User's goal is to learn the Spanish language"),
]


async def _similarity(embedder: Embedder, pair: tuple[str, str]) -> float:
    one, other = await embedder.embed(pair)
    return embedder.similarity(float(np.dot(one, other)))


@pytest.mark.parametrize("pair", UNRELATED)
async def test_unrelated_texts_are_below_0_3(embedder: Embedder, pair: tuple[str, str]) -> None:
    """Nothing in common stays under the lowest documented thresholds."""
    assert await _similarity(embedder, pair) < 0.3


@pytest.mark.parametrize("pair", RELATED)
async def test_a_question_and_its_answer_are_above_0_5(embedder: Embedder, pair: tuple[str, str]) -> None:
    """What answers a question is about the default threshold or above it."""
    assert 0.5 < await _similarity(embedder, pair) < 0.95


@pytest.mark.parametrize("pair", PARAPHRASE)
async def test_a_paraphrase_is_above_0_8(embedder: Embedder, pair: tuple[str, str]) -> None:
    """The same said otherwise passes every documented threshold."""
    assert await _similarity(embedder, pair) > 0.8


async def test_similarity_rises_with_the_cosine_from_0_to_1(embedder: Embedder) -> None:
    """The scale is monotone and covers 0 to 1."""
    scale = [embedder.similarity(cosine) for cosine in np.linspace(-1, 1, 41)]
    assert scale == sorted(scale)
    assert (scale[0], scale[-1]) == (0.0, 1.0)
