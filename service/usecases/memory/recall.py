"""Recall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from service.domain.ids import ProjectId, Scope, SessionId, UserId
from service.domain.ports.models import Clock
from service.domain.ports.stores import SessionStore, UserStore
from service.domain.recall import RecalledKind, RecallQuery, RecallResult, StrategyName
from service.recall.recaller import Recaller
from service.usecases.memory.visibility import seen_from


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallLimits:
    """How to recall, how much and from how far; `RecallQuery` says what each value means."""

    strategy: StrategyName = StrategyName.BALANCED
    min_top_k: int = 15
    max_top_k: int = 50
    memories_threshold: float = 0.6
    summaries_threshold: float = 0.5

    def query(
        self,
        scope: Scope,
        text: str,
        *,
        now: datetime,
        exclude_sessions: frozenset[SessionId],
        kinds: frozenset[RecalledKind] = frozenset(RecalledKind),
    ) -> RecallQuery:
        """Return the query for *text* within these limits; a minimum above the maximum is lowered to it."""
        return RecallQuery(
            scope=scope,
            text=text,
            now=now,
            strategy=self.strategy,
            min_top_k=min(self.min_top_k, self.max_top_k),
            max_top_k=self.max_top_k,
            memories_threshold=self.memories_threshold,
            summaries_threshold=self.summaries_threshold,
            kinds=kinds,
            exclude_sessions=exclude_sessions,
        )


class Recall:
    """Finds what is relevant to a query of the caller's own words."""

    def __init__(self, users: UserStore, sessions: SessionStore, recaller: Recaller, clock: Clock) -> None:
        """Keep the stores, the recaller and the clock."""
        self._users = users
        self._sessions = sessions
        self._recaller = recaller
        self._clock = clock

    async def __call__(
        self,
        project_id: ProjectId,
        user_id: UserId,
        text: str,
        limits: RecallLimits,
        *,
        kinds: frozenset[RecalledKind],
        exclude_sessions: Sequence[str] = (),
    ) -> RecallResult:
        """Return what is relevant to *text*, best first, of these *kinds* and from no session excluded. Raises UserNotFound."""
        async with self._recaller.ahead(text, limits.strategy):
            user = await self._users.get(project_id, user_id)
            query = limits.query(
                user.scope,
                text,
                now=self._clock.now(),
                kinds=kinds or frozenset(RecalledKind),
                # ids are stored in lower case; one that is no UUID excludes nothing
                exclude_sessions=frozenset(SessionId(session_id.lower()) for session_id in exclude_sessions),
            )
            return await self._recaller(await seen_from(self._sessions, query))
