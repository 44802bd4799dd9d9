"""Revoke an API key."""

from __future__ import annotations

from service.domain.ids import KeyId, ProjectId
from service.domain.ports.stores import ProjectStore


class RevokeKey:
    """Makes a key useless from the next call on."""

    def __init__(self, projects: ProjectStore) -> None:
        """Keep the store."""
        self._projects = projects

    async def __call__(self, project_id: ProjectId, key_id: KeyId) -> None:
        """Revoke the key; a revoked one keeps its time. Raises ApiKeyNotFound."""
        await self._projects.revoke_key(project_id, key_id)
