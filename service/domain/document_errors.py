"""
What Mneme raises about documents and collections: a part of the tree of `errors.py`.

    InvalidRequest
    └── DocumentTooLarge
    NotFound
    └── DocumentNotFound · CollectionNotFound · DocumentNotInCollection
    AlreadyExists
    └── DocumentOfAnotherUser · CollectionAlreadyExists
"""

from __future__ import annotations

from service.domain.errors import AlreadyExists, InvalidRequest, NotFound


class DocumentTooLarge(InvalidRequest):
    """A document has more bytes than one may have."""

    reason = "DOCUMENT_TOO_LARGE"

    def __init__(self, *, size: int, limit: int) -> None:
        """Name both, in bytes of UTF-8."""
        super().__init__(f"The document has {size} bytes, at most {limit} are allowed", size=str(size), limit=str(limit))


class DocumentNotFound(NotFound):
    """The user, or where none is named the project, has no such document."""

    reason = "DOCUMENT_NOT_FOUND"

    def __init__(self, *, document_id: str) -> None:
        """Name the document."""
        super().__init__(f"Document {document_id} not found", document_id=document_id)


class CollectionNotFound(NotFound):
    """The user has no such collection of documents."""

    reason = "COLLECTION_NOT_FOUND"

    def __init__(self, *, collection_id: str) -> None:
        """Name the collection."""
        super().__init__(f"Collection {collection_id} not found", collection_id=collection_id)


class DocumentNotInCollection(NotFound):
    """The document exists and is not in the collection."""

    reason = "DOCUMENT_NOT_IN_COLLECTION"

    def __init__(self, *, document_id: str, collection_id: str) -> None:
        """Name both."""
        super().__init__(
            f"Document {document_id} is not in collection {collection_id}", document_id=document_id, collection_id=collection_id
        )


class DocumentOfAnotherUser(AlreadyExists):
    """Another user of the project has a document with the id."""

    reason = "DOCUMENT_OF_ANOTHER_USER"

    def __init__(self, *, document_id: str) -> None:
        """Name the id that is taken, and not by whom."""
        super().__init__(f"Document {document_id} belongs to another user", document_id=document_id)


class CollectionAlreadyExists(AlreadyExists):
    """The user has a collection with the id."""

    reason = "COLLECTION_ALREADY_EXISTS"

    def __init__(self, *, collection_id: str) -> None:
        """Name the id that is taken."""
        super().__init__(f"Collection with ID {collection_id} already exists", collection_id=collection_id)
