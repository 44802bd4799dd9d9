"""Asking a language model: data fenced, calls of a session counted and bounded, one repair of an answer that is no use."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from service.domain.ids import SessionId
from service.domain.ports.models import (
    AnswerTruncated,
    AnswerUnusable,
    CallsExhausted,
    Ending,
    LanguageModel,
    ModelAnswer,
    ModelQuestion,
    ModelTurn,
)
from service.domain.sessions import MessageRole
from service.domain.values import JsonObject
from service.extraction.language.prompts import filled, prompt
from service.extraction.language.shapes import Checked

T = TypeVar("T")

MAX_REPEATED = 20_000
"""How much of an answer that was no use the model is shown again."""
_MAX_SESSIONS = 4096


class Logger(Protocol):
    """What is wanted of a logger."""

    def info(self, event: str, **fields: object) -> None:
        """Write what is worth knowing."""
        ...

    def warning(self, event: str, **fields: object) -> None:
        """Write what mends itself."""
        ...


def new_mark() -> str:
    """Return a number that whoever wrote the data cannot have known."""
    return secrets.token_hex(8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Generic[T]):
    """
    One question: the names of its prompts, what it is about, and how its answer is read. *values* are put into the prompt
    *asked*, beside `$mark`.
    """

    step: str
    told: str
    asked: str
    values: dict[str, str]
    schema: JsonObject
    read: Callable[[str], Checked[T]]


class CallLedger:
    """
    How many calls each session has made since it was last begun.

    In memory only, for the sessions that were last worked on: what is to be bounded is what one attempt can cost.
    """

    def __init__(self, *, most: int) -> None:
        """Allow *most* calls per session."""
        self._most = most
        self._made: OrderedDict[SessionId, int] = OrderedDict()

    def begin(self, session_id: SessionId) -> None:
        """Count from nothing again."""
        self._made.pop(session_id, None)

    def made(self, session_id: SessionId) -> int:
        """Return the calls made so far."""
        return self._made.get(session_id, 0)

    def left(self, session_id: SessionId) -> int:
        """Return how many more may be made."""
        return self._most - self.made(session_id)

    def spend(self, session_id: SessionId) -> None:
        """Count one call. Raises CallsExhausted."""
        if not self.left(session_id):
            raise CallsExhausted(f"more than {self._most} calls for one session")
        self._made[session_id] = self.made(session_id) + 1
        self._made.move_to_end(session_id)
        if len(self._made) > _MAX_SESSIONS:
            self._made.popitem(last=False)


class Interviewer:
    """Asks one model, and reports each call with what it took."""

    def __init__(
        self,
        model: LanguageModel,
        *,
        ledger: CallLedger,
        max_output_tokens: int,
        log: Logger,
        mark: Callable[[], str] = new_mark,
    ) -> None:
        """Keep the model and the ledger; *mark* makes the number that fences data."""
        self._model = model
        self._ledger = ledger
        self._max_output_tokens = max_output_tokens
        self._log = log
        self._mark = mark

    async def ask(self, session_id: SessionId, question: Question[T]) -> T:
        """
        Return the answer, after one repair if need be; what is left of an answer whose repair is no better is used without.

        Raises AnswerTruncated, AnswerUnusable, CallsExhausted, and what the model raises.
        """
        turns = (ModelTurn(role=MessageRole.USER, text=filled(question.asked, mark=self._mark(), **question.values)),)
        answer = await self._call(session_id, question, turns)
        found = question.read(answer.text)
        if not found.problems and found.value is not None:
            return found.value
        self._log.warning("answer of the model repaired", step=question.step, session_id=session_id, problems=found.problems)
        repair = ModelTurn(role=MessageRole.USER, text=filled("repair", problems="\n".join(f"- {one}" for one in found.problems)))
        said = ModelTurn(role=MessageRole.ASSISTANT, text=answer.text[:MAX_REPEATED].strip() or "(nothing)")
        repaired = question.read((await self._call(session_id, question, (*turns, said, repair))).text)
        value = repaired.value if repaired.value is not None else found.value
        if value is None:
            raise AnswerUnusable(f"{self._model.name} answered {question.step} twice with: {'; '.join(repaired.problems)}")
        if repaired.problems:
            self._log.warning("part of an answer dropped", step=question.step, session_id=session_id, problems=repaired.problems)
        return value

    async def _call(self, session_id: SessionId, question: Question[T], turns: tuple[ModelTurn, ...]) -> ModelAnswer:
        self._ledger.spend(session_id)
        loop = asyncio.get_running_loop()
        started = loop.time()
        answer = await self._model.answer(
            ModelQuestion(
                step=question.step,
                system=prompt(question.told),
                turns=turns,
                schema=question.schema,
                max_output_tokens=self._max_output_tokens,
            )
        )
        self._log.info(
            "model asked",
            model=self._model.name,
            step=question.step,
            session_id=session_id,
            session_calls=self._ledger.made(session_id),
            ending=answer.ending.value,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            milliseconds=round((loop.time() - started) * 1000),
        )
        if answer.ending is Ending.TRUNCATED:
            raise AnswerTruncated(f"{self._model.name} was cut off at {self._max_output_tokens} tokens in {question.step}")
        if answer.ending is Ending.REFUSED:
            raise AnswerUnusable(f"{self._model.name} refused {question.step}")
        return answer
