"""The sections of a context: which lines go in, in what order, and what they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from service.domain.conflicts import Conflict
from service.domain.ids import SessionId
from service.domain.memories import MemoryChain, Source, source_of
from service.domain.recall import Recalled
from service.domain.sessions import Message, Summary
from service.recall.budget import Budget
from service.recall.documents import Span
from service.recall.rendering import by_day, conflict_line, heading_line, memory_line, message_line, passage_line, summary_line

MEMORY_SHARE = 3
"""Memories take at most one part in so many of the room for evidence: the words that they come from say more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """
    A part of a context under a *title*: its *lines*, what they *cost*, and the recalled items, sessions and messages that they
    show.
    """

    title: str
    lines: Sequence[str]
    cost: int
    items: Sequence[Recalled] = ()
    session_ids: Sequence[SessionId] = ()
    messages: frozenset[Source] = frozenset()

    def without_last_line(self) -> Section:
        """Return the section without its last line."""
        return replace(self, lines=self.lines[:-1])


def evidence_sections(
    items: Sequence[Recalled], sources: Mapping[Source, Message], zone: ZoneInfo, room: Budget, *, shown: frozenset[Source]
) -> list[Section]:
    """
    Return the sections of memories and of messages, filled from the best item on until *room* is used up.

    A memory is shown with the message that it comes from, given in *sources*. Messages that other sections have *shown* are not
    shown again.
    """
    memories = _memory_section(items, zone, room.share(room.left // MEMORY_SHARE))
    room.left -= memories.cost
    return [memories, _quoted_section(items, sources, zone, room, elsewhere=shown)]


def _memory_section(items: Sequence[Recalled], zone: ZoneInfo, room: Budget) -> Section:
    begun = room.left
    shown: list[Recalled] = []
    lines: list[str] = []
    for item, memory in _memories(items):
        line = memory_line(memory, zone)
        if room.spend(*line.splitlines()):
            shown.append(item)
            lines.append(line)
    return Section(title="Memories", lines=lines, cost=begun - room.left, items=shown)


def _memories(items: Sequence[Recalled]) -> list[tuple[Recalled, MemoryChain]]:
    return [(item, item.memory) for item in items if item.memory is not None]


def _quoted_section(
    items: Sequence[Recalled], sources: Mapping[Source, Message], zone: ZoneInfo, room: Budget, *, elsewhere: frozenset[Source]
) -> Section:
    """Return the messages behind *items*: the sessions in the order of their best item, each in the order of its messages."""
    begun = room.left
    sessions: dict[SessionId, list[Message]] = {}
    shown: list[Recalled] = []
    seen = set(elsewhere)
    for item in items:
        message = item.message or (sources.get(item.sources[0]) if item.sources else None)
        if message is None:
            continue
        source = source_of(message)
        if source in seen or not room.spend(*_lines_of(message, zone, under_heading=message.session_id in sessions)):
            continue
        seen.add(source)
        shown.append(item)
        sessions.setdefault(message.session_id, []).append(message)
    lines = [line for messages in sessions.values() for line in by_day(sorted(messages, key=lambda message: message.index), zone)]
    return Section(title="Messages", lines=lines, cost=begun - room.left, items=shown)


def _lines_of(message: Message, zone: ZoneInfo, *, under_heading: bool) -> list[str]:
    """Return the lines that a message takes, with the heading of its day when there is none yet."""
    lines = message_line(message).splitlines()
    return lines if under_heading else [heading_line(message, zone), *lines]


def message_section(
    title: str, messages: Sequence[Message], zone: ZoneInfo, room: Budget, *, recalled: Mapping[Source, Recalled]
) -> Section:
    """
    Return a section of *messages* in their order, with those of them that were *recalled*, too; what is short of room is left out
    from the oldest on.
    """
    begun = room.left
    kept: list[Message] = []
    for message in reversed(messages):
        if not room.spend(*_lines_of(message, zone, under_heading=any(message.session_id == one.session_id for one in kept))):
            break
        kept.append(message)
    kept.reverse()
    shown = [source_of(message) for message in kept]
    return Section(
        title=title,
        lines=by_day(kept, zone),
        cost=begun - room.left,
        items=[recalled[source] for source in shown if source in recalled],
        session_ids=list(dict.fromkeys(source.session_id for source in shown)),
        messages=frozenset(shown),
    )


def summary_section(title: str, summaries: Sequence[tuple[Summary, Recalled | None]], zone: ZoneInfo, room: Budget) -> Section:
    """Return a section of *summaries* in their order, each with the recalled item that it is, if it is one."""
    begun = room.left
    kept = [(summary, item) for summary, item in summaries if room.spend(*summary_line(summary, zone).splitlines())]
    return Section(
        title=title,
        lines=[summary_line(summary, zone) for summary, _ in kept],
        cost=begun - room.left,
        items=[item for _, item in kept if item is not None],
        session_ids=[summary.session_id for summary, _ in kept],
    )


def span_section(title: str, spans: Sequence[Span], room: Budget) -> Section:
    """Return a section of passages of documents in their order."""
    begun = room.left
    lines = [line for line in (passage_line(span.passage) for span in spans) if room.spend(*line.splitlines())]
    return Section(title=title, lines=lines, cost=begun - room.left)


def conflict_section(title: str, conflicts: Sequence[Conflict], zone: ZoneInfo, room: Budget) -> Section:
    """Return a section of *conflicts* in their order, each with its questions."""
    begun = room.left
    lines = [line for line in (conflict_line(conflict, zone) for conflict in conflicts) if room.spend(*line.splitlines())]
    return Section(title=title, lines=lines, cost=begun - room.left)
