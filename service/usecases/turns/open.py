"""Open a turn."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from service.domain.errors import DomainError
from service.domain.ports.models import Clock
from service.domain.ports.stores import SessionStore
from service.domain.recall import Context, ContextRequest, StrategyName
from service.recall.context import ContextBuilder
from service.recall.prompts import system_prompt
from service.recall.recaller import Recaller
from service.usecases.limits import parse_timezone
from service.usecases.memory.get_context import ContextWanted
from service.usecases.memory.visibility import seen_from
from service.usecases.turns.places import Place, Places, PlaceWanted


class RecallOutcome(StrEnum):
    """What became of a recall."""

    NOT_ASKED = "not_asked"
    DONE = "done"
    TIMED_OUT = "timed_out"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRecall:
    """What is to be recalled for a turn, and how long it may take. An empty *query* means nothing."""

    query: str
    context: ContextWanted
    patience: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedTurn:
    """
    A turn that may go to the model. *context* is None unless the recall was done.

    *prompt* tells how to read a context and depends on nothing but the strategy that was asked for.
    """

    place: Place
    outcome: RecallOutcome
    context: Context | None
    prompt: str
    took: timedelta


class OpenTurn:
    """Finds the session of a turn and recalls what earlier sessions tell about it."""

    def __init__(self, places: Places, sessions: SessionStore, recaller: Recaller, builder: ContextBuilder, clock: Clock) -> None:
        """Keep what finds the place, the store, the recaller, the builder of contexts and the clock."""
        self._places = places
        self._sessions = sessions
        self._recaller = recaller
        self._builder = builder
        self._clock = clock

    async def __call__(self, wanted: PlaceWanted, recall: TurnRecall) -> OpenedTurn:
        """
        Return the turn; a recall that fails or outlasts its patience, counted from the call, is told in the outcome.

        Raises UserNotFound, SessionNotFound, InvalidRequest.
        """
        timezone = parse_timezone("timezone", recall.context.timezone)
        deadline = asyncio.get_running_loop().time() + recall.patience.total_seconds()
        async with self._recaller.ahead(recall.query, recall.context.limits.strategy):
            place = await self._places.find(wanted)
            return await self._open(place, recall, timezone, deadline)

    async def _open(self, place: Place, recall: TurnRecall, timezone: ZoneInfo, deadline: float) -> OpenedTurn:
        """Recall for a turn whose place is found."""
        request = ContextRequest(
            timezone=timezone,
            last_n_messages=recall.context.last_n_messages,
            last_n_summaries=recall.context.last_n_summaries,
            # it goes to another place of the prompt than the context, so that a cache keeps it
            include_system_prompt=False,
            token_budget=recall.context.token_budget,
            documents=place.user.has_documents,
        )
        begun = time.monotonic()
        outcome, context = await self._recall(place, recall, request, deadline)
        done = outcome in (RecallOutcome.DONE, RecallOutcome.NOT_ASKED)
        return OpenedTurn(
            place=place,
            outcome=outcome,
            context=context,
            prompt=_prompt(recall.context.limits.strategy) if done and recall.context.include_system_prompt else "",
            took=timedelta(seconds=time.monotonic() - begun),
        )

    async def _recall(
        self, place: Place, recall: TurnRecall, request: ContextRequest, deadline: float
    ) -> tuple[RecallOutcome, Context | None]:
        """Recall and render before *deadline*, a time of the event loop."""
        if not recall.query.strip():
            return RecallOutcome.NOT_ASKED, None
        session, scope = place.session, place.user.scope
        query = recall.context.limits.query(
            scope,
            recall.query,
            now=session.created_at if session.custom_created_at else self._clock.now(),
            # the caller sends what was said in this one
            exclude_sessions=frozenset({session.session_id}),
        )
        try:
            async with asyncio.timeout_at(deadline):
                query = await seen_from(self._sessions, query, session.origin)
                recalling = self._recaller(replace(query, patience=recall.patience))
                return RecallOutcome.DONE, await self._builder(scope, session, query, recalling, request)
        except TimeoutError:
            return RecallOutcome.TIMED_OUT, None
        except DomainError:
            return RecallOutcome.FAILED, None


def _prompt(strategy: StrategyName) -> str:
    """Return the prompt of a strategy that was asked for. One that is chosen anew each time has that of the default."""
    return system_prompt(StrategyName.BALANCED if strategy is StrategyName.AUTO else strategy)
