"""Get a document."""

from __future__ import annotations

from service.domain.ids import DocumentId, ProjectId, UserId
from service.domain.ports.documents import DocumentStore
from service.domain.ports.stores import UserStore
from service.usecases.documents.views import DocumentView, DocumentViews


class GetDocument:
    """Returns one document, without its text."""

    def __init__(self, users: UserStore, documents: DocumentStore, views: DocumentViews) -> None:
        """Keep the stores and what completes a document."""
        self._users = users
        self._documents = documents
        self._views = views

    async def __call__(self, project_id: ProjectId, user_id: UserId | None, document_id: DocumentId) -> DocumentView:
        """Return the document of a user, of whoever has it when *user_id* is None. Raises UserNotFound, DocumentNotFound."""
        if user_id is None:
            scope = await self._documents.owner(project_id, document_id)
        else:
            scope = (await self._users.get(project_id, user_id)).scope
        (view,) = await self._views.of(scope, [await self._documents.get(scope, document_id)])
        return view
