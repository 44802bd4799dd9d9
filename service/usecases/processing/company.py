"""Which memories a session's statements may become a part of: a memory must be recalled wherever all of its words may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from service.domain.ids import Scope, SessionId
from service.domain.ports.stores import SessionStore
from service.domain.sessions import SessionOrigin, Visibility

Company: TypeAlias = Callable[[SessionId], bool]
"""Tells whether what a session says is seen from the very same places."""


async def company_of(sessions: SessionStore, scope: Scope, origin: SessionOrigin) -> Company:
    """Return what tells the sessions that are seen from where a session of this *origin* is, and from nowhere else."""
    limited = await sessions.hidden(scope)
    match origin.visibility:
        case Visibility.THREAD:
            kin = limited - await sessions.hidden(scope, thread=origin.thread)
        case Visibility.GROUP:
            kin = limited - await sessions.hidden(scope, group=origin.group)
        case Visibility.GLOBAL:
            return lambda session_id: session_id not in limited
    return kin.__contains__
