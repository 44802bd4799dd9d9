"""Get a project."""

from __future__ import annotations

from service.domain.ids import ProjectId
from service.domain.ports.stores import ProjectStore
from service.domain.projects import Project


class GetProject:
    """Returns one project."""

    def __init__(self, projects: ProjectStore) -> None:
        """Keep the store."""
        self._projects = projects

    async def __call__(self, project_id: ProjectId) -> Project:
        """Return the project. Raises ProjectNotFound."""
        return await self._projects.get(project_id)
