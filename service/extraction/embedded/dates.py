"""
Expressions of time, and the stretch of time that each means, counted from a given day. All times are UTC.

A day runs from 00:00:00 to 23:59:59, a week from Monday to Sunday; a season is three whole months (of the northern half).
"In two weeks" is that day, "two months ago" that month: an expression is as coarse as its unit, but never coarser than a
speaker means it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from service.extraction.embedded.grammar import DateGrammar
from service.extraction.embedded.meanings import TenseAt, meaning, unknown_tense
from service.extraction.embedded.spans import MAX_YEARS, Span, day_of, existing_day

_RANGE_WORDS = frozenset(
    {"to", "until", "till", "through", "-", "\u2013", "and", "bis", "und", "al", "a", "hasta", "y", "au", "à", "et"}
)
_ISO = re.compile(r"\b((?:19|20)\d\d)-(\d\d)-(\d\d)\b")
_SLASHED = re.compile(r"(?<![\d.])(\d{1,2})([/.])(\d{1,2})\2((?:19|20)\d\d)(?!\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class DateMention:
    """An expression of time in a text: where it stands, what it means, and whether it says its year itself."""

    begin: int
    end: int
    span: Span
    absolute: bool


def find_dates(text: str, grammar: DateGrammar, now: datetime, *, tense_at: TenseAt = unknown_tense) -> list[DateMention]:
    """Return every expression of time in *text*, in order, without overlaps. Of two in one place the longer counts."""
    today = now.astimezone(UTC).date()
    if not grammar.hint.search(text):
        return []
    if not MAX_YEARS < today.year - date.min.year < date.max.year - 2 * MAX_YEARS:
        return []  # at the ends of the calendar there is no last year or no next one
    found = [*_numeric(text, grammar), *_named_days(text, grammar, today)]
    for kind, pattern in grammar.patterns:
        for match in pattern.finditer(text):
            span = meaning(kind, match, grammar, today, tense_at(match.start()))
            if span is not None and abs(span.first.year - today.year) <= MAX_YEARS:
                absolute = match.groupdict().get("y") is not None
                found.append(DateMention(begin=match.start(), end=match.end(), span=span, absolute=absolute))
    kept: list[DateMention] = []
    for mention in sorted(found, key=lambda mention: mention.begin - mention.end):
        if all(mention.end <= other.begin or other.end <= mention.begin for other in kept):
            kept.append(mention)
    return sorted(kept, key=lambda mention: mention.begin)


def event_span(mentions: Sequence[DateMention], text: str) -> Span | None:
    """Return when the event of a statement is: from the first to the second of a range, else the most exact mention."""
    if not mentions:
        return None
    for one, other in pairwise(mentions):
        between = text[one.end : other.begin].strip().lower()
        if between in _RANGE_WORDS and one.span.first <= other.span.last:
            return Span(first=one.span.first, last=other.span.last)
    return min(mentions, key=lambda mention: mention.span.days).span


def _numeric(text: str, grammar: DateGrammar) -> list[DateMention]:
    found = [(match, int(match[1]), int(match[2]), int(match[3])) for match in _ISO.finditer(text)]
    for match in _SLASHED.finditer(text):
        one, other, year = int(match[1]), int(match[3]), int(match[4])
        month_first = grammar.month_first and match[2] == "/" and one <= 12
        found.append((match, year, *((one, other) if month_first or other > 12 else (other, one))))
    return [
        DateMention(begin=match.start(), end=match.end(), span=day_of(day), absolute=True)
        for match, y, m, d in found
        if (day := existing_day(y, m, d)) is not None
    ]


def _named_days(text: str, grammar: DateGrammar, today: date) -> list[DateMention]:
    return [
        DateMention(begin=match.start(), end=match.end(), span=day_of(today + timedelta(days=offset)), absolute=False)
        for pattern, offset in grammar.days
        for match in pattern.finditer(text)
    ]
