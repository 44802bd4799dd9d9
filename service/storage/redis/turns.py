"""Turns: what brackets a call of a model, each in one round trip for a user whom this process has met before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from service.domain.errors import ConcurrentChange, SessionNotFound
from service.domain.ids import ProjectId, Scope, SessionId, UserId
from service.domain.sessions import NewMessage, NewSession, Session
from service.domain.users import User
from service.storage.redis.sessions import RedisSessions
from service.storage.redis.users import RedisUsers

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RedisTurns:
    """Implements `TurnStore`. The scripts make sure that a user still has the id that it had when it was last seen."""

    users: RedisUsers
    sessions: RedisSessions

    async def resume(
        self,
        project_id: ProjectId,
        user_id: UserId,
        timeout: timedelta,  # noqa: ASYNC109 - a span of inactivity, no deadline of the call
        session: NewSession,
    ) -> tuple[User, Session, bool]:
        """Return the user, and its session as `SessionStore.resume` does. Raises UserNotFound."""
        return await self._of(
            project_id, user_id, lambda scope: self.sessions.resume_of(scope, user_id, timeout, session), ConcurrentChange
        )

    async def add(
        self, project_id: ProjectId, user_id: UserId, session_id: SessionId, parts: Sequence[tuple[str, Sequence[NewMessage]]]
    ) -> None:
        """Append what is new of *parts* in one step. Raises UserNotFound, SessionNotFound, SessionNotWritable."""
        await self._of(
            project_id,
            user_id,
            lambda scope: self.sessions.said.add_parts(scope, session_id, parts, owner=user_id),
            SessionNotFound,
        )

    async def _of(
        self, project_id: ProjectId, user_id: UserId, call: Callable[[Scope], Awaitable[T]], refused: type[Exception]
    ) -> T:
        """Return what *call* gives, which raises *refused* where the user of a scope has another id. Raises UserNotFound."""
        seen = self.users.last_seen(project_id, user_id)
        if seen is not None:
            # the user was deleted or renamed since, or it is refused for another reason: then it is refused again
            with suppress(refused):
                return await call(seen)
        return await call((await self.users.get(project_id, user_id)).scope)
