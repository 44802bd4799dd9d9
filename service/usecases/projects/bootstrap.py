"""Make the first project and its key."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from service.domain.errors import InvalidRequest, ProjectAlreadyExists
from service.domain.ids import ProjectId
from service.domain.ports.stores import ProjectStore
from service.domain.projects import ProjectSettings
from service.domain.values import PageRequest
from service.usecases.projects.create import CreateProject
from service.usecases.projects.create_key import CreateKey
from service.usecases.projects.keys import key_id_of

_NAME = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrapped:
    """The project to begin with, and the text of its key if this start made it: it can be shown only now."""

    project_id: ProjectId
    api_key: str | None


class Bootstrap:
    """Sees to it that there is a project with a key, so that a fresh installation can be used."""

    def __init__(self, projects: ProjectStore, create: CreateProject, create_key: CreateKey, *, pepper: bytes) -> None:
        """Keep the store, the use cases that make projects and keys, and the *pepper* of digests."""
        self._projects = projects
        self._create = create
        self._create_key = create_key
        self._pepper = pepper

    async def __call__(self, *, project_id: str | None, api_key: str | None) -> Bootstrapped:
        """
        Return the project to begin with: *project_id*, made if it is missing, else the oldest, else a new one. It gets the key
        *api_key*, or a random one if it has none. Nothing that exists is changed, so every start may call this.

        Raises InvalidRequest when *api_key* is another project's key.
        """
        known = await self._project(project_id)
        if api_key:
            return await self._with_chosen_key(known, api_key)
        # also when the project is old: a start that died between the project and its key must not lock the operator out
        if await self._projects.list_keys(known):
            return Bootstrapped(project_id=known, api_key=None)
        _, text = await self._create_key(known, name=_NAME, scopes=frozenset())
        return Bootstrapped(project_id=known, api_key=text)

    async def _project(self, wanted: str | None) -> ProjectId:
        if wanted:
            with suppress(ProjectAlreadyExists):
                await self._create(ProjectId(wanted), name=_NAME, settings=ProjectSettings())
            return ProjectId(wanted)
        newest = await self._projects.list(PageRequest(offset=0, limit=1))
        if not newest.total:
            return (await self._create(None, name=_NAME, settings=ProjectSettings())).project_id
        oldest = await self._projects.list(PageRequest(offset=newest.total - 1, limit=1))
        return (oldest.items or newest.items)[0].project_id

    async def _with_chosen_key(self, project_id: ProjectId, text: str) -> Bootstrapped:
        existing = await self._projects.get_key(key_id_of(text, pepper=self._pepper))
        if existing is None:
            await self._create_key(project_id, name=_NAME, scopes=frozenset(), text=text)
            return Bootstrapped(project_id=project_id, api_key=text)
        if existing.project_id != project_id:
            raise InvalidRequest.of("MNEME_BOOTSTRAP_API_KEY", "is the key of another project")
        return Bootstrapped(project_id=project_id, api_key=None)
