"""Recall blocks: what is relevant to a task, packed into a number of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from service.domain.conflicts import Conflict
from service.domain.ids import ProjectId, Scope, UserId
from service.domain.memories import Source
from service.domain.ports.models import Clock, Embedder
from service.domain.ports.stores import SessionStore
from service.domain.recall import Recalled
from service.domain.sessions import Message, SessionFilter, SessionOrigin, SessionStatus, Summary
from service.domain.values import PageRequest
from service.recall.packing import pack
from service.recall.rendering import conflict_line, day_text, memory_line, stored, summary_line
from service.usecases.briefing.search import Search, Searched
from service.usecases.events.ingest import PROCESSED_WITHIN
from service.usecases.memory.recall import RecallLimits

MOST_BLOCKS = 100
"""The most items that are considered for a briefing."""
NEWEST_SESSIONS = 20
"""How many of a user's newest sessions are looked at for events that are still being read."""
UTC = ZoneInfo("UTC")

_UNREAD = frozenset({SessionStatus.PENDING, SessionStatus.PROCESSING})


class BlockKind(StrEnum):
    """What a block is."""

    MEMORY = "memory"
    CHANGED_MEMORY = "changed_memory"
    """A memory whose current version took the place of an earlier one."""
    MESSAGE = "message"
    SUMMARY = "summary"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One piece of memory. *sources* are the messages that it comes from, *quotes* those of them that are the most telling."""

    kind: BlockKind
    content: str
    line: str
    score: float
    sources: tuple[Source, ...]
    quotes: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BlocksWanted:
    """
    What is to be found. Everything comes from the thread of *place* when it names one; its group adds what is seen there alone.
    *min_score* None means that the best is returned whatever its score.
    """

    text: str
    token_budget: int
    place: SessionOrigin
    min_score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """What found room, best first, as *blocks* and as one *text* of so many *tokens*. *lag* is how far behind the reading is."""

    blocks: Sequence[Block]
    text: str
    tokens: int
    now: datetime
    lag: timedelta = timedelta()


class RecallBlocks:
    """Finds what a prompt needs for a task."""

    def __init__(self, search: Search, sessions: SessionStore, embedder: Embedder, clock: Clock) -> None:
        """Keep the search, the store and the clock. The tokens of a budget are those of *embedder*."""
        self._search = search
        self._sessions = sessions
        self._embedder = embedder
        self._clock = clock

    async def __call__(self, project_id: ProjectId, user_id: UserId, wanted: BlocksWanted) -> Blocks:
        """Return the blocks; none for a user that was never heard of."""
        now = self._clock.now()
        scope = await self._search.scope_of(project_id, user_id)
        if scope is None:
            return Blocks(blocks=(), text="", tokens=0, now=now)
        limits = RecallLimits(max_top_k=MOST_BLOCKS)
        if wanted.min_score is not None:
            least = wanted.min_score
            limits = replace(limits, min_top_k=0, memories_threshold=least, summaries_threshold=least)
        found = await self._search(
            scope, wanted.text, now=now, limits=limits, place=wanted.place, only_thread=bool(wanted.place.thread)
        )
        packed = pack(
            scope, blocks_of(found), lambda block: block.line, tokens=wanted.token_budget, count=self._embedder.count_tokens
        )
        return Blocks(blocks=packed.items, text=packed.text, tokens=packed.tokens, now=now, lag=await self._lag(scope, now))

    async def _lag(self, scope: Scope, now: datetime) -> timedelta:
        """Return how long the oldest event waits for being read; sessions that end by themselves are not waited for."""
        newest = await self._sessions.list(scope, PageRequest(offset=0, limit=NEWEST_SESSIONS), SessionFilter())
        waiting = [
            one.created_at
            for one in newest.items
            if one.status in _UNREAD and one.message_count and one.process_within == PROCESSED_WITHIN
        ]
        return max(timedelta(), now - min(waiting, default=now))


def blocks_of(found: Searched) -> list[Block]:
    """
    Return what was found as blocks, best first. A conflict stands behind the memory that it is about; a summary of nothing but
    what is there already is left out.
    """
    told = {source for item in found.result.items for source in item.sources}
    disputes: dict[int, list[Conflict]] = {}
    for conflict, item in found.disputes:
        disputes.setdefault(id(item), []).append(conflict)
    blocks: list[Block] = []
    for item in found.result.items:
        if item.summary is not None and told.issuperset(_sources_of(item.summary)):
            continue
        blocks.append(_block(item, found))
        blocks += [_conflict_block(conflict, item.score) for conflict in disputes.get(id(item), ())]
    return blocks


def _block(item: Recalled, found: Searched) -> Block:
    if item.memory is not None:
        chain = item.memory
        return Block(
            kind=BlockKind.CHANGED_MEMORY if len(chain.versions) > 1 else BlockKind.MEMORY,
            content=chain.current.content,
            line=memory_line(chain, UTC),
            score=item.score,
            sources=item.sources,
            quotes=tuple(found.quotes[source] for source in item.sources if source in found.quotes),
        )
    if item.summary is not None:
        return _summary_block(item.summary, item.score)
    (message,) = (found.quotes[source] for source in item.sources)
    return Block(
        kind=BlockKind.MESSAGE,
        content=message.content,
        line=message_line(message),
        score=item.score,
        sources=item.sources,
        quotes=(message,),
    )


def message_line(message: Message) -> str:
    """Return a message with its day and who is behind it."""
    return f"- {day_text(message.timestamp, UTC)}, {message.kind or message.role.value}: {stored(message.content)}"


def _summary_block(summary: Summary, score: float) -> Block:
    return Block(
        kind=BlockKind.SUMMARY,
        content=summary.content,
        line=summary_line(summary, UTC),
        score=score,
        sources=_sources_of(summary),
    )


def _sources_of(summary: Summary) -> tuple[Source, ...]:
    return tuple(Source(session_id=summary.session_id, message_index=place) for place in range(summary.message_count))


def _conflict_block(conflict: Conflict, score: float) -> Block:
    known = conflict.conflicting[0].content
    return Block(
        kind=BlockKind.CONFLICT,
        content=f"{conflict.proposed} (earlier: {known})",
        line=conflict_line(conflict, UTC),
        score=score,
        sources=conflict.candidate.sources,
    )
