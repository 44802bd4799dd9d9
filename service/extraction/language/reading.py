"""What a language model found, checked against the session that it read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import partial

from service.domain.ids import SessionId
from service.domain.memories import Candidate, Source
from service.domain.projects import Category
from service.extraction.fences import without_fenced
from service.extraction.language.shapes import MAX_PROBLEMS, Checked, Findings, FoundMemory, checked
from service.extraction.language.transcript import Chunk

MAX_CONTENT = 1_000
MAX_SUMMARY = 4_000
MAX_ENTITIES = 12
MAX_ENTITY = 100
MAX_YEARS = 150
"""What lies further from the session than this is no date of an event."""

_NOBODY = frozenset({"user", "assistant", "the user", "the assistant", "i", "me"})
_DAY_ENDS = time(23, 59, 59)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a part of a session came to."""

    candidates: tuple[Candidate, ...]
    summary: str


class _Wrong(ValueError):
    """A date that cannot be meant."""


def read_findings(text: str, *, session_id: SessionId, chunk: Chunk, categories: Sequence[Category]) -> Checked[Reading]:
    """
    Return what the answer *text* says of *chunk*.

    A memory without a source in the chunk is left out, and a date that cannot be meant gives way to the day of the message: both
    are problems, to be repaired first.
    """
    shaped = checked(Findings, text)
    if shaped.value is None:
        return Checked(value=None, problems=shaped.problems)
    problems: list[str] = []
    said_at = {piece.index: piece.at for piece in chunk}
    names = {category.name.casefold(): category.name for category in categories}
    candidates: list[Candidate] = []
    for place, found in enumerate(shaped.value.memories):
        content = clean(found.content)
        indexes = sorted(set(found.sources) & said_at.keys())
        if not indexes:
            problems.append(f"memories[{place}].sources: none of them is the index of a message between the marks")
        if not content or len(content) > MAX_CONTENT:
            problems.append(f"memories[{place}].content: must have between 1 and {MAX_CONTENT} characters")
        if not indexes or not content or len(content) > MAX_CONTENT:
            continue
        start, end, problem = _event(found, said_at, indexes)
        problems += [f"memories[{place}].{problem}"] if problem else []
        candidates.append(
            Candidate(
                content=content,
                categories=_known(found.categories, names),
                entities=_entities(found.entities),
                event_start=start,
                event_end=end,
                sources=tuple(Source(session_id=session_id, message_index=index) for index in indexes),
            )
        )
    reading = Reading(candidates=tuple(candidates), summary=clean(shaped.value.summary)[:MAX_SUMMARY])
    return Checked(value=reading, problems=tuple(problems[:MAX_PROBLEMS]))


def clean(text: str) -> str:
    """Return *text* on one line, without recalled text."""
    return " ".join(without_fenced(text).split())


def _event(found: FoundMemory, said_at: Mapping[int, datetime], indexes: Sequence[int]) -> tuple[datetime, datetime, str | None]:
    """Return when the event of a memory begins and ends, and what was wrong with what the model says."""
    said = said_at[indexes[0]]
    message_day = _whole(said.date())
    try:
        start = _moment(found.event_start, said, first=True)
    except _Wrong as wrong:
        return *message_day, f"event_start: {wrong}"
    try:
        end = _moment(found.event_end, said, first=False)
    except _Wrong as wrong:
        return *message_day, f"event_end: {wrong}"
    if start is None and end is None:
        return *message_day, None
    start = start or _whole((end or said).date())[0]
    end = end or _whole(start.date())[1]
    return (start, end, None) if start <= end else (*message_day, "event_end: is before event_start")


def _moment(text: str | None, said: datetime, *, first: bool) -> datetime | None:
    """Return the moment that *text* names; a day is its first second or its last. Raises _Wrong."""
    if text is None or not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise _Wrong("must be YYYY-MM-DD or null") from None
    if abs(moment.year - said.year) > MAX_YEARS:
        raise _Wrong("is too far from the conversation")
    if len(text.strip()) <= len("2024-05-06"):
        return _whole(moment.date())[0 if first else 1]
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _whole(day: date) -> tuple[datetime, datetime]:
    at = partial(datetime.combine, day, tzinfo=UTC)
    return at(time.min), at(_DAY_ENDS)


def _known(names: Iterable[str], known: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names that are configured, each once; the others are dropped: a category too few does no harm."""
    return tuple(dict.fromkeys(known[name.strip().casefold()] for name in names if name.strip().casefold() in known))


def _entities(names: Iterable[str]) -> tuple[str, ...]:
    found = dict.fromkeys(clean(name) for name in names)
    return tuple(name for name in found if 0 < len(name) <= MAX_ENTITY and name.casefold() not in _NOBODY)[:MAX_ENTITIES]
