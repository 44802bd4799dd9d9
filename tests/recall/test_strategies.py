"""What the strategies find, on real engines."""

from __future__ import annotations

import pytest

from service.domain.recall import StrategyName
from tests.recall.world import Person

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("strategy", list(StrategyName))
async def test_a_message_can_be_recalled_before_its_session_is_processed(person: Person, strategy: StrategyName) -> None:
    """What was said in an ongoing session is found by every strategy."""
    await person.says("I adopted a beagle called Biscuit", "The weather is nice today", "I work as a nurse")
    result = await person.world.recaller(person.asks("What is my dog called?", strategy=strategy))
    assert result.items[0].message is not None
    assert result.items[0].message.content == "I adopted a beagle called Biscuit"
