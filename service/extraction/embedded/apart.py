"""Memories taken apart: what is compared when they are held against each other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from service.domain.memories import Candidate, MemoryVersion
from service.extraction.embedded.dates import find_dates
from service.extraction.embedded.languages import Language, language_of
from service.extraction.embedded.likeness import stems
from service.extraction.embedded.slots import ANNOTATION, Fact, find_claims, find_facts, split_speaker

_POSSESSED = re.compile(
    r"^(?:[\w-]+'s|their|my|mein\w{0,2}|mi|mis|mon|ma)\s+(?:(?:new|old|older|younger|best|little|big)\s+)?(?P<n>[^\W\d_]{3,})"
    r"|\b(?:has|have|got|adopted|habe|tengo|j'ai) (?:an?|ein\w{0,2}|una?|une)\s+(?P<m>[^\W\d_]{3,})",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"[,;.!?]\s|\s(?:because|since|so|but|weil|aber|denn|parce que|mais|car|porque|pero|perché|ma|mas)\s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """
    A memory taken apart. *words* are in the wording of comparisons. *core* is its *stems* without those that only say that
    something changed, *claim* the core without what says how much; *denied* is the claim of the clause that denies, in *denial*
    in order, both empty when nothing is denied.
    """

    content: str
    words: str
    language: Language
    subject: str
    stems: frozenset[str]
    core: frozenset[str]
    claim: frozenset[str]
    denied: frozenset[str]
    denial: tuple[str, ...]
    order: tuple[str, ...]
    negative: bool
    ended: bool
    corrects: bool
    dated: bool
    facts: tuple[Fact, ...]
    claims: tuple[Fact, ...]
    things: frozenset[str]
    names: frozenset[str]
    start: datetime
    end: datetime


# the same memories are the nearest of one candidate after another, and taking one apart costs a millisecond
@lru_cache(maxsize=4_096)
def taken_apart(statement: Candidate | MemoryVersion) -> Apart:
    """Return a statement taken apart. Pure."""
    language = language_of(split_speaker(statement.content)[1])
    content = language.plain(statement.content)
    speaker, words = split_speaker(content)
    subject = _subject(statement, speaker)
    plain, dated = _without_dates(words, statement, language)
    meaning = _meaning(plain, subject, language)
    core = _meaning(language.patterns["ended"].sub(" ", plain), subject, language)
    denial = _meaning(_without_dates(_denial(words, language), statement, language)[0], subject, language)
    return Apart(
        content=statement.content,
        words=words,
        language=language,
        subject=subject,
        stems=stems(" ".join(meaning)),
        core=stems(" ".join(core)),
        claim=_claim(core, language),
        denied=_claim(denial, language),
        denial=tuple(denial),
        order=tuple(meaning),
        negative=language.says("negation", words),
        ended=language.says("ended", words),
        corrects=isinstance(statement, Candidate) and statement.corrects,
        dated=dated or ANNOTATION.search(words) is not None,
        facts=tuple(find_facts(content, language.slots)),
        claims=tuple(find_claims(content, language.slots)),
        things=frozenset((match["n"] or match["m"]).lower() for match in _POSSESSED.finditer(words)) - {subject},
        names=frozenset(name.lower() for name in statement.entities) - {subject},
        start=statement.event_start,
        end=statement.event_end,
    )


def _without_dates(words: str, statement: Candidate | MemoryVersion, language: Language) -> tuple[str, bool]:
    """Return *words* without times and denial, and whether there were any times."""
    plain = ANNOTATION.sub(" ", words)
    mentions = find_dates(plain, language.dates, statement.event_start)
    for mention in reversed(mentions):
        plain = f"{plain[: mention.begin]} {plain[mention.end :]}"
    return language.patterns["time_word"].sub(" ", language.patterns["negation"].sub(" ", plain)), bool(mentions)


def _denial(words: str, language: Language) -> str:
    """Return the clause of *words* that denies something, or nothing."""
    return next((clause for clause in _CLAUSE_END.split(words) if language.says("negation", clause)), "")


def _meaning(text: str, subject: str, language: Language) -> list[str]:
    return [word for word in language.content_words(text) if word != subject]


def _claim(core: Sequence[str], language: Language) -> frozenset[str]:
    return stems(" ".join(language.content_words(language.patterns["degree"].sub(" ", " ".join(core)))))


def _subject(statement: Candidate | MemoryVersion, speaker: str) -> str:
    if '"' in statement.content:
        return speaker
    if re.search(r"\bUser\b", statement.content):
        return "user"
    named = statement.entities[0] if statement.entities else ""
    return named.lower() if named and named in statement.content else speaker
