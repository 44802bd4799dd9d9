"""Put a document into a collection."""

from __future__ import annotations

from service.domain.ids import CollectionId, DocumentId, ProjectId, UserId
from service.domain.ports.documents import DocumentStore
from service.domain.ports.stores import UserStore


class AddToCollection:
    """Puts a document into a collection, or gives it another position there."""

    def __init__(self, users: UserStore, documents: DocumentStore) -> None:
        """Keep the stores."""
        self._users = users
        self._documents = documents

    async def __call__(
        self,
        project_id: ProjectId,
        user_id: UserId,
        collection_id: CollectionId,
        document_id: DocumentId,
        *,
        position: int | None,
    ) -> None:
        """Put it there. Raises UserNotFound, CollectionNotFound, DocumentNotFound."""
        scope = (await self._users.get(project_id, user_id)).scope
        await self._documents.add_member(scope, collection_id, document_id, position=position)
