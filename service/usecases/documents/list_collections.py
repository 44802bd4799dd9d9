"""List collections."""

from __future__ import annotations

from service.domain.documents import Collection
from service.domain.ids import ProjectId, UserId
from service.domain.ports.documents import DocumentStore
from service.domain.ports.stores import UserStore
from service.domain.values import Page, PageRequest


class ListCollections:
    """Returns one page of the collections of a user, newest first."""

    def __init__(self, users: UserStore, documents: DocumentStore) -> None:
        """Keep the stores."""
        self._users = users
        self._documents = documents

    async def __call__(
        self, project_id: ProjectId, user_id: UserId, page: PageRequest, *, group: str | None = None
    ) -> Page[Collection]:
        """Return the page, of one *group* if it is given. Raises UserNotFound."""
        scope = (await self._users.get(project_id, user_id)).scope
        return await self._documents.collections(scope, page, group=group)
