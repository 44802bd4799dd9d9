"""List memories."""

from __future__ import annotations

from service.domain.errors import CategoriesUnknown
from service.domain.ids import ProjectId, UserId
from service.domain.memories import MemoryFilter, MemoryView
from service.domain.ports.stores import ConflictStore, MemoryStore, ProjectStore, UserStore
from service.domain.projects import DEFAULT_CATEGORIES
from service.domain.values import Page, PageRequest
from service.usecases.memory.views import connected_versions, disputed

MAX_NAMED = 10
"""The most unknown categories that one error names: errors travel in headers."""


class ListMemories:
    """Pages through a user's memories in their newest versions."""

    def __init__(self, projects: ProjectStore, users: UserStore, memories: MemoryStore, conflicts: ConflictStore) -> None:
        """Keep the stores."""
        self._projects = projects
        self._users = users
        self._memories = memories
        self._conflicts = conflicts

    async def __call__(
        self,
        project_id: ProjectId,
        user_id: UserId,
        page: PageRequest,
        wanted: MemoryFilter,
        *,
        include_connected: bool = True,
    ) -> Page[MemoryView]:
        """
        Return one page of the *wanted* memories, newest first, with what they are connected to if asked for.

        Raises UserNotFound, CategoriesUnknown.
        """
        scope = (await self._users.get(project_id, user_id)).scope
        await self._check_categories(project_id, wanted.categories)
        chains = await self._memories.list(scope, page, wanted)
        connected = await connected_versions(self._memories, scope, chains.items) if include_connected else []
        dispute = await disputed(self._conflicts, scope)
        views = [
            MemoryView(
                chain=chain,
                memory_id=chain.current.memory_id,
                connected=connected[place] if connected else (),
                disputed=dispute.holds(chain, chain.current.memory_id),
            )
            for place, chain in enumerate(chains.items)
        ]
        return Page(items=views, offset=chains.offset, total=chains.total)

    async def _check_categories(self, project_id: ProjectId, names: frozenset[str]) -> None:
        if not names:
            return
        project = await self._projects.get(project_id)
        configured = {category.name for category in project.settings.categories or DEFAULT_CATEGORIES}
        if unknown := names - configured:
            # a category that was removed from the settings stays on the memories that have it
            unknown -= await self._memories.categories_in_use(project_id)
        if unknown:
            raise CategoriesUnknown(sorted(unknown)[:MAX_NAMED])
