"""Who drives a recall: a model that calls tools, and how far it may go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from service.domain.ports.tools import ToolModel


class Logger(Protocol):
    """What is wanted of a logger."""

    def info(self, event: str, **fields: object) -> None:
        """Write what is worth knowing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveLimits:
    """
    The bounds of one recall: *steps* answers of the model, *deadline* for all of them together, *tokens* read and written after
    which no further step begins, and *max_output_tokens* of one answer.
    """

    steps: int = 5
    deadline: timedelta = timedelta(seconds=20)
    tokens: int = 60_000
    max_output_tokens: int = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """A model, its bounds, and where is written what a recall cost."""

    model: ToolModel
    limits: DriveLimits
    log: Logger
