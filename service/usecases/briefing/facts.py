"""Recall facts: the memories that bear on a question, by how near they are to it, and a text for a prompt."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from service.domain.ids import ChainId, ProjectId, Scope, UserId
from service.domain.memories import MemoryChain, Source
from service.domain.ports.index import VectorIndex
from service.domain.ports.models import Clock, Embedder
from service.domain.ports.passages import FoundPassage, PassageFinder, PassagesWanted
from service.domain.ports.stores import SessionStore
from service.domain.recall import Recalled, RecallResult, StrategyName
from service.domain.sessions import Message, SessionOrigin
from service.recall.facts import Statement, taken_apart
from service.recall.meaning import likeness
from service.recall.packing import pack
from service.recall.rendering import stored
from service.usecases.briefing.blocks import MOST_BLOCKS, Block, BlockKind, blocks_of
from service.usecases.briefing.search import Search, Searched
from service.usecases.memory.recall import RecallLimits

NEAR_FROM = 0.6
"""Score of a recall from which what it found is relevant."""
ANSWERS_FROM = 0.5
"""Score from which a fact counts as an answer."""
SUPPORTS_FROM = 0.35
"""Score from which a fact bears on the question."""
MEANING_SHARE = 0.7
"""Of a fact's score, how much is by what it says alone; the rest is how the recall ranks it, which holds for one answer only."""
LEAST_RECALLED = 40
"""So many items are looked at even when they are far from the question: background is far from it."""
HISTORY = 10
"""How many of the newest messages of the conversation are returned."""


class Tier(StrEnum):
    """How near a fact is to the question; the values are the wire spellings."""

    HOT = "hot"
    WARM = "warm"
    COLD = "cold"


class Anchor(StrEnum):
    """Where the time is from by which "yesterday" is counted; the values are the wire spellings."""

    REQUEST = "request"
    CONVERSATION = "conversation_event"
    SERVER = "server_now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A memory in parts. *quotes* are the most telling messages that it comes from; *document_id* is that of the first."""

    chain: MemoryChain
    statement: Statement
    score: float
    tier: Tier
    sources: tuple[Source, ...]
    quotes: tuple[Message, ...]
    document_id: str = ""
    document_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactLimits:
    """How many facts of each tier are wanted, how many passages of documents, and how many tokens of text."""

    hot: int = 12
    warm: int = 12
    cold: int = 12
    passages: int = 5
    tokens: int = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsWanted:
    """
    What is to be found, as seen from *place*: its thread's history is returned and, with *only_thread*, nothing else is recalled.
    *now* None means the time of the thread's newest message, else the present.
    """

    text: str
    place: SessionOrigin
    limits: FactLimits
    only_thread: bool = False
    now: datetime | None = None
    document_id: str = ""
    collection_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """
    What was found: *facts*, best first, and as much of it, of messages and of passages as found room in *text*, whose *tokens*
    and *included* facts are told. *history* holds the thread's newest messages, oldest first, *stretch* the summary of its newest
    stretch that was read, if any.
    """

    facts: Sequence[Fact]
    included: Sequence[Fact]
    text: str
    tokens: int
    now: datetime
    anchor: Anchor
    asked_at: datetime
    history: Sequence[Message] = ()
    stretch: str | None = None
    result: RecallResult | None = None

    def of(self, tier: Tier) -> list[Fact]:
        """Return the facts of one tier."""
        return [fact for fact in self.facts if fact.tier is tier]


