"""Get a memory."""

from __future__ import annotations

from service.domain.ids import ProjectId, UserId, parse_memory_id
from service.domain.memories import MemoryView
from service.domain.ports.stores import ConflictStore, MemoryStore, UserStore
from service.usecases.memory.views import connected_versions, disputed


class GetMemory:
    """Returns one version of a memory, which need not be the newest."""

    def __init__(self, users: UserStore, memories: MemoryStore, conflicts: ConflictStore) -> None:
        """Keep the stores."""
        self._users = users
        self._memories = memories
        self._conflicts = conflicts

    async def __call__(
        self, project_id: ProjectId, user_id: UserId, memory_id: str, *, include_connected: bool = True
    ) -> MemoryView:
        """Return the version with its chain, and what it is connected to if asked for. Raises UserNotFound, MemoryNotFound."""
        scope = (await self._users.get(project_id, user_id)).scope
        known = parse_memory_id(memory_id)
        chain = await self._memories.chain_of(scope, known)
        (connected,) = await connected_versions(self._memories, scope, [chain]) if include_connected else [()]
        dispute = await disputed(self._conflicts, scope)
        return MemoryView(chain=chain, memory_id=known, connected=connected, disputed=dispute.holds(chain, known))
