"""Which messages of a user are held for legal reasons."""

from __future__ import annotations

from collections.abc import Mapping

from service.domain.deletions import ForgetFilter
from service.domain.event_errors import LegalHold
from service.domain.ids import Scope, SessionId
from service.domain.memories import Source
from service.domain.ports.stores import SessionStore
from service.usecases.deletions.coverage import Coverage


class Holds:
    """Finds what is held, and refuses to delete it. Costs one look at the store where nothing is."""

    def __init__(self, sessions: SessionStore) -> None:
        """Keep the store."""
        self._sessions = sessions
        self._coverage = Coverage(sessions)

    async def covered(self, scope: Scope, wanted: ForgetFilter) -> Mapping[SessionId, frozenset[int]]:
        """Return the places of the messages that are held and that *wanted* covers, by their session."""
        held = await self._sessions.held(scope)
        if not held:
            return {}
        found: dict[SessionId, frozenset[int]] = {}
        for session in await self._coverage.sessions(scope, wanted):
            sources = [Source(session.session_id, place) for place in sorted(held.get(session.session_id, ()))]
            messages = await self._sessions.messages_at(scope, sources)
            if places := frozenset(message.index for message in messages if message is not None and wanted.covers(message)):
                found[session.session_id] = places
        return found

    async def refuse(self, scope: Scope, wanted: ForgetFilter) -> None:
        """Raise LegalHold when a message that *wanted* covers is held."""
        if await self.covered(scope, wanted):
            raise LegalHold

    async def refuse_sources(self, scope: Scope, sources: frozenset[Source]) -> None:
        """Raise LegalHold when one of some messages is held."""
        held = await self._sessions.held(scope)
        if any(source.message_index in held.get(source.session_id, ()) for source in sources):
            raise LegalHold
