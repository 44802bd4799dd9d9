"""What of a document a query asks for by its place: one section, or the whole. English rules; other queries ask for none."""

from __future__ import annotations

import re
from collections.abc import Sequence

from service.domain.documents import Section
from service.recall.analysis import content_words

STEM = 5
"""How many letters of a word must agree for it to count as the same word in another form."""

_NAMES = r"(?:section|chapter|part|appendix)"
_SECTION = re.compile(
    rf"\b{_NAMES}\b|\b(?:the|its)\s+(?:introduction|preface|abstract|conclusions?|summary|appendix)\b", re.IGNORECASE
)
_SECTION_WORDS = frozenset({"section", "chapter", "part", "show", "read", "give", "say", "says", "document", "file", "titled"})
_NUMBERED = re.compile(rf"\b{_NAMES}\s+(?P<number>\d+|[ivxlc]+|[a-z])\b", re.IGNORECASE)
_TITLE_NUMBER = re.compile(rf"(?:{_NAMES}\s+)?(?P<number>\d+|[ivxlc]+|[a-z])(?=[.:)\s]|$)", re.IGNORECASE)
_WHOLE = re.compile(
    r"\b(?:summar[iy][sz]?\w*|overview|outline|gist|tl;?dr)\b|\bwhat(?:'s| is| does)\b.{0,60}\b(?:about|cover|contain)\b",
    re.IGNORECASE,
)
_DOCUMENT = re.compile(r"\b(?:document|file|paper|report|article|manual|guide|book|text|pdf|readme|page)\b", re.IGNORECASE)


def asks_for_section(text: str) -> bool:
    """Return whether the query *text* speaks of a section."""
    return _SECTION.search(text) is not None


def asks_for_whole(text: str, *, named: bool) -> bool:
    """Return whether the query *text* asks what a document says as a whole; *named* tells that the caller named the document."""
    return _WHOLE.search(text) is not None and (named or _DOCUMENT.search(text) is not None)


def places_of_section(text: str, sections: Sequence[Section]) -> Sequence[int]:
    """Return the places of the chunks of the section that *text* asks for, with those of the sections below it, or none."""
    chosen = _numbered(text, sections)
    if chosen is None:
        chosen = _titled(text, sections)
    if chosen is None:
        return ()
    end = chosen + 1
    while end < len(sections) and sections[end].level > sections[chosen].level:
        end += 1
    return [place for section in sections[chosen:end] for place in range(section.first, section.first + section.chunks)]


def places_of_beginnings(sections: Sequence[Section], limit: int) -> Sequence[int]:
    """Return the places of *limit* chunks that tell most of a document: beginnings of sections, evenly spread, then more."""
    first = [section.first for section in sections if section.chunks]
    if len(first) > limit:
        # a cut of equal steps, so that a long document is told to its end
        return [first[index * len(first) // limit] for index in range(limit)]
    every = (place for section in sections for place in range(section.first, section.first + section.chunks))
    rest = [place for place in every if place not in first]
    return sorted([*first, *rest[: limit - len(first)]])


def _numbered(text: str, sections: Sequence[Section]) -> int | None:
    asked = _NUMBERED.search(text)
    if asked is None:
        return None
    for index, section in enumerate(sections):
        number = _TITLE_NUMBER.match(section.title or "")
        if number is not None and number["number"].casefold() == asked["number"].casefold():
            return index
    return None


def _titled(text: str, sections: Sequence[Section]) -> int | None:
    """Return the section whose title shares most words with *text*, of the same share the first; None when it shares too few."""
    asked = {word[:STEM] for word in content_words(text) if word not in _SECTION_WORDS}
    best, share = None, 0.0
    for index, section in enumerate(sections):
        title = {word[:STEM] for word in content_words(section.title or "")}
        # half of the title at least: "the cache section" means "Cache keys", and not a title that only mentions a cache
        common = len(asked & title) / len(title) if title else 0.0
        if common >= 0.5 and common * len(asked & title) > share:
            best, share = index, common * len(asked & title)
    return best
