"""Delete a collection."""

from __future__ import annotations

from service.domain.ids import CollectionId, ProjectId, UserId
from service.domain.ports.documents import DocumentStore
from service.domain.ports.stores import UserStore


class DeleteCollection:
    """Removes a collection; its documents stay."""

    def __init__(self, users: UserStore, documents: DocumentStore) -> None:
        """Keep the stores."""
        self._users = users
        self._documents = documents

    async def __call__(self, project_id: ProjectId, user_id: UserId, collection_id: CollectionId) -> None:
        """Remove the collection. Raises UserNotFound, CollectionNotFound."""
        scope = (await self._users.get(project_id, user_id)).scope
        await self._documents.delete_collection(scope, collection_id)
