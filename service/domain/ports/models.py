"""What reads and embeds text, and the clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from service.domain.memories import Candidate, Decision, Extraction, Neighbour
from service.domain.ports.index import Vector
from service.domain.projects import Category
from service.domain.sessions import Transcript


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present, in UTC."""
        ...


class Embedder(Protocol):
    """Turns text into unit vectors."""

    @property
    def model(self) -> str:
        """Name of the model; vectors of two models cannot be compared."""
        ...

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        ...

    async def embed(self, texts: Sequence[str]) -> Sequence[Vector]:
        """Return one unit vector per text, in order. Calls that come at the same time share batches; repeats are cached."""
        ...

    def similarity(self, cosine: float) -> float:
        """Map a cosine of this model to 0..1, so that the documented thresholds (0.2 to 0.8) select alike for every model."""
        ...

    def count_tokens(self, text: str) -> int:
        """Return how many tokens *text* has, by this model's own tokenizer."""
        ...


class Extractor(Protocol):
    """Reads a session and says what is worth keeping of it."""

    async def extract(self, transcript: Transcript, categories: Sequence[Category]) -> Extraction:
        """Return the statements of a session that are worth keeping, and a summary. Depends on nothing but its arguments."""
        ...

    async def decide(self, candidate: Candidate, neighbours: Sequence[Neighbour]) -> Decision:
        """Say what becomes of a candidate, given the existing memories nearest to it, most similar first."""
        ...
