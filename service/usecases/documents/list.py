"""List documents."""

from __future__ import annotations

from service.domain.documents import DocumentFilter
from service.domain.ids import ProjectId, UserId
from service.domain.ports.documents import DocumentStore
from service.domain.ports.stores import UserStore
from service.domain.values import Page, PageRequest
from service.usecases.documents.views import DocumentView, DocumentViews


class ListDocuments:
    """Returns one page of the documents of a user, newest first."""

    def __init__(self, users: UserStore, documents: DocumentStore, views: DocumentViews) -> None:
        """Keep the stores and what completes a list."""
        self._users = users
        self._documents = documents
        self._views = views

    async def __call__(
        self, project_id: ProjectId, user_id: UserId, page: PageRequest, wanted: DocumentFilter
    ) -> Page[DocumentView]:
        """Return the page. Raises UserNotFound, CollectionNotFound."""
        scope = (await self._users.get(project_id, user_id)).scope
        found = await self._documents.list(scope, page, wanted)
        return Page(items=await self._views.of(scope, found.items), offset=found.offset, total=found.total)
