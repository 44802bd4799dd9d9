"""Delete a session."""

from __future__ import annotations

from functools import partial

from service.domain.ids import ProjectId, Scope, SessionId, UserId, parse_session_id
from service.domain.memories import MemoryChange
from service.domain.ports.stores import ConflictStore, MemoryStore, SessionStore, UserStore
from service.usecases.memory.removal import chain_without_session, removal
from service.usecases.retries import until_current


class DeleteSession:
    """Removes a session with its messages, its summary and every memory version that it created."""

    def __init__(self, users: UserStore, sessions: SessionStore, memories: MemoryStore, conflicts: ConflictStore) -> None:
        """Keep the stores."""
        self._users = users
        self._sessions = sessions
        self._memories = memories
        self._conflicts = conflicts

    async def __call__(self, project_id: ProjectId, user_id: UserId, session_id: str) -> None:
        """Remove the session. Raises UserNotFound, SessionNotFound, LegalHold, ConcurrentChange when others kept winning."""
        scope = (await self._users.get(project_id, user_id)).scope
        known = parse_session_id(session_id)
        await self._sessions.get(scope, known)
        await until_current(partial(self._delete, scope, known))

    async def _delete(self, scope: Scope, session_id: SessionId) -> None:
        await self._sessions.delete(scope, session_id, await self._change(scope, session_id))

    async def _change(self, scope: Scope, session_id: SessionId) -> MemoryChange:
        revision = await self._memories.revision(scope)
        before = await self._memories.chains_of_session(scope, session_id)
        after = {chain.chain_id: chain_without_session(chain, session_id) for chain in before}
        conflicts = await self._conflicts.every(scope)
        return await removal(
            self._memories, scope, conflicts, revision=revision, before=before, after=after, session_id=session_id
        )
