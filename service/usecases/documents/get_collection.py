"""Get a collection."""

from __future__ import annotations

from collections.abc import Sequence

from service.domain.documents import Collection, Member
from service.domain.ids import CollectionId, ProjectId, UserId
from service.domain.ports.documents import DocumentStore
from service.domain.ports.stores import UserStore


class GetCollection:
    """Returns one collection with what is in it."""

    def __init__(self, users: UserStore, documents: DocumentStore) -> None:
        """Keep the stores."""
        self._users = users
        self._documents = documents

    async def __call__(
        self, project_id: ProjectId, user_id: UserId, collection_id: CollectionId
    ) -> tuple[Collection, Sequence[Member]]:
        """Return the collection and its members in their order. Raises UserNotFound, CollectionNotFound."""
        scope = (await self._users.get(project_id, user_id)).scope
        return await self._documents.collection(scope, collection_id), await self._documents.members(scope, collection_id)
