"""List API keys."""

from __future__ import annotations

from collections.abc import Sequence

from service.domain.ids import ProjectId
from service.domain.ports.stores import ProjectStore
from service.domain.projects import ApiKey


class ListKeys:
    """Returns the keys of a project."""

    def __init__(self, projects: ProjectStore) -> None:
        """Keep the store."""
        self._projects = projects

    async def __call__(self, project_id: ProjectId) -> Sequence[ApiKey]:
        """Return every key, newest first, revoked ones too. Raises ProjectNotFound."""
        return await self._projects.list_keys(project_id)
