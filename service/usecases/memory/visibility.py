"""What may be recalled from where."""

from __future__ import annotations

from dataclasses import replace

from service.domain.ports.stores import SessionStore
from service.domain.recall import RecallQuery
from service.domain.sessions import NOWHERE, SessionOrigin


async def seen_from(sessions: SessionStore, query: RecallQuery, place: SessionOrigin = NOWHERE) -> RecallQuery:
    """Return the *query* without the sessions that are not to be recalled from the thread and the group of *place*."""
    hidden = await sessions.hidden(query.scope, thread=place.thread, group=place.group)
    return replace(query, exclude_sessions=query.exclude_sessions | hidden) if hidden else query
