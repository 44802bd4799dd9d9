"""The store of documents. Every call takes a `Scope` or a project id and can reach nothing outside it; every write is atomic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from service.domain.deletions import ForgetFilter
from service.domain.documents import Collection, Document, DocumentFilter, Member, NewCollection, NewDocument, Passage, Section
from service.domain.ids import CollectionId, DocumentId, ProjectId, Scope, UploadId
from service.domain.values import Page, PageRequest


class DocumentStore(Protocol):
    """Documents of one user, with ids that only one user of a project can hold, and the user's collections of them."""

    async def put(self, scope: Scope, document: NewDocument) -> Document:
        """
        Store a document, in place of the one with its id, and queue index entries for its chunks and the older ones, in one step.

        Collections keep it. Raises DocumentOfAnotherUser, UserNotFound, ConcurrentChange.
        """
        ...

    async def get(self, scope: Scope, document_id: DocumentId) -> Document:
        """Return the document. Raises DocumentNotFound."""
        ...

    async def known(self, scope: Scope, document_ids: Sequence[DocumentId]) -> Sequence[Document | None]:
        """Return documents, None where the user has none, in the same order, in one round trip."""
        ...

    async def owner(self, project_id: ProjectId, document_id: DocumentId) -> Scope:
        """Return whose the document is. Raises DocumentNotFound."""
        ...

    async def list(self, scope: Scope, page: PageRequest, wanted: DocumentFilter) -> Page[Document]:
        """Return one page of documents, newest first. Raises CollectionNotFound."""
        ...

    async def sections(self, scope: Scope, upload_id: UploadId) -> Sequence[Section]:
        """Return the sections of an upload in their order; none when it is gone."""
        ...

    async def passages(self, scope: Scope, chunk_ids: Sequence[str]) -> Sequence[Passage | None]:
        """Return chunks with their documents, None where there is none (any more), in the same order, in one round trip."""
        ...

    async def erased(self, scope: Scope, wanted: ForgetFilter) -> Mapping[UploadId, int]:
        """Return the uploads that went for a forgetting that is not committed yet, and how many chunks each had."""
        ...

    async def delete(self, scope: Scope, document_id: DocumentId, *, wanted: ForgetFilter | None = None) -> Document:
        """
        Remove the document with its chunks from everything that holds it, and return it. With *wanted* they are `erased` for the
        forgetting of it. Raises DocumentNotFound.
        """
        ...

    async def create_collection(self, scope: Scope, collection: NewCollection) -> Collection:
        """Store a new collection. Raises CollectionAlreadyExists, UserNotFound."""
        ...

    async def collection(self, scope: Scope, collection_id: CollectionId) -> Collection:
        """Return the collection. Raises CollectionNotFound."""
        ...

    async def collections(self, scope: Scope, page: PageRequest, *, group: str | None = None) -> Page[Collection]:
        """Return one page of the collections of a *group*, None for all, newest first."""
        ...

    async def members(self, scope: Scope, collection_id: CollectionId) -> Sequence[Member]:
        """Return what is in the collection, by position, then by the time when it was added. Raises CollectionNotFound."""
        ...

    async def collections_of(self, scope: Scope, document_ids: Sequence[DocumentId]) -> Sequence[Sequence[CollectionId]]:
        """Return the ids of the collections that hold each document, in order of the ids, in two round trips."""
        ...

    async def delete_collection(self, scope: Scope, collection_id: CollectionId) -> None:
        """Remove the collection; its documents stay. Raises CollectionNotFound."""
        ...

    async def add_member(
        self, scope: Scope, collection_id: CollectionId, document_id: DocumentId, *, position: int | None
    ) -> None:
        """
        Put a document into a collection; one that is in it gets the new position and stays where it was among equals.

        Raises CollectionNotFound, DocumentNotFound.
        """
        ...

    async def remove_member(self, scope: Scope, collection_id: CollectionId, document_id: DocumentId) -> None:
        """
        Take a document out of a collection; it stays a document.

        Raises CollectionNotFound, DocumentNotFound, DocumentNotInCollection.
        """
        ...
