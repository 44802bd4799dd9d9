"""Delete a memory."""

from __future__ import annotations

from functools import partial

from service.domain.ids import MemoryId, ProjectId, Scope, UserId, parse_memory_id
from service.domain.memories import MemoryChange
from service.domain.ports.stores import ConflictStore, MemoryStore, UserStore
from service.usecases.deletions.holds import Holds
from service.usecases.memory.removal import removal
from service.usecases.retries import until_current


class DeleteMemory:
    """Removes one version of a memory, or it and all older ones."""

    def __init__(self, users: UserStore, memories: MemoryStore, conflicts: ConflictStore, holds: Holds) -> None:
        """Keep the stores, and what finds holds."""
        self._users = users
        self._memories = memories
        self._conflicts = conflicts
        self._holds = holds

    async def __call__(self, project_id: ProjectId, user_id: UserId, memory_id: str, *, with_older: bool) -> None:
        """
        Remove the version, and the older ones if *with_older*. When the newest goes, the newest that is left is current again.

        Raises UserNotFound, MemoryNotFound, LegalHold, ConcurrentChange when other writers kept winning.
        """
        scope = (await self._users.get(project_id, user_id)).scope
        known = parse_memory_id(memory_id)
        await until_current(partial(self._delete, scope, known, with_older=with_older))

    async def _delete(self, scope: Scope, memory_id: MemoryId, *, with_older: bool) -> None:
        await self._memories.apply(scope, await self._change(scope, memory_id, with_older=with_older))

    async def _change(self, scope: Scope, memory_id: MemoryId, *, with_older: bool) -> MemoryChange:
        revision = await self._memories.revision(scope)
        chain = await self._memories.chain_of(scope, memory_id)
        ids = [version.memory_id for version in chain.versions]
        place = ids.index(memory_id)
        removed = frozenset(ids[: place + 1]) if with_older else frozenset({memory_id})
        gone = [version for version in chain.versions if version.memory_id in removed]
        await self._holds.refuse_sources(scope, frozenset(source for version in gone for source in version.sources))
        after = {chain.chain_id: chain.without(removed)}
        conflicts = await self._conflicts.every(scope)
        return await removal(self._memories, scope, conflicts, revision=revision, before=[chain], after=after)
