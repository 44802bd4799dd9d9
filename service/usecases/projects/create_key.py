"""Create an API key."""

from __future__ import annotations

from service.domain.ids import ProjectId
from service.domain.ports.models import Clock
from service.domain.ports.stores import ProjectStore
from service.domain.projects import ApiKey, KeyScope
from service.usecases.projects.keys import digest_of, key_id_of, mint_key


class CreateKey:
    """Adds a key to a project."""

    def __init__(self, projects: ProjectStore, clock: Clock, *, pepper: bytes) -> None:
        """Keep the store, the clock and the *pepper* that digests are made with."""
        self._projects = projects
        self._clock = clock
        self._pepper = pepper

    async def __call__(
        self, project_id: ProjectId, *, name: str, scopes: frozenset[KeyScope], text: str | None = None
    ) -> tuple[ApiKey, str]:
        """
        Return the new key and its text, which is kept nowhere. No *scopes* mean the project scope; no *text* means a random one.

        Raises ProjectNotFound.
        """
        text = text or mint_key()
        key = ApiKey(
            key_id=key_id_of(text, pepper=self._pepper),
            project_id=project_id,
            digest=digest_of(text, pepper=self._pepper),
            scopes=scopes or frozenset({KeyScope.PROJECT}),
            name=name,
            created_at=self._clock.now(),
        )
        await self._projects.add_key(key)
        return key, text
