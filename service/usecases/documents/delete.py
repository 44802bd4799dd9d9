"""Delete a document."""

from __future__ import annotations

from service.domain.ids import DocumentId, ProjectId, UserId
from service.domain.ports.documents import DocumentStore
from service.domain.ports.stores import UserStore


class DeleteDocument:
    """Removes a document with its chunks; collections lose it."""

    def __init__(self, users: UserStore, documents: DocumentStore) -> None:
        """Keep the stores."""
        self._users = users
        self._documents = documents

    async def __call__(self, project_id: ProjectId, user_id: UserId | None, document_id: DocumentId) -> None:
        """Remove the document of a user, of whoever has it when *user_id* is None. Raises UserNotFound, DocumentNotFound."""
        if user_id is None:
            scope = await self._documents.owner(project_id, document_id)
        else:
            scope = (await self._users.get(project_id, user_id)).scope
        await self._documents.delete(scope, document_id)
