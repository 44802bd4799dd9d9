"""Take a document out of a collection."""

from __future__ import annotations

from service.domain.ids import CollectionId, DocumentId, ProjectId, UserId
from service.domain.ports.documents import DocumentStore
from service.domain.ports.stores import UserStore


class RemoveFromCollection:
    """Takes a document out of a collection; it stays a document."""

    def __init__(self, users: UserStore, documents: DocumentStore) -> None:
        """Keep the stores."""
        self._users = users
        self._documents = documents

    async def __call__(
        self, project_id: ProjectId, user_id: UserId | None, collection_id: CollectionId, document_id: DocumentId
    ) -> None:
        """
        Take it out of a collection of a user, of whoever has the document when *user_id* is None.

        Raises UserNotFound, CollectionNotFound, DocumentNotFound, DocumentNotInCollection.
        """
        if user_id is None:
            scope = await self._documents.owner(project_id, document_id)
        else:
            scope = (await self._users.get(project_id, user_id)).scope
        await self._documents.remove_member(scope, collection_id, document_id)
