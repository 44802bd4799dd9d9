"""What reads and embeds text, and the clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from service.domain.memories import Candidate, Decision, Extraction, Neighbour
from service.domain.ports.index import Vector
from service.domain.projects import Category, Guidance
from service.domain.sessions import MessageRole, Transcript
from service.domain.values import JsonObject


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


class Splitter(Protocol):
    """Cuts a text into pieces at the places where it is best cut: between paragraphs, else sentences, else words."""

    def split(self, text: str, *, size: int, overlap: int) -> Sequence[tuple[int, str]]:
        """
        Return the pieces with the characters at which they begin, in order. Each has at most *size* characters, of which at most
        *overlap* are those of the one before it; what is in none is white space. The same text is always cut alike.

        Takes processor time, some 0.6 s for a million characters, and can be called from a thread.
        """
        ...


class Extractor(Protocol):
    """Reads a session and says what is worth keeping of it."""

    async def extract(self, transcript: Transcript, categories: Sequence[Category], guidance: Guidance) -> Extraction:
        """
        Return the statements of a session that are worth keeping, and a summary. Depends on nothing but its arguments.

        What *guidance* excludes by category or keyword is in neither; of its instructions an extractor does what it can.
        """
        ...

    async def decide(self, candidate: Candidate, neighbours: Sequence[Neighbour]) -> Decision:
        """Say what becomes of a candidate, given the existing memories nearest to it, most similar first."""
        ...

    async def decide_ahead(self, pairs: Sequence[tuple[Candidate, Sequence[Neighbour]]]) -> None:
        """
        Work out, side by side, what `decide` will be asked about most of these candidates. It changes no answer.

        Raises what `decide` raises.
        """
        ...


class LanguageModelError(Exception):
    """A language model gave no answer that can be used. Never holds a key, a message or a memory."""


class ModelUnavailable(LanguageModelError):
    """No answer came this time, another attempt may get one. *retry_after* is what the provider asked to wait, if it did."""

    def __init__(self, problem: str, *, retry_after: timedelta | None = None) -> None:
        """Keep how long to wait."""
        super().__init__(problem)
        self.retry_after = retry_after


class ModelRejected(LanguageModelError):
    """The provider will not take such a request, however often it is sent: wrong key, unknown model, nothing left to spend."""


class ModelOverfull(LanguageModelError):
    """The question is longer than the model can read; a shorter one may work."""


class AnswerTruncated(LanguageModelError):
    """The answer was cut off at its greatest length; a shorter question may work."""


class AnswerUnusable(LanguageModelError):
    """The model refused to answer, or answered twice with something that was not asked for."""


class CallsExhausted(LanguageModelError):
    """A session needed more calls than one session may make."""


class Ending(StrEnum):
    """How an answer ended."""

    COMPLETE = "complete"
    TRUNCATED = "truncated"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTurn:
    """One turn of the conversation that a question consists of."""

    role: MessageRole
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelQuestion:
    """
    A question to a language model: what it is told before the *turns*, the last of which is the user's, and the JSON *schema*
    of the answer. *step* names the kind of question, in snake_case.
    """

    step: str
    system: str
    turns: tuple[ModelTurn, ...]
    schema: JsonObject
    max_output_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer:
    """What a language model wrote, not checked against anything, and the tokens that were paid for."""

    text: str
    ending: Ending
    input_tokens: int
    output_tokens: int


class LanguageModel(Protocol):
    """Answers questions in JSON."""

    @property
    def name(self) -> str:
        """Provider and model, such as `openai:gpt-5-mini`."""
        ...

    async def answer(self, question: ModelQuestion) -> ModelAnswer:
        """Answer one question. Raises ModelUnavailable, ModelRejected, ModelOverfull."""
        ...
