"""Which of a user's messages a request to forget covers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from service.domain.deletions import ForgetFilter
from service.domain.errors import SessionNotFound
from service.domain.ids import Scope, SessionId
from service.domain.memories import Source
from service.domain.ports.stores import SessionStore
from service.domain.sessions import Session, SessionFilter
from service.usecases.paging import every
from service.usecases.transcripts import all_messages

_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """A session, which of its messages are covered, and the newest time of those that stay, None when none does."""

    session: Session
    indexes: tuple[int, ...]
    newest_left: datetime | None

    @property
    def sources(self) -> frozenset[Source]:
        """The covered messages."""
        return frozenset(Source(session_id=self.session.session_id, message_index=index) for index in self.indexes)


class Coverage:
    """Finds the messages that are not forgotten yet and that a request covers."""

    def __init__(self, sessions: SessionStore) -> None:
        """Keep the store."""
        self._sessions = sessions

    async def __call__(self, scope: Scope, wanted: ForgetFilter) -> Sequence[Covered]:
        """Return the sessions with at least one covered message."""
        sessions = [session for session in await self.sessions(scope, wanted) if session.remembered_count]
        found: list[Covered | None] = []
        for start in range(0, len(sessions), _AT_ONCE):
            batch = sessions[start : start + _AT_ONCE]
            found += await asyncio.gather(*(self._covered(scope, session, wanted) for session in batch))
        return [covered for covered in found if covered is not None]

    async def sessions(self, scope: Scope, wanted: ForgetFilter) -> Sequence[Session]:
        """Return the sessions that meet the conditions on sessions."""
        if wanted.thread is None and wanted.group is None and wanted.session_id is None:
            # of one that a new one moved to the next page the second reading counts
            found = {one.session_id: one async for one in every(partial(self._sessions.list, scope, wanted=SessionFilter()))}
            return list(found.values())
        ids = frozenset({wanted.session_id} if wanted.session_id is not None else ())
        if wanted.thread is not None or wanted.group is not None:
            within = await self._sessions.within(scope, thread=wanted.thread, group=wanted.group)
            ids = ids & within if wanted.session_id is not None else within
        return await self.read(scope, ids)

    async def read(self, scope: Scope, session_ids: frozenset[SessionId]) -> Sequence[Session]:
        """Return those of some sessions that there are."""
        found = await asyncio.gather(*(self._read(scope, session_id) for session_id in sorted(session_ids)))
        return [session for session in found if session is not None]

    async def _read(self, scope: Scope, session_id: SessionId) -> Session | None:
        try:
            return await self._sessions.get(scope, session_id)
        except SessionNotFound:
            return None

    async def _covered(self, scope: Scope, session: Session, wanted: ForgetFilter) -> Covered | None:
        try:
            messages = await all_messages(self._sessions, scope, session.session_id)
        except SessionNotFound:
            return None
        indexes = tuple(message.index for message in messages if wanted.covers(message))
        left = [message.timestamp for message in messages if not wanted.covers(message)]
        return Covered(session=session, indexes=indexes, newest_left=max(left, default=None)) if indexes else None
