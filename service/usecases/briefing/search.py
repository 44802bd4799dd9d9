"""What a briefing is made of: a recall from a place, and the words behind what it found."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from service.domain.conflicts import Conflict
from service.domain.errors import UserNotFound
from service.domain.ids import ProjectId, Scope, UserId
from service.domain.memories import Source
from service.domain.ports.stores import ConflictStore, SessionStore, UserStore
from service.domain.recall import Recalled, RecallQuery, RecallResult
from service.domain.sessions import Message, SessionOrigin
from service.recall.recaller import Recaller
from service.usecases.memory.recall import RecallLimits
from service.usecases.memory.visibility import seen_from

QUOTED = 3
"""How many of the messages that a memory comes from are read for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """What was found from a place: *quotes* are the most telling messages behind it, *disputes* the open conflicts about it."""

    query: RecallQuery
    result: RecallResult
    quotes: Mapping[Source, Message]
    disputes: Sequence[tuple[Conflict, Recalled]]


class Search:
    """Recalls for the use cases of this package."""

    def __init__(self, users: UserStore, sessions: SessionStore, conflicts: ConflictStore, recaller: Recaller) -> None:
        """Keep the stores and the recaller."""
        self._users = users
        self._sessions = sessions
        self._conflicts = conflicts
        self._recaller = recaller

    async def scope_of(self, project_id: ProjectId, user_id: UserId) -> Scope | None:
        """Return the scope of a user; None for one that was never heard of, of whom nothing is known."""
        try:
            return (await self._users.get(project_id, user_id)).scope
        except UserNotFound:
            return None

    async def __call__(
        self, scope: Scope, text: str, *, now: datetime, limits: RecallLimits, place: SessionOrigin, only_thread: bool
    ) -> Searched:
        """Return what is relevant to *text* as seen from *place*; with *only_thread* what comes from its thread and no other."""
        query = await seen_from(self._sessions, limits.query(scope, text, now=now, exclude_sessions=frozenset()), place)
        if only_thread:
            query = replace(query, only_sessions=await self._sessions.within(scope, thread=place.thread))
        result, conflicts = await asyncio.gather(self._recaller(query), self._conflicts.open(scope))
        quotes = await self._quotes(scope, result.items)
        return Searched(query=query, result=result, quotes=quotes, disputes=_disputes(query, result.items, conflicts))

    async def _quotes(self, scope: Scope, items: Sequence[Recalled]) -> Mapping[Source, Message]:
        quotes = {source: item.message for item in items if item.message is not None for source in item.sources}
        wanted = {source: None for item in items if item.memory is not None for source in item.sources[:QUOTED]}
        missing = [source for source in wanted if source not in quotes]
        found = await self._sessions.messages_at(scope, missing) if missing else ()
        return quotes | {source: message for source, message in zip(missing, found, strict=True) if message is not None}


def _disputes(
    query: RecallQuery, items: Sequence[Recalled], conflicts: Sequence[Conflict]
) -> Sequence[tuple[Conflict, Recalled]]:
    """Return the open conflicts about what was found, each with the first of the memories that it is about."""
    shown = [conflict for conflict in conflicts if query.may_show(conflict.session_id)]
    return [
        (conflict, item)
        for item in items
        for conflict in shown
        if item.memory is not None and item.memory.chain_id == conflict.conflicting[0].chain_id
    ]
