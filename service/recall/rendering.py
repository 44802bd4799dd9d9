"""Markdown for a context: lines, dates in the caller's zone, and the fence that keeps stored text apart from the rest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from zoneinfo import ZoneInfo

from service.domain.conflicts import Conflict
from service.domain.documents import Passage
from service.domain.ids import Scope
from service.domain.memories import MemoryChain, MemoryVersion
from service.domain.sessions import Message, Summary

FENCE = "memory-data"

VERSIONS_SHOWN = 3
"""How many earlier versions of a memory are shown, newest first."""

_FENCE_IN_TEXT = re.compile(rf"<(?=\s*/?\s*{FENCE})", re.IGNORECASE)
_INSTANT = timedelta(minutes=1)
_DAY = timedelta(days=1)


def fenced(scope: Scope, body: str) -> str:
    """
    Return *body* between the two lines of a fence.

    The id in both depends on the body and on the user's internal key, which nobody outside ever sees: text cannot be written so
    that it holds its own fence, yet the same text always gets the same one.
    """
    digest = blake2b(body.encode(), key=scope.user_key.encode()[:64], digest_size=8).hexdigest()
    return f'<{FENCE} id="{digest}">\n{body}\n</{FENCE} id="{digest}">'


def stored(text: str) -> str:
    """Return stored *text* as the rest of a list item: further lines are indented, and nothing in it looks like a fence."""
    return _FENCE_IN_TEXT.sub("&lt;", "\n  ".join(line.rstrip() for line in text.strip().splitlines()))


def day_text(moment: datetime, zone: ZoneInfo) -> str:
    """Return the day of *moment* in *zone*, such as `8 May 2023`."""
    local = moment.astimezone(zone)
    return f"{local.day} {local:%B %Y}"


def moment_text(moment: datetime, zone: ZoneInfo) -> str:
    """Return *moment* in *zone*, such as `Monday 8 May 2023, 13:56`."""
    local = moment.astimezone(zone)
    return f"{local:%A} {day_text(moment, zone)}, {local:%H:%M}"


def span_text(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    """
    Return a span of time: its day, its month or year when it is just that, or its first and last day.

    Whole days of the calendar are stored in UTC and are the same days in every zone.
    """
    if _is_months(start, end, 12):
        return f"{start:%Y}"
    if _is_months(start, end, 1):
        return f"{start:%B %Y}"
    zone = ZoneInfo("UTC") if _is_whole_days(start, end) else zone
    first, last = day_text(start, zone), day_text(end, zone)
    return first if first == last or end - start <= _INSTANT else f"{first} to {last}"


def _is_whole_days(start: datetime, end: datetime) -> bool:
    midnight = (start.hour, start.minute, start.second) == (0, 0, 0)
    return midnight and (start == end or (end - start + _INSTANT) % _DAY <= _INSTANT)


def _is_months(start: datetime, end: datetime, count: int) -> bool:
    """Return whether the span is *count* whole months of the calendar, in UTC, in which spans are stored."""
    if (start.day, start.hour, start.minute) != (1, 0, 0) or (count == 12 and start.month != 1):
        return False
    after = start.month - 1 + count
    whole = datetime(start.year + after // 12, after % 12 + 1, 1, tzinfo=UTC)
    return timedelta(0) <= whole - end <= timedelta(days=1) and end > start


def memory_line(chain: MemoryChain, zone: ZoneInfo) -> str:
    """Return a memory with the time that it is about, and its newest earlier versions below it."""
    current = chain.current
    lines = [f"- {stored(current.content)} [{span_text(current.event_start, current.event_end, zone)}]"]
    lines += [_earlier(version, zone) for version in reversed(chain.versions[:-1][-VERSIONS_SHOWN:])]
    return "\n".join(lines)


def _earlier(version: MemoryVersion, zone: ZoneInfo) -> str:
    until = f", until {day_text(version.expired_at, zone)}" if version.expired_at else ""
    return f"  - before: {stored(version.content)} [{span_text(version.event_start, version.event_end, zone)}{until}]"


def message_line(message: Message) -> str:
    """Return a message with its role; its time stands in the heading above it."""
    return f"- {message.role.value}: {stored(message.content)}"


def summary_line(summary: Summary, zone: ZoneInfo) -> str:
    """Return a summary with the day of its session."""
    return f"- {day_text(summary.created_at, zone)}: {stored(summary.content)}"


def passage_line(passage: Passage) -> str:
    """Return a passage with its document and the heading above it."""
    title = "" if passage.chunk.title is None else f", {stored(passage.chunk.title)}"
    return f"- {stored(passage.name)}{title}: {stored(passage.chunk.text)}"


def conflict_line(conflict: Conflict, zone: ZoneInfo) -> str:
    """Return what is not settled, with the day on which it came up, and the questions that settle it with their options below."""
    lines = [f"- since {day_text(conflict.created_at, zone)}: {stored(conflict.proposed)}"]
    for question in conflict.questions:
        lines.append(f"  - question: {stored(question.question)}")
        lines += [f"    - option: {stored(option)}" for option in question.options]
    return "\n".join(lines)


def by_day(messages: Sequence[Message], zone: ZoneInfo) -> list[str]:
    """Return *messages* in their order, under a heading wherever the session or the day changes."""
    lines: list[str] = []
    heading: tuple[str, str] | None = None
    for message in messages:
        under = (message.session_id, day_text(message.timestamp, zone))
        if under != heading:
            lines.append(heading_line(message, zone))
            heading = under
        lines.append(message_line(message))
    return lines


def heading_line(message: Message, zone: ZoneInfo) -> str:
    """Return the heading of the messages of a day that begin with *message*."""
    return f"### {moment_text(message.timestamp, zone)}"
