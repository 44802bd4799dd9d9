"""Projects and their API keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from service.domain.errors import ApiKeyNotFound, ProjectAlreadyExists, ProjectNotFound
from service.domain.ids import KeyId, ProjectId
from service.domain.projects import ApiKey, Project, ProjectSettings
from service.domain.values import Page, PageRequest
from service.storage.redis.codec import micros, read_key, read_project, write_key, write_settings
from service.storage.redis.database import Database, span
from service.storage.redis.keys import PROJECTS, ProjectKeys, api_key


@dataclass(frozen=True, slots=True)
class RedisProjects:
    """Implements `ProjectStore`. The list of projects has a slot of its own and is written again with each change of one."""

    database: Database

    async def create(self, project: Project) -> Project:
        """Store a new project; its `created_at` is kept. Raises ProjectAlreadyExists."""
        fields = {
            "name": project.name,
            "created_at": str(micros(project.created_at)),
            "settings": write_settings(project.settings),
        }
        created = await self.database.run("create_project", [ProjectKeys(project.project_id).record], _flat(fields))
        await self._enlist(await self.get(project.project_id))
        if not created:
            raise ProjectAlreadyExists(project_id=project.project_id)
        return project

    async def get(self, project_id: ProjectId) -> Project:
        """Return the project. Raises ProjectNotFound."""
        record = await self.database.get("HGETALL", ProjectKeys(project_id).record)
        if not record:
            raise ProjectNotFound(project_id=project_id)
        return read_project(project_id, record)

    async def list(self, page: PageRequest) -> Page[Project]:
        """Return one page of projects, newest first."""
        total, ids = await self.database.send(("ZCARD", PROJECTS), ("ZREVRANGE", PROJECTS, *span(page.offset, page.limit)))
        records = await self.database.send(*(("HGETALL", ProjectKeys(ProjectId(id_)).record) for id_ in ids))
        items = [read_project(ProjectId(id_), record) for id_, record in zip(ids, records, strict=True) if record]
        return Page(items=items, offset=page.offset, total=total)

    async def update(self, project_id: ProjectId, *, name: str | None, settings: ProjectSettings | None) -> Project:
        """Replace what is not None. Raises ProjectNotFound."""
        fields = {}
        if name is not None:
            fields["name"] = name
        if settings is not None:
            fields["settings"] = write_settings(settings)
        if not await self.database.run("update_project", [ProjectKeys(project_id).record], _flat(fields)):
            raise ProjectNotFound(project_id=project_id)
        project = await self.get(project_id)
        await self._enlist(project)
        return project

    async def add_key(self, key: ApiKey) -> None:
        """Store a new key of an existing project. Raises ProjectNotFound."""
        keys = ProjectKeys(key.project_id)
        # listed first: a key that is listed and missing is skipped, one that works and is not listed would never be found
        if not await self.database.run("list_key", [keys.record, keys.keys], [micros(key.created_at), key.key_id]):
            raise ProjectNotFound(project_id=key.project_id)
        await self.database.run("add_key", [api_key(key.key_id)], _flat(write_key(key)))

    async def get_key(self, key_id: KeyId) -> ApiKey | None:
        """Return the key, revoked or not, or None."""
        record = await self.database.get("HGETALL", api_key(key_id))
        return read_key(key_id, record) if record else None

    async def list_keys(self, project_id: ProjectId) -> Sequence[ApiKey]:
        """Return every key of the project, newest first. Raises ProjectNotFound."""
        await self.get(project_id)
        ids = [KeyId(id_) for id_ in await self.database.get("ZREVRANGE", ProjectKeys(project_id).keys, 0, -1)]
        records = await self.database.send(*(("HGETALL", api_key(id_)) for id_ in ids))
        found = [read_key(id_, record) for id_, record in zip(ids, records, strict=True) if record]
        return [key for key in found if key.project_id == project_id]

    async def revoke_key(self, project_id: ProjectId, key_id: KeyId) -> None:
        """Mark the key as revoked now; a revoked one keeps its time. Raises ApiKeyNotFound."""
        if not await self.database.run("revoke_key", [api_key(key_id)], [project_id]):
            raise ApiKeyNotFound(key_id=key_id)

    async def _enlist(self, project: Project) -> None:
        await self.database.get("ZADD", PROJECTS, micros(project.created_at), project.project_id)


def _flat(fields: Mapping[str, str]) -> Sequence[str]:
    return list(chain.from_iterable(fields.items()))
