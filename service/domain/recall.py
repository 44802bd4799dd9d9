"""What is asked of recall, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from service.domain.ids import Scope, SessionId
from service.domain.memories import MemoryChain, MemoryVersion, Source, VersionReason
from service.domain.sessions import Message, Summary


class StrategyName(StrEnum):
    """The strategies; the values are the wire spellings."""

    LOW_LATENCY = "low_latency"
    BALANCED = "balanced"
    AGENTIC = "agentic"
    AUTO = "auto"


class RecalledKind(StrEnum):
    """What a recalled item is; the values are the wire spellings."""

    MEMORY = "memory"
    MESSAGE = "message"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallQuery:
    """
    What to look for, for whom and how far. *now* is the time from which "yesterday" is counted.

    Memories and messages with a score of at least *memories_threshold* are relevant; the best *min_top_k* are returned even
    below it, never more than *max_top_k*. Nothing comes from *exclude_sessions*, and all from *only_sessions* unless that is
    None. *patience* is how long whoever asks waits, None for as long as it takes.
    """

    scope: Scope
    text: str
    now: datetime
    strategy: StrategyName = StrategyName.BALANCED
    min_top_k: int = 15
    max_top_k: int = 50
    memories_threshold: float = 0.6
    summaries_threshold: float = 0.5
    kinds: frozenset[RecalledKind] = frozenset(RecalledKind)
    exclude_sessions: frozenset[SessionId] = frozenset()
    patience: timedelta | None = None
    only_sessions: frozenset[SessionId] | None = None

    def may_show(self, session_id: SessionId) -> bool:
        """Return whether what a session says may be shown."""
        return session_id not in self.exclude_sessions and (self.only_sessions is None or session_id in self.only_sessions)

    def sources_of(self, version: MemoryVersion) -> tuple[Source, ...]:
        """
        Return the sources of a *version* that may be shown. Of a version that puts together what several messages say, all or
        none: it cannot be told which of its words are whose.
        """
        shown = tuple(source for source in version.sources if self.may_show(source.session_id))
        together = version.reason is VersionReason.ADDITION_TO_EXISTING_MEMORY
        return () if together and len(shown) < len(version.sources) else shown

    def narrowed(self, chain: MemoryChain) -> MemoryChain | None:
        """Return a *chain* as far as it may be shown: its current version, and those before it that may be; None for nothing."""
        if self.only_sessions is None and not self.exclude_sessions:
            return chain
        if not self.sources_of(chain.current):
            return None
        earlier = tuple(version for version in chain.versions[:-1] if self.sources_of(version))
        return replace(chain, versions=(*earlier, chain.current))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """
    One thing that was found. Exactly one of *memory*, *message* and *summary* is set.

    *score* is 0 to 1 and comparable within one answer; *signals* say what it is made of. *sources* are the messages that it
    comes from, most telling first.
    """

    score: float
    sources: tuple[Source, ...]
    signals: Mapping[str, float] = field(default_factory=dict)
    memory: MemoryChain | None = None
    message: Message | None = None
    summary: Summary | None = None

    @property
    def kind(self) -> RecalledKind:
        """What was found."""
        if self.memory is not None:
            return RecalledKind.MEMORY
        return RecalledKind.MESSAGE if self.message is not None else RecalledKind.SUMMARY


@dataclass(frozen=True, slots=True, kw_only=True)
class DateRange:
    """A span of time that was read out of a query. *event* tells whether it is about events or about when things were said."""

    event: bool
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallResult:
    """What a recall found, best first, and how. *strategy* is the one that ran, never AUTO."""

    strategy: StrategyName
    items: Sequence[Recalled]
    search_queries: Sequence[str] = ()
    summary_queries: Sequence[str] = ()
    keywords: Sequence[str] = ()
    date_ranges: Sequence[DateRange] = ()
    reasoning: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextRequest:
    """
    What a context holds. *token_budget* bounds the context, the system prompt aside. *documents* tells that the user has some,
    of which what is relevant is shown.
    """

    timezone: ZoneInfo
    last_n_messages: int | None = None
    last_n_summaries: int | None = None
    include_system_prompt: bool = True
    token_budget: int = 8000
    documents: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """A context as it goes into a prompt, the recall that it was made from, and the items of it that found room."""

    text: str
    result: RecallResult
    included: Sequence[Recalled]
    session_ids: Sequence[SessionId]
