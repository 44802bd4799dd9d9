"""Forget, unless something of it must be kept."""

from __future__ import annotations

from service.domain.deletions import DeletionReceipt, ForgetFilter
from service.domain.errors import UserNotFound
from service.domain.event_errors import LegalHold
from service.domain.ids import ProjectId, Scope, UserId
from service.domain.ports.stores import SessionStore, UserStore
from service.domain.sessions import HELD
from service.usecases.deletions.coverage import Coverage
from service.usecases.deletions.forget import Forget


class ForgetUnlessHeld:
    """Forgets as `Forget` does, and nothing at all when a covered message is held for legal reasons."""

    def __init__(self, users: UserStore, sessions: SessionStore, forget: Forget) -> None:
        """Keep the stores, and what forgets."""
        self._users = users
        self._sessions = sessions
        self._coverage = Coverage(sessions)
        self._forget = forget

    async def __call__(self, project_id: ProjectId, user_id: UserId, wanted: ForgetFilter) -> DeletionReceipt:
        """Forget what *wanted* covers and return the receipt. Raises LegalHold, InvalidRequest, ConcurrentChange."""
        try:
            user = await self._users.get(project_id, user_id)
        except UserNotFound:
            return await self._forget(project_id, user_id, wanted)
        if await self._is_held(user.scope, wanted):
            raise LegalHold
        return await self._forget(project_id, user_id, wanted)

    async def _is_held(self, scope: Scope, wanted: ForgetFilter) -> bool:
        """Return whether a message that *wanted* covers is held."""
        for covered in await self._coverage(scope, wanted):
            messages = await self._sessions.messages_at(scope, sorted(covered.sources))
            if any(message is not None and message.kind == HELD for message in messages):
                return True
        return False
