"""The extractor that asks a language model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from service.domain.ids import SessionId
from service.domain.memories import Candidate, Decision, DecisionKind, Extraction, Neighbour
from service.domain.ports.models import AnswerTruncated, Embedder, Extractor, LanguageModel, ModelOverfull
from service.domain.projects import Category, Guidance
from service.domain.sessions import Transcript
from service.extraction.embedded.summary import summarise
from service.extraction.exclusions import holds_keyword, is_excluded
from service.extraction.language.asking import CallLedger, Interviewer, Logger, Question, new_mark
from service.extraction.language.deciding import MAX_COMPARED, plain, question_about
from service.extraction.language.kept import Kept
from service.extraction.language.reading import MAX_SUMMARY, Reading, clean
from service.extraction.language.shapes import Checked, JoinedSummary, checked, schema_of
from service.extraction.language.task import Task
from service.extraction.language.transcript import Chunk, chunks_of, halves, pieces_of

NEAR = 0.5
"""A memory less similar to a candidate than this, on the embedder's scale of 0 to 1, has nothing to do with it."""

_MAX_READINGS = 256
_MAX_DECISIONS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """
    How much is asked. *chunk_tokens* of a session, by the embedder's count, go into one question, *overlap_tokens* of which were
    in the one before; *max_calls* may be made for a session in one attempt, repairs and decisions included.
    """

    chunk_tokens: int = 6_000
    overlap_tokens: int = 300
    max_output_tokens: int = 8_192
    max_calls: int = 60


