"""Create a collection."""

from __future__ import annotations

from uuid import uuid4

from service.domain.documents import Collection, NewCollection
from service.domain.ids import CollectionId, ProjectId, UserId
from service.domain.ports.documents import DocumentStore
from service.domain.ports.stores import UserStore
from service.usecases.users.ensure import user_of


def new_collection_id() -> CollectionId:
    """Return an id for a collection whose caller named none."""
    return CollectionId(str(uuid4()))


class CreateCollection:
    """Adds a collection to a user."""

    def __init__(self, users: UserStore, documents: DocumentStore) -> None:
        """Keep the stores."""
        self._users = users
        self._documents = documents

    async def __call__(
        self, project_id: ProjectId, user_id: UserId, collection: NewCollection, *, allow_new_user: bool = False
    ) -> Collection:
        """
        Return the new collection. With *allow_new_user* a user that does not exist is created.

        Raises UserNotFound, CollectionAlreadyExists.
        """
        scope = (await user_of(self._users, project_id, user_id, create=allow_new_user)).scope
        return await self._documents.create_collection(scope, collection)
