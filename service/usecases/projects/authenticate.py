"""Find out who is calling."""

from __future__ import annotations

import hmac

from service.domain.errors import CredentialsInvalid, CredentialsMissing
from service.domain.ports.stores import ProjectStore
from service.domain.projects import Principal
from service.usecases.projects.keys import digest_of, key_id_of


class Authenticate:
    """Turns the credentials of a call into a principal."""

    def __init__(self, projects: ProjectStore, *, pepper: bytes) -> None:
        """Keep the store and the *pepper* that digests are made with."""
        self._projects = projects
        self._pepper = pepper

    async def __call__(self, *, api_key: str, project_id: str | None) -> Principal:
        """
        Return the principal of a good key; *project_id* None means the key's own project.

        Raises CredentialsMissing when either text is empty, CredentialsInvalid when the key is unknown, revoked or not of the
        named project.
        """
        if not api_key or project_id == "":
            raise CredentialsMissing
        # not cached: one read of one record is cheap beside the call, and a revoked key is useless at once
        key = await self._projects.get_key(key_id_of(api_key, pepper=self._pepper))
        if key is None or not hmac.compare_digest(key.digest, digest_of(api_key, pepper=self._pepper)):
            raise CredentialsInvalid
        if key.revoked_at is not None or project_id not in (None, key.project_id):
            raise CredentialsInvalid
        return Principal(project_id=key.project_id, scopes=key.scopes)