class LanguageExtractor:
    """`Extractor` by a language model. *rules* decide when a session has used up its calls."""

    def __init__(
        self,
        model: LanguageModel,
        *,
        embedder: Embedder,
        rules: Extractor,
        log: Logger,
        limits: Limits | None = None,
        mark: Callable[[], str] = new_mark,
    ) -> None:
        """Ask nothing yet. *embedder* counts tokens and knows what is similar; *mark* makes the number that fences data."""
        self._embedder = embedder
        self._rules = rules
        self._log = log
        self._limits = limits or Limits()
        self._ledger = CallLedger(most=self._limits.max_calls)
        self._interviewer = Interviewer(
            model, ledger=self._ledger, max_output_tokens=self._limits.max_output_tokens, log=log, mark=mark
        )
        self._readings: Kept[Reading] = Kept(most=_MAX_READINGS)
        self._decisions: Kept[Decision] = Kept(most=_MAX_DECISIONS)

    async def extract(self, transcript: Transcript, categories: Sequence[Category], guidance: Guidance) -> Extraction:
        """Return the statements of a session that are worth keeping, each once, and a summary. Raises LanguageModelError."""
        session_id = transcript.session_id
        self._ledger.begin(session_id)
        chunks = await asyncio.to_thread(self._chunks, transcript)
        task = Task(transcript=transcript, categories=tuple(categories), guidance=guidance, parts=len(chunks))
        keys = [task.key(chunk) for chunk in chunks]
        # one after the other: sessions are worked on side by side already
        readings = [
            await self._read_once(key, task, part, chunk)
            for part, (key, chunk) in enumerate(zip(keys, chunks, strict=True), start=1)
        ]
        summary = await self._summary(session_id, [reading.summary for reading in readings if reading.summary])
        # what a whole session came to is kept by whoever asked for it
        for key in keys:
            self._readings.drop(key)
        extraction = _whole(readings, summary, guidance)
        self._log.info(
            "session read by a model",
            session_id=session_id,
            parts=len(chunks),
            memories=len(extraction.candidates),
            calls=self._ledger.made(session_id),
        )
        return extraction

    async def decide(self, candidate: Candidate, neighbours: Sequence[Neighbour]) -> Decision:
        """
        Say what becomes of a candidate, given the existing memories nearest to it, most similar first.

        The model is asked only where the answer is not plain, and once about the same. Raises LanguageModelError.
        """
        near = self._near(neighbours)
        decision = plain(candidate, near)
        if decision is not None:
            return decision
        key = Kept.key(*_told(candidate, near))
        kept = self._decisions.get(key)
        if kept is not None:
            return kept
        session_id = candidate.sources[0].session_id
        # a question may take a repair
        if self._ledger.left(session_id) < 2:
            self._log.warning("decided by rules: the session has used up its calls", session_id=session_id)
            return await self._rules.decide(candidate, neighbours)
        decision = await self._interviewer.ask(session_id, question_about(candidate, near))
        if decision.kind is DecisionKind.CONTRADICTION and not await self._is_borne_out(candidate, near, decision):
            self._log.info("contradiction about nothing that has one value", session_id=session_id)
            decision = Decision(kind=DecisionKind.NEW, content=candidate.content)
        self._decisions.put(key, decision)
        return decision

    async def decide_ahead(self, pairs: Sequence[tuple[Candidate, Sequence[Neighbour]]]) -> None:
        """
        Ask about all these candidates at once; the model bounds how many requests are under way.

        What an earlier candidate of the session changes is asked about again. Half of the calls that are left stay for that.
        """
        asked: dict[bytes, tuple[Candidate, Sequence[Neighbour]]] = {}
        for candidate, neighbours in pairs:
            near = self._near(neighbours)
            if plain(candidate, near) is None:
                asked.setdefault(Kept.key(*_told(candidate, near)), (candidate, neighbours))
        if len(asked) < 2:
            return
        # a question may take a repair
        most = self._ledger.left(pairs[0][0].sources[0].session_id) // 4
        try:
            async with asyncio.TaskGroup() as together:
                for candidate, neighbours in list(asked.values())[:most]:
                    together.create_task(self.decide(candidate, neighbours))
        except ExceptionGroup as failures:
            # the others were given up; whoever asks hears of one failure, as of a single question's
            raise failures.exceptions[0] from None

    def _near(self, neighbours: Sequence[Neighbour]) -> Sequence[Neighbour]:
        return [one for one in neighbours if self._embedder.similarity(one.similarity) >= NEAR][:MAX_COMPARED]

    async def _is_borne_out(self, candidate: Candidate, near: Sequence[Neighbour], decision: Decision) -> bool:
        """Return whether the rules too find an attribute with one value to which both statements give another."""
        (neighbour,) = [one for one in near if one.chain.chain_id == decision.chain_id]
        return (await self._rules.decide(candidate, [neighbour])).kind in {DecisionKind.CONTRADICTION, DecisionKind.CHANGE}

    def _chunks(self, transcript: Transcript) -> Sequence[Chunk]:
        """Return the chunks that are read: the newest, when there are too many for half of the calls."""
        limits = self._limits
        pieces, whole = pieces_of(transcript)
        chunks = chunks_of(pieces, self._embedder.count_tokens, most=limits.chunk_tokens, overlap=limits.overlap_tokens)
        most = max(1, limits.max_calls // 2)
        if not whole or len(chunks) > most:
            self._log.warning("session too long to be read whole", session_id=transcript.session_id, parts=len(chunks))
        return chunks[-most:]

    async def _read_once(self, key: bytes, task: Task, part: int, chunk: Chunk) -> Reading:
        """Return what a chunk came to, which another attempt at the session may have paid for already."""
        kept = self._readings.get(key)
        if kept is None:
            kept = await self._read(task, part, chunk)
            self._readings.put(key, kept)
        return kept

    async def _read(self, task: Task, part: int, chunk: Chunk) -> Reading:
        """Return what a chunk came to, in halves when it was too long after all."""
        try:
            return await self._interviewer.ask(task.transcript.session_id, task.question(part, chunk))
        except (AnswerTruncated, ModelOverfull):
            parts = halves(chunk, self._embedder.count_tokens, overlap=self._limits.overlap_tokens)
            if parts is None:
                raise
        first, second = [await self._read(task, part, half) for half in parts]
        return Reading(
            candidates=(*first.candidates, *second.candidates), summary=" ".join(filter(None, (first.summary, second.summary)))
        )

    async def _summary(self, session_id: SessionId, summaries: Sequence[str]) -> str:
        """Return one summary of those of the parts."""
        joined = " ".join(summaries)
        if len(summaries) < 2 or self._ledger.left(session_id) < 2:
            return joined[:MAX_SUMMARY]
        lines = [
            json.dumps({"part": number, "summary": one}, ensure_ascii=False) for number, one in enumerate(summaries, start=1)
        ]
        question = Question(
            step="summarise",
            told="summarise",
            asked="summarise_parts",
            values={"summaries": "\n".join(lines)},
            schema=schema_of(JoinedSummary),
            read=_read_summary,
        )
        return await self._interviewer.ask(session_id, question)


def _whole(readings: Sequence[Reading], summary: str, guidance: Guidance) -> Extraction:
    """Return what the parts came to together, without what is excluded."""
    found = _each_once([candidate for reading in readings for candidate in reading.candidates])
    kept = tuple(candidate for candidate in found if not is_excluded(candidate, guidance))
    if len(kept) < len(found) or holds_keyword(summary, guidance):
        # the model may have told of the excluded in its summary too
        summary = summarise(kept, [1.0] * len(kept))
    return Extraction(candidates=kept, summary=summary)


def _each_once(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return the candidates of all chunks, those that say the same of the same days as one with all sources."""
    found: dict[tuple[object, ...], Candidate] = {}
    for candidate in candidates:
        key = (candidate.content.casefold().rstrip(".!"), candidate.event_start, candidate.event_end)
        known = found.get(key)
        if known is not None:
            sources = tuple(dict.fromkeys((*known.sources, *candidate.sources)))
            candidate = replace(known, sources=sources)  # noqa: PLW2901 - the one that takes both places
        found[key] = candidate
    return tuple(found.values())


def _read_summary(text: str) -> Checked[str]:
    shaped = checked(JoinedSummary, text)
    if shaped.value is None:
        return Checked(value=None, problems=shaped.problems)
    return Checked(value=clean(shaped.value.summary)[:MAX_SUMMARY])


def _told(candidate: Candidate, near: Sequence[Neighbour]) -> Sequence[str]:
    """Return everything that a decision depends on."""
    told = [candidate.content, candidate.event_start.isoformat(), candidate.event_end.isoformat()]
    for neighbour in near:
        known = neighbour.chain.current
        told += [neighbour.chain.chain_id, known.content, known.event_start.isoformat(), known.event_end.isoformat()]
    return told
