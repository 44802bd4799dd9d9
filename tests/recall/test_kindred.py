"""Words of messages that are near to those of a query."""

from __future__ import annotations

from itertools import islice, product

import pytest

from service.domain.recall import StrategyName
from service.recall.analysis import hints_of
from service.recall.kindred import MAX_WORDS, kindred_words
from tests.recall.world import Person, World

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXTS = ("We talked about taxes all day", "I played the violin for an hour", "Ann missed the bus again")


async def test_a_message_that_names_a_thing_of_the_kind_asked_for_stands_out(world: World) -> None:
    """A violin counts as an instrument, although the two share no letter."""
    found = await kindred_words(world.embedder, hints_of("Which instrument can he play?"), TEXTS)
    assert int(found.column.argmax()) == 1
    assert "violin" in found.words["instrument"]


async def test_a_name_has_no_kin(world: World) -> None:
    """A query for a person is not drawn to others with names like hers."""
    found = await kindred_words(world.embedder, hints_of("Where is Ann?"), TEXTS)
    assert (found.column.tolist(), dict(found.words)) == ([0.0, 0.0, 0.0], {})


async def test_without_a_message_there_is_nothing_to_compare(world: World) -> None:
    """A user without messages is no error."""
    found = await kindred_words(world.embedder, hints_of("Which instrument?"), ())
    assert (found.column.tolist(), dict(found.words)) == ([], {})


async def test_the_words_of_the_best_messages_are_compared_and_no_more_than_a_bound(world: World) -> None:
    """What comes after so many different words counts for nothing, whatever it says."""
    words = ["".join(letters) for letters in islice(product("bcdfghjklm", repeat=4), MAX_WORDS)]
    texts = [" ".join(words[start : start + 200]) for start in range(0, MAX_WORDS, 200)]
    found = await kindred_words(world.embedder, hints_of("Which instrument can he play?"), (*texts, *TEXTS))
    assert "violin" not in found.words.get("instrument", ())


async def test_the_agentic_strategy_tells_the_words_that_it_took_for_kin(person: Person) -> None:
    """Its reasoning names the words of the messages that counted for a word of the query."""
    await person.says(*TEXTS)
    result = await person.world.recaller(person.asks("Which instrument can I play?", strategy=StrategyName.AGENTIC))
    assert result.reasoning is not None
    assert "instrument (violin" in result.reasoning
