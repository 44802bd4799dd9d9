"""Get the system prompt."""

from __future__ import annotations

from service.domain.recall import StrategyName
from service.recall.prompts import system_prompt


class GetSystemPrompt:
    """Returns the text that tells a model how to read a context."""

    async def __call__(self, strategy: StrategyName) -> str:
        """Return the prompt of a strategy."""
        return system_prompt(strategy)
