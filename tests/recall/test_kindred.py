"""Words of messages that are near to those of a query."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from service.domain.ports.index import Vector
from service.domain.ports.models import Embedder
from service.domain.recall import StrategyName
from service.recall.analysis import hints_of
from service.recall.kindred import PATIENCE, TOGETHER, kindred_words
from tests.recall.world import Person, World

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUESTION = "Which instrument can he play?"
ASKED = 2
"""How many content words the question has."""
TEXTS = ("We talked about taxes all day", "I played the violin for an hour", "Ann missed the bus again")
KNOWN = 10
"""How many content words the texts have."""


async def test_a_message_that_names_a_thing_of_the_kind_asked_for_stands_out(world: World) -> None:
    """A violin counts as an instrument, although the two share no letter."""
    found = await kindred_words(world.embedder, hints_of(QUESTION), TEXTS)
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


async def test_the_agentic_strategy_tells_the_words_that_it_took_for_kin(person: Person) -> None:
    """Its reasoning names the words of the messages that counted for a word of the query."""
    await person.says(*TEXTS)
    result = await person.world.recaller(person.asks("Which instrument can I play?", strategy=StrategyName.AGENTIC))
    assert result.reasoning is not None
    assert "instrument (violin" in result.reasoning


def never_met(number: int) -> str:
    """Return a text of as many words as one would expect to be said for the first time."""
    return " ".join(f"{chr(97 + place // 26)}{chr(97 + place % 26)}quux" for place in range(number))


class Slow:
    """The embedder, each of whose calls takes all the time that there is for words."""

    def __init__(self, embedder: Embedder) -> None:
        """Slow down *embedder*."""
        self._embedder = embedder

    def __getattr__(self, name: str) -> Any:
        """Return what it has."""
        return getattr(self._embedder, name)

    async def embed(self, texts: Sequence[str]) -> Sequence[Vector]:
        """Return the vectors, late."""
        await asyncio.sleep(PATIENCE.total_seconds())
        return await self._embedder.embed(texts)


async def test_words_that_there_is_no_time_for_are_passed_over(world: World) -> None:
    """Those of the best messages are compared, and how many are left is told."""
    found = await kindred_words(world.embedder, hints_of(QUESTION), (*TEXTS, never_met(200)), patience=timedelta(0))
    assert "violin" in found.words["instrument"]
    assert KNOWN + 200 + ASKED - TOGETHER == found.passed_over


async def test_a_query_of_more_words_than_there_is_time_for_has_no_kin(world: World) -> None:
    """However long it is, it is answered."""
    found = await kindred_words(world.embedder, hints_of(never_met(300)), TEXTS, patience=timedelta(0))
    assert ([0.0, 0.0, 0.0], {}) == (found.column.tolist(), dict(found.words))


async def test_words_that_were_met_cost_no_time(world: World) -> None:
    """What an earlier query had embedded is compared by the next, however little time there is for others."""
    texts = (never_met(400),)
    await kindred_words(world.embedder, hints_of(QUESTION), texts, patience=timedelta(minutes=1))
    assert 0 == (await kindred_words(world.embedder, hints_of(QUESTION), texts)).passed_over


async def test_the_agentic_strategy_tells_what_it_had_no_time_for(person: Person) -> None:
    """A slow embedder does not hold it up; its reasoning says how many words were left."""
    await person.says(*TEXTS, never_met(200))
    slow = replace(person.world, embedder=cast(Embedder, Slow(person.world.embedder)))
    result = await slow.recaller(person.asks("Which instrument can I play?", strategy=StrategyName.AGENTIC))
    assert result.reasoning is not None
    assert "There was no time to compare 1" in result.reasoning
