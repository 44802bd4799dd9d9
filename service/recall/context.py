"""
The context: what was recalled, as Markdown for a prompt, within a budget of tokens.

Best evidence first, the same text for the same state and time. Sections appear only when they hold something; what is short of
room is left out from the least relevant on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass

from service.domain.conflicts import Conflict, ConflictStatus
from service.domain.documents import audience_keys
from service.domain.ids import Scope, SessionId
from service.domain.memories import Source, source_of
from service.domain.ports.models import Embedder
from service.domain.ports.stores import ConflictStore, SessionStore
from service.domain.recall import Context, ContextRequest, Recalled, RecallQuery, RecallResult
from service.domain.sessions import Message, Session, SessionFilter, SessionStatus, Summary
from service.domain.values import PageRequest
from service.recall.budget import Budget
from service.recall.documents import RELEVANT, DocumentRecaller, Span, SpanQuery
from service.recall.prompts import with_system_prompt
from service.recall.rendering import fenced, moment_text
from service.recall.sections import (
    Section,
    conflict_section,
    evidence_sections,
    message_section,
    span_section,
    summary_section,
)

ONGOING_SESSIONS = 3
"""How many other unprocessed sessions are shown, newest first."""
ONGOING_MESSAGES = 6
"""How many of the newest messages of each are shown."""
SIDE_SHARE = 5
"""A section beside the evidence takes at most one part in so many of the budget; what the caller asked for may take two."""
HEADING_TOKENS = 60
"""What the heading, the fence and its two ids cost for each section, at the most."""
MAX_SECTIONS = 7
"""How many there can be; where there are documents it is one more."""
SPANS = 5
"""How many passages of documents are shown, at the most."""

_UNPROCESSED = frozenset({SessionStatus.PENDING, SessionStatus.PROCESSING, SessionStatus.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Material:
    """What a context is made of, whatever is recalled."""

    ongoing: Sequence[Message]
    recent: Sequence[Message]
    recent_summaries: Sequence[Summary]
    conflicts: Sequence[Conflict]
    spans: Sequence[Span]


class ContextBuilder:
    """Renders the result of a recall for the next prompt of a session."""

    def __init__(
        self, *, sessions: SessionStore, conflicts: ConflictStore, embedder: Embedder, documents: DocumentRecaller
    ) -> None:
        """Keep the ports and what finds passages of documents. The tokens of a budget are those of *embedder*."""
        self._sessions = sessions
        self._conflicts = conflicts
        self._embedder = embedder
        self._documents = documents

    async def __call__(
        self, scope: Scope, session: Session, query: RecallQuery, recalling: Awaitable[RecallResult], request: ContextRequest
    ) -> Context:
        """
        Return the context of *session* from what *recalling* gives. It takes at most the budget of *request*, the system prompt
        aside.

        Raises StorageUnavailable.
        """
        # most of a recall is waiting for an embedding, time enough to read the rest
        result, material = await asyncio.gather(recalling, self._material(scope, session, query, request))
        sources = list(dict.fromkeys(item.sources[0] for item in result.items if item.memory is not None and item.sources))
        sections = self._sections(result, await self._messages_at(scope, sources), material, request)
        while (text := self._text(scope, query, request, sections)) and self._count(text) > request.token_budget:
            # only texts whose tokens reach across lines get here: give up the least relevant line until it fits
            sections = _shortened(sections)
        included = [item for section in sections for item in section.items]
        shown = [item for item in result.items if any(item is one for one in included)]
        session_ids = dict.fromkeys(
            [source.session_id for item in shown for source in item.sources]
            + [session_id for section in sections for session_id in section.session_ids]
        )
        if request.include_system_prompt:
            text = with_system_prompt(result.strategy, text)
        return Context(text=text, result=result, included=shown, session_ids=list(session_ids))

    async def _material(self, scope: Scope, session: Session, query: RecallQuery, request: ContextRequest) -> _Material:
        excluded = query.exclude_sessions | {session.session_id}
        ongoing, recent, summaries, conflicts, spans = await asyncio.gather(
            self._ongoing(scope, excluded),
            self._recent_messages(scope, request.last_n_messages, excluded),
            self._recent_summaries(scope, request.last_n_summaries, excluded),
            self._conflicts.open(scope),
            self._spans(session, query, request),
        )
        pending = [conflict for conflict in conflicts if conflict.status is ConflictStatus.PENDING]
        return _Material(ongoing=ongoing, recent=recent, recent_summaries=summaries, conflicts=pending, spans=spans)

    async def _spans(self, session: Session, query: RecallQuery, request: ContextRequest) -> Sequence[Span]:
        """Return the relevant passages of the documents that this session may be shown."""
        if not request.documents:
            return ()
        audience = audience_keys(thread=session.origin.thread, group=session.origin.group)
        wanted = SpanQuery(scope=query.scope, text=query.text, limit=SPANS, threshold=RELEVANT, audience=audience)
        return (await self._documents(wanted)).spans

    async def _messages_at(self, scope: Scope, sources: Sequence[Source]) -> dict[Source, Message]:
        if not sources:
            return {}
        messages = await self._sessions.messages_at(scope, sources)
        return {source: message for source, message in zip(sources, messages, strict=True) if message is not None}

    async def _recent_messages(self, scope: Scope, limit: int | None, excluded: frozenset[SessionId]) -> Sequence[Message]:
        return await self._sessions.recent_messages(scope, limit, exclude=excluded) if limit else ()

    async def _recent_summaries(self, scope: Scope, limit: int | None, excluded: frozenset[SessionId]) -> Sequence[Summary]:
        return await self._sessions.recent_summaries(scope, limit, exclude=excluded) if limit else ()

    async def _ongoing(self, scope: Scope, excluded: frozenset[SessionId]) -> Sequence[Message]:
        """Return the newest messages of the user's other unprocessed sessions, newest session first."""
        page = PageRequest(offset=0, limit=ONGOING_SESSIONS + len(excluded))
        open_sessions = await self._sessions.list(scope, page, SessionFilter(statuses=_UNPROCESSED))
        others = [one for one in open_sessions.items if one.session_id not in excluded and one.remembered_count]
        pages = await asyncio.gather(*(self._newest(scope, one) for one in others[:ONGOING_SESSIONS]))
        return [message for messages in pages for message in messages]

    async def _newest(self, scope: Scope, session: Session) -> Sequence[Message]:
        offset = max(0, session.remembered_count - ONGOING_MESSAGES)
        return (
            await self._sessions.messages(scope, session.session_id, PageRequest(offset=offset, limit=ONGOING_MESSAGES))
        ).items

    def _sections(
        self, result: RecallResult, sources: Mapping[Source, Message], material: _Material, request: ContextRequest
    ) -> list[Section]:
        zone = request.timezone
        sections = MAX_SECTIONS + bool(material.spans)
        room = Budget(request.token_budget - sections * HEADING_TOKENS, self._count)
        if room.left < request.token_budget // 2:
            room = Budget(request.token_budget // 2, self._count)
        side = room.left // SIDE_SHARE
        recalled = {source_of(item.message): item for item in result.items if item.message is not None}
        recent = message_section("Recent messages", material.recent, zone, room.share(2 * side), recalled=recalled)
        asked = [
            recent,
            summary_section(
                "Recent session summaries", [(one, None) for one in material.recent_summaries], zone, room.share(side)
            ),
        ]
        others = [message for message in material.ongoing if source_of(message) not in recent.messages]
        ongoing = message_section("Ongoing conversations", others, zone, room.share(side), recalled=recalled)
        summaries: list[tuple[Summary, Recalled | None]] = [
            (item.summary, item)
            for item in result.items
            if item.summary is not None and item.summary not in material.recent_summaries
        ]
        beside = [
            summary_section("Session summaries", summaries, zone, room.share(side)),
            ongoing,
            conflict_section("Pending conflicts", material.conflicts, zone, room.share(side)),
            span_section("Documents", material.spans, room.share(2 * side)),
        ]
        for section in (*asked, *beside):
            room.left -= section.cost
        evidence = evidence_sections(result.items, sources, zone, room, shown=recent.messages | ongoing.messages)
        return [section for section in (*evidence, *beside, *asked) if section.lines]

    def _text(self, scope: Scope, query: RecallQuery, request: ContextRequest, sections: Sequence[Section]) -> str:
        if not sections:
            return ""
        parts = [f"# Memory\n\nNow: {moment_text(query.now, request.timezone)} ({request.timezone.key})"]
        parts += [f"## {section.title}\n\n{fenced(scope, chr(10).join(section.lines))}" for section in sections]
        return "\n\n".join(parts)

    def _count(self, text: str) -> int:
        return self._embedder.count_tokens(text)


def _shortened(sections: Sequence[Section]) -> list[Section]:
    """Return *sections* without the last line of the last one."""
    *kept, last = sections
    shorter = last.without_last_line()
    return [*kept, shorter] if shorter.lines else kept