class RecallFacts:
    """Finds what is known that bears on a question."""

    def __init__(
        self,
        search: Search,
        *,
        sessions: SessionStore,
        index: VectorIndex,
        embedder: Embedder,
        clock: Clock,
        passages: PassageFinder | None = None,
    ) -> None:
        """Keep the ports; without *passages* there are no documents. The tokens of a limit are those of *embedder*."""
        self._search = search
        self._sessions = sessions
        self._index = index
        self._embedder = embedder
        self._clock = clock
        self._passages = passages

    async def __call__(self, project_id: ProjectId, user_id: UserId, wanted: FactsWanted) -> Facts:
        """Return the facts; none for a user that was never heard of."""
        asked_at = self._clock.now()
        scope = await self._search.scope_of(project_id, user_id)
        if scope is None:
            anchor = Anchor.SERVER if wanted.now is None else Anchor.REQUEST
            now = wanted.now or asked_at
            return Facts(facts=(), included=(), text="", tokens=0, now=now, anchor=anchor, asked_at=asked_at)
        history, stretch = await self._history(scope, wanted.place.thread)
        now, anchor = _time(wanted, history, asked_at)
        found, passages = await asyncio.gather(self._found(scope, wanted, now), self._passages_of(scope, wanted))
        chains = [item.memory for item in found.result.items if item.memory is not None]
        meaning = await likeness(self._index, self._embedder, found.query, chains)
        facts = await self._named(scope, _facts(found, wanted, meaning))
        lines = [*map(_passage_line, passages), *_lines(found, facts, wanted)]
        lines.sort(key=lambda line: -line.score)
        packed = pack(scope, lines, lambda line: line.text, tokens=wanted.limits.tokens, count=self._embedder.count_tokens)
        return Facts(
            facts=facts,
            included=[line.fact for line in packed.items if line.fact is not None],
            text=packed.text,
            tokens=packed.tokens,
            now=now,
            anchor=anchor,
            asked_at=asked_at,
            history=history,
            stretch=stretch,
            result=found.result,
        )

    async def _found(self, scope: Scope, wanted: FactsWanted, now: datetime) -> Searched:
        limits = RecallLimits(
            strategy=StrategyName.AUTO, min_top_k=LEAST_RECALLED, max_top_k=MOST_BLOCKS, memories_threshold=NEAR_FROM
        )
        return await self._search(scope, wanted.text, now=now, limits=limits, place=wanted.place, only_thread=wanted.only_thread)

    async def _history(self, scope: Scope, thread: str) -> tuple[Sequence[Message], str | None]:
        """Return the newest messages of a thread, and the summary of the newest of their sessions that has one."""
        if not thread:
            return (), None
        inside = await self._sessions.within(scope, thread=thread)
        if not inside:
            return (), None
        messages = await self._sessions.recent_messages(scope, HISTORY, only=inside)
        newest = list(dict.fromkeys(message.session_id for message in reversed(messages)))
        summaries = await self._sessions.summaries(scope, newest)
        return messages, next((summary.content for summary in summaries if summary is not None), None)

    async def _passages_of(self, scope: Scope, wanted: FactsWanted) -> Sequence[FoundPassage]:
        if self._passages is None:
            return ()
        return await self._passages.find(
            scope,
            PassagesWanted(
                query=wanted.text,
                limit=wanted.limits.passages,
                document_id=wanted.document_id,
                collection_id=wanted.collection_id,
                thread=wanted.place.thread,
                group=wanted.place.group,
            ),
        )

    async def _named(self, scope: Scope, facts: Sequence[Fact]) -> Sequence[Fact]:
        """Return *facts* with the names of the documents that they are about."""
        ids = list(dict.fromkeys(fact.document_id for fact in facts if fact.document_id))
        if not ids or self._passages is None:
            return facts
        names = await self._passages.names(scope, ids)
        return [replace(fact, document_name=names.get(fact.document_id, "")) for fact in facts]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A line of the text: what it says, what it is worth, and the fact that it tells, if it tells one."""

    text: str
    score: float
    fact: Fact | None = None


def _time(wanted: FactsWanted, history: Sequence[Message], asked_at: datetime) -> tuple[datetime, Anchor]:
    if wanted.now is not None:
        return wanted.now, Anchor.REQUEST
    if history:
        return history[-1].timestamp, Anchor.CONVERSATION
    return asked_at, Anchor.SERVER


def _facts(found: Searched, wanted: FactsWanted, meaning: Mapping[ChainId, float]) -> list[Fact]:
    """Return the memories among what was found, best first, as many of each tier as are wanted."""
    room = {Tier.HOT: wanted.limits.hot, Tier.WARM: wanted.limits.warm, Tier.COLD: wanted.limits.cold}
    facts: list[Fact] = []
    for score, item in _scored(found.result.items, meaning):
        if item.memory is None:
            continue
        tier = Tier.HOT if score >= ANSWERS_FROM else Tier.WARM if score >= SUPPORTS_FROM else Tier.COLD
        quotes = tuple(found.quotes[source] for source in item.sources if source in found.quotes)
        document_id = next((quote.document_id for quote in quotes if quote.document_id), "")
        if not room[tier] or (wanted.document_id and document_id != wanted.document_id):
            continue
        room[tier] -= 1
        facts.append(
            Fact(
                chain=item.memory,
                statement=taken_apart(item.memory.current.content),
                score=score,
                tier=tier,
                sources=item.sources,
                quotes=quotes,
                document_id=document_id,
            )
        )
    return facts


def _scored(items: Sequence[Recalled], meaning: Mapping[ChainId, float]) -> list[tuple[float, Recalled]]:
    """Return the memories among *items*, each with its score as a fact, best first."""
    scored = [
        (MEANING_SHARE * meaning.get(item.memory.chain_id, item.score) + (1 - MEANING_SHARE) * item.score, item)
        for item in items
        if item.memory is not None
    ]
    return sorted(((round(score, 4), item) for score, item in scored), key=lambda one: -one[0])


def _lines(found: Searched, facts: Sequence[Fact], wanted: FactsWanted) -> list[_Line]:
    """Return what goes into the text beside passages: the facts, and whatever else is near enough to the question."""
    known = {fact.chain.current.content: fact for fact in facts}
    lines: list[_Line] = []
    for block in blocks_of(found):
        fact = known.get(block.content) if block.kind in _MEMORIES else None
        if fact is not None or (_is_near(block) and not wanted.document_id):
            lines.append(_Line(text=block.line, score=block.score, fact=fact))
    return lines


_MEMORIES = frozenset({BlockKind.MEMORY, BlockKind.CHANGED_MEMORY})


def _is_near(block: Block) -> bool:
    return block.kind not in _MEMORIES and block.score >= SUPPORTS_FROM


def _passage_line(passage: FoundPassage) -> _Line:
    where = f"{passage.document_name}, {passage.title}" if passage.title else passage.document_name
    return _Line(text=f"- {stored(where)}: {stored(passage.text)}", score=passage.score)
