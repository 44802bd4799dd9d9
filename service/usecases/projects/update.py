"""Update a project."""

from __future__ import annotations

from service.domain.ids import ProjectId
from service.domain.ports.stores import ProjectStore
from service.domain.projects import Project, ProjectSettings
from service.usecases.projects.create import check_settings


class UpdateProject:
    """Changes the name or the settings of a project."""

    def __init__(self, projects: ProjectStore) -> None:
        """Keep the store."""
        self._projects = projects

    async def __call__(self, project_id: ProjectId, *, name: str | None, settings: ProjectSettings | None) -> Project:
        """Return the project as it is then; None changes nothing. Raises ProjectNotFound, InvalidRequest."""
        if settings is not None:
            check_settings(settings)
        return await self._projects.update(project_id, name=name, settings=settings)
