"""The system prompts that tell a language model how to read a context: one text file per strategy, or one for several."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from service.domain.recall import StrategyName

_FILES: Mapping[StrategyName, str] = {
    # clients that ask for AUTO keep the text of LOW_LATENCY for whatever ran, so all but AGENTIC are one
    StrategyName.LOW_LATENCY: "recall.md",
    StrategyName.BALANCED: "recall.md",
    StrategyName.AUTO: "recall.md",
    StrategyName.AGENTIC: "agentic.md",
}

JOINER = "\n\n\n"
"""What stands between a system prompt and a context; client libraries join with the same."""


@cache
def system_prompt(strategy: StrategyName) -> str:
    """Return the system prompt that goes with contexts of *strategy*."""
    return files(__name__).joinpath(_FILES[strategy]).read_text(encoding="utf-8").strip()


def with_system_prompt(strategy: StrategyName, context: str) -> str:
    """Return *context* after the system prompt of *strategy*."""
    return f"{system_prompt(strategy)}{JOINER}{context}"
