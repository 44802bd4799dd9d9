"""List projects."""

from __future__ import annotations

from service.domain.ports.stores import ProjectStore
from service.domain.projects import Project
from service.domain.values import Page, PageRequest


class ListProjects:
    """Pages through all projects."""

    def __init__(self, projects: ProjectStore) -> None:
        """Keep the store."""
        self._projects = projects

    async def __call__(self, page: PageRequest) -> Page[Project]:
        """Return one page of projects, newest first."""
        return await self._projects.list(page)
