"""How rare the words of a message are among what was found."""

from __future__ import annotations

import numpy as np
import pytest

from service.domain.recall import StrategyName
from service.recall.rarity import COMMONPLACE, COUNTED, rare_words
from tests.recall.world import Person

GREETINGS = ("Great to hear from you", "So great to hear that", "Great, I hear you")


def test_a_message_with_a_word_that_no_other_has_stands_out() -> None:
    """What is told in particular is worth more than what everybody says."""
    assert int(rare_words([*GREETINGS, "Great, the kids went swimming"]).argmax()) == len(GREETINGS)


def test_forms_of_a_word_are_one_word() -> None:
    """Nothing is rare about a word that the others have with another ending."""
    assert rare_words(["we volunteered", "a volunteer", "volunteering"]).tolist() == [0.0] * 3


def test_a_message_without_a_word_counts_as_one_of_common_words() -> None:
    """A smile is not taken for the rarest of all, nor punished for having no word."""
    found = rare_words([";)", "swimming", "kayaking", "climbing", "sailing", "skiing", "rowing"])
    assert (found[0], bool(np.all(found[1:] > 0.0))) == (COMMONPLACE, True)


def test_of_a_long_text_only_so_many_words_count() -> None:
    """A text is no better for being so long that something rare stands in it."""
    common = " ".join(f"{chr(97 + place // 26)}{chr(97 + place % 26)}quux" for place in range(COUNTED))
    assert rare_words([common, f"{common} swimming"]).tolist() == [0.0, 0.0]


def test_without_messages_there_is_nothing_to_count() -> None:
    """A user without messages is no error."""
    assert rare_words([]).tolist() == []


@pytest.mark.asyncio(loop_scope="session")
async def test_the_agentic_strategy_tells_what_rare_words_added(person: Person) -> None:
    """Of each result it is told how much its rare words counted."""
    await person.says(*GREETINGS, "Great, the kids went swimming")
    result = await person.world.recaller(person.asks("What do the kids do?", strategy=StrategyName.AGENTIC))
    assert result.items[0].signals["rare_words"] > 0.0
