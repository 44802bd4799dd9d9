"""Create a project."""

from __future__ import annotations

from uuid import uuid4

from service.domain.errors import InvalidRequest
from service.domain.ids import ProjectId
from service.domain.ports.models import Clock
from service.domain.ports.stores import ProjectStore
from service.domain.projects import Project, ProjectSettings


class CreateProject:
    """Adds a project, which has no key yet."""

    def __init__(self, projects: ProjectStore, clock: Clock) -> None:
        """Keep the store and the clock."""
        self._projects = projects
        self._clock = clock

    async def __call__(self, project_id: ProjectId | None, *, name: str, settings: ProjectSettings) -> Project:
        """Return the new project; *project_id* None means a random UUID. Raises ProjectAlreadyExists, InvalidRequest."""
        check_settings(settings)
        project = Project(
            project_id=project_id or ProjectId(str(uuid4())), name=name, created_at=self._clock.now(), settings=settings
        )
        return await self._projects.create(project)


def check_settings(settings: ProjectSettings) -> None:
    """Raise InvalidRequest when two categories have one name, or a keyword is blank."""
    for place, keyword in enumerate(settings.guidance.excluded_keywords):
        if not keyword.strip():
            raise InvalidRequest.of(f"settings.guidance.excluded_keywords[{place}]", "must not be blank")
    names = [category.name for category in settings.categories]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise InvalidRequest.of(f"settings.categories[{place}].name", "must differ from the names before it")
