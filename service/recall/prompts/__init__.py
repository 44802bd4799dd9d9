"""
What language models are told, in text files: how to read a context, one prompt per strategy or one for several, and how to drive
a recall.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from string import Template

from service.domain.recall import StrategyName

_FILES: Mapping[StrategyName, str] = {
    # clients that ask for AUTO keep the text of LOW_LATENCY for whatever ran, so all but AGENTIC are one
    StrategyName.LOW_LATENCY: "recall",
    StrategyName.BALANCED: "recall",
    StrategyName.AUTO: "recall",
    StrategyName.AGENTIC: "agentic",
}

JOINER = "\n\n\n"
"""What stands between a system prompt and a context; client libraries join with the same."""


@cache
def prompt(name: str) -> str:
    """Return the text of the file *name*."""
    return files(__name__).joinpath(f"{name}.md").read_text(encoding="utf-8").strip()


def filled(name: str, **values: str) -> str:
    """Return the text of the file *name* with *values* put in; what is put in is not looked at again. Raises KeyError."""
    return Template(prompt(name)).substitute(values)


def system_prompt(strategy: StrategyName) -> str:
    """Return the system prompt that goes with contexts of *strategy*."""
    return prompt(_FILES[strategy])


def with_system_prompt(strategy: StrategyName, context: str) -> str:
    """Return *context* after the system prompt of *strategy*."""
    return f"{system_prompt(strategy)}{JOINER}{context}"
