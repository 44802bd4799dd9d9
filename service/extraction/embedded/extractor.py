"""The extractor that needs no language model."""

from __future__ import annotations

import asyncio
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from service.domain.memories import Candidate, Decision, Extraction, Neighbour
from service.domain.ports.models import Embedder
from service.domain.projects import Category, Guidance
from service.domain.sessions import Transcript
from service.extraction.embedded import categories as by_likeness
from service.extraction.embedded.dates import event_span, find_dates
from service.extraction.embedded.decisions import decide
from service.extraction.embedded.entities import entities
from service.extraction.embedded.languages import Language
from service.extraction.embedded.meanings import TenseAt
from service.extraction.embedded.rewriting import in_third_person
from service.extraction.embedded.slots import SlotMode, find_facts
from service.extraction.embedded.spans import Span, day_of
from service.extraction.embedded.statements import Statement, find_statements
from service.extraction.embedded.summary import summarise
from service.extraction.embedded.utterances import utterances
from service.extraction.exclusions import is_excluded

MILD = frozenset({"actually", "eigentlich", "en fait", "en realidad", "in realtà", "na verdade", "実は"})
"""Words that begin a correction, or nothing of the kind."""
NO_GUIDANCE = Guidance()

_CLAUSE_END = re.compile(r"[.,;!?]\s|\s(?:and|but|und|aber|y|pero|et|mais|e|ma|mas)\s|\s(?=(?:after|because|since)\s)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A candidate and how much it is worth keeping."""

    candidate: Candidate
    score: float


class EmbeddedExtractor:
    """`Extractor` by rules; *embedder* is asked for categories only. Deterministic: the same session gives the same memories."""

    def __init__(self, embedder: Embedder) -> None:
        """Read nothing yet; the words of the languages are read at the first session."""
        self._embedder = embedder

    async def extract(
        self, transcript: Transcript, categories: Sequence[Category], guidance: Guidance = NO_GUIDANCE
    ) -> Extraction:
        """
        Return the statements of a session that are worth keeping, each once, and a summary. Reads in a thread.

        Of the *guidance*, excluded categories and keywords are honoured; instructions and examples are for language models.
        """
        found = await asyncio.to_thread(read, transcript)
        names = await by_likeness.assign([one.candidate for one in found], categories, self._embedder)
        labelled = [
            replace(one, candidate=replace(one.candidate, categories=chosen)) for one, chosen in zip(found, names, strict=True)
        ]
        kept = [one for one in labelled if not is_excluded(one.candidate, guidance)]
        candidates = tuple(one.candidate for one in kept)
        return Extraction(candidates=candidates, summary=summarise(candidates, [one.score for one in kept]))

    async def decide(self, candidate: Candidate, neighbours: Sequence[Neighbour]) -> Decision:
        """Say what becomes of a candidate, given the existing memories nearest to it, most similar first."""
        return decide(candidate, neighbours)

    async def decide_ahead(self, pairs: Sequence[tuple[Candidate, Sequence[Neighbour]]]) -> None:
        """Do nothing: a decision by rules takes no waiting."""


def read(transcript: Transcript) -> Sequence[Scored]:
    """Return what a session says, each statement once and without categories. Pure; bounded by the caps on what is read."""
    statements = find_statements(utterances(transcript))
    candidates: dict[str, Candidate] = {}
    scores: dict[str, float] = {}
    for statement in statements:
        candidate = _candidate(statement)
        known = candidates.get(candidate.content)
        if known is not None:
            sources = (*known.sources, *(source for source in candidate.sources if source not in known.sources))
            candidate = replace(known, sources=sources)
        candidates[candidate.content] = candidate
        scores[candidate.content] = max(statement.score, scores.get(candidate.content, 0.0))
    return [Scored(candidate=candidate, score=scores[content]) for content, candidate in candidates.items()]


def _candidate(statement: Statement) -> Candidate:
    text, span = _dated(statement)
    if statement.lead is None:
        text, corrects = _without_correction(text, statement.language)
        content = in_third_person(text, statement.speaker, statement.language.code)
    else:
        corrects = False
        content = f'{statement.lead}: "{text.replace(chr(34), chr(39))}"'
    return Candidate(
        content=content,
        categories=(),
        entities=entities(statement.text, statement.language, statement.speaker),
        event_start=span.start,
        event_end=span.end,
        sources=statement.sources,
        corrects=corrects,
    )


def _without_correction(text: str, language: Language) -> tuple[str, bool]:
    """
    Return *text* without the words that begin a correction ("No wait, I meant …"), and whether it takes something back: what says
    only "actually" does so when it says something that is true once and for all. What will be quoted keeps its words.
    """
    lead = language.patterns["correction_lead"].match(text)
    if lead is None:
        return text, False
    rest = text[lead.end() :]
    lasting = any(fact.mode is SlotMode.FIXED for fact in find_facts(rest, language.slots))
    mild = lead.group().strip(" ,.").lower() in MILD
    plain = rest[0].upper() + rest[1:] if language.code == "en" else text
    return plain, lasting or not mild


def _dated(statement: Statement) -> tuple[str, Span]:
    """Return the text with each relative date explained, "yesterday (2024-05-06)", and when its event is."""
    text, said_at = statement.text, statement.when.timestamp
    mentions = find_dates(text, statement.language.dates, said_at, tense_at=tenses_of(text, statement.language))
    lasting = [mention for mention in mentions if mention.begin >= statement.corrected]
    span = event_span(lasting or mentions, text) or day_of(said_at.date())
    # a birthday comes every year: the next one is its event, but no part of what was said
    for mention in reversed([] if statement.language.says("recurring", text) else mentions):
        if not mention.absolute:
            text = f"{text[: mention.end]} ({mention.span.label()}){text[mention.end :]}"
    return text, span


def tenses_of(text: str, language: Language) -> TenseAt:
    """Return the tense at each place of *text*: that of the clause around it, or of the whole when the clause says none."""
    ends = [match.end() for match in _CLAUSE_END.finditer(text)]
    begins, whole = [0, *ends], tense_of(text, language)

    def tense_at(place: int) -> int:
        number = bisect_right(begins, place)
        clause = text[begins[number - 1] : begins[number] if number < len(begins) else len(text)]
        return tense_of(clause, language) or whole

    return tense_at


def tense_of(text: str, language: Language) -> int:
    """Return 1 when *text* speaks of what will be, -1 of what was, 0 when it says neither."""
    if language.says("arranged", text) or language.says("ahead_for_sure", text):
        return 1
    if language.says("future", text) and not (language.code == "en" and language.says("past", text.split(",", maxsplit=1)[0])):
        return 1
    return -1 if language.says("past", text) else 0
