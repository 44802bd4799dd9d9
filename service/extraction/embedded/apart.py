"""Memories taken apart: what is compared when they are held against each other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache

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


@dataclass(frozen=True, kw_only=True)
class Apart:
    """
    A memory taken apart. Each part is worked out when a comparison first wants it: of most memories that are near a statement it
    wants few.
    """

    content: str
    entities: tuple[str, ...]
    start: datetime
    end: datetime
    corrects: bool

    @cached_property
    def language(self) -> Language:
        """The language of what is said."""
        return language_of(split_speaker(self.content)[1])

    @cached_property
    def words(self) -> str:
        """What is said, in the wording of comparisons."""
        return self._spoken[1]

    @cached_property
    def subject(self) -> str:
        """Whom or what it is about, lower case."""
        if '"' in self.content:
            return self._spoken[0]
        if re.search(r"\bUser\b", self.content):
            return "user"
        named = self.entities[0] if self.entities else ""
        return named.lower() if named and named in self.content else self._spoken[0]

    @cached_property
    def stems(self) -> frozenset[str]:
        """The stems of the words that carry meaning."""
        return stems(" ".join(self.order))

    @cached_property
    def core(self) -> frozenset[str]:
        """The *stems* without those that only say that something changed."""
        return stems(" ".join(self._core))

    @cached_property
    def claim(self) -> frozenset[str]:
        """The *core* without what says how much."""
        return _claim(self._core, self.language)

    @cached_property
    def denied(self) -> frozenset[str]:
        """The claim of the clause that denies; empty when nothing is denied."""
        return _claim(self.denial, self.language)

    @cached_property
    def denial(self) -> Sequence[str]:
        """The words that carry meaning in the clause that denies, in order; empty when nothing is denied."""
        clauses = _CLAUSE_END.split(self.words)
        denying = next((clause for clause in clauses if self.language.says("negation", clause)), "")
        return self._meaning(self._without_dates(denying)[0])

    @cached_property
    def order(self) -> Sequence[str]:
        """The words that carry meaning, in order."""
        return self._meaning(self._undated[0])

    @cached_property
    def negative(self) -> bool:
        """Whether it denies something."""
        return self.language.says("negation", self.words)

    @cached_property
    def ended(self) -> bool:
        """Whether it says that something is over."""
        return self.language.says("ended", self.words)

    @cached_property
    def dated(self) -> bool:
        """Whether it says when."""
        return self._undated[1] or ANNOTATION.search(self.words) is not None

    @cached_property
    def facts(self) -> Sequence[Fact]:
        """What it says of slots."""
        return find_facts(self._plain, self.language.slots)

    @cached_property
    def claims(self) -> Sequence[Fact]:
        """What it says of whether there is anything of some kinds."""
        return find_claims(self._plain, self.language.slots)

    @cached_property
    def things(self) -> frozenset[str]:
        """What somebody is said to have."""
        return frozenset((match["n"] or match["m"]).lower() for match in _POSSESSED.finditer(self.words)) - {self.subject}

    @cached_property
    def names(self) -> frozenset[str]:
        """The names in it beside its subject, lower case."""
        return frozenset(name.lower() for name in self.entities) - {self.subject}

    @cached_property
    def _plain(self) -> str:
        return self.language.plain(self.content)

    @cached_property
    def _spoken(self) -> tuple[str, str]:
        return split_speaker(self._plain)

    @cached_property
    def _undated(self) -> tuple[str, bool]:
        return self._without_dates(self.words)

    @cached_property
    def _core(self) -> Sequence[str]:
        return self._meaning(self.language.patterns["ended"].sub(" ", self._undated[0]))

    def _meaning(self, text: str) -> Sequence[str]:
        return [word for word in self.language.content_words(text) if word != self.subject]

    def _without_dates(self, words: str) -> tuple[str, bool]:
        """Return *words* without times and denial, and whether there were any times."""
        plain = ANNOTATION.sub(" ", words)
        mentions = find_dates(plain, self.language.dates, self.start)
        for mention in reversed(mentions):
            plain = f"{plain[: mention.begin]} {plain[mention.end :]}"
        patterns = self.language.patterns
        return patterns["time_word"].sub(" ", patterns["negation"].sub(" ", plain)), bool(mentions)


def taken_apart(statement: Candidate | MemoryVersion) -> Apart:
    """Return a statement taken apart; a candidate and the memory that it became are one."""
    corrects = isinstance(statement, Candidate) and statement.corrects
    return _apart(statement.content, statement.entities, statement.event_start, statement.event_end, corrects)


# the same memories are the nearest of one candidate after another, and taking one apart costs a millisecond
@lru_cache(maxsize=4_096)
def _apart(content: str, entities: tuple[str, ...], start: datetime, end: datetime, corrects: bool) -> Apart:  # noqa: FBT001 - a key
    return Apart(content=content, entities=entities, start=start, end=end, corrects=corrects)


def _claim(core: Sequence[str], language: Language) -> frozenset[str]:
    return stems(" ".join(language.content_words(language.patterns["degree"].sub(" ", " ".join(core)))))
