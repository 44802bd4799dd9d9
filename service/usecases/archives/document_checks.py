"""What must be true of the documents of an archive, checked record by record."""

from __future__ import annotations

from typing import TypeAlias

from service.domain.archives import ArchivedChunk, ArchivedCollection, ArchivedDocument, ArchiveRecord
from service.domain.ids import CollectionId, DocumentId
from service.usecases.archives.problems import Wrong

Shelved: TypeAlias = ArchivedDocument | ArchivedChunk | ArchivedCollection
"""What `DocumentChecks` checks."""


class DocumentChecks:
    """Remembers which documents, chunks and collections came, and refuses what does not go with them."""

    def __init__(self) -> None:
        """Begin before the first of them."""
        self._documents: set[DocumentId] = set()
        self._collections: set[CollectionId] = set()
        self._last: ArchivedDocument | None = None
        self._chunks = 0

    def between(self, record: ArchiveRecord | None) -> None:
        """Refuse what must not come now: anything but a chunk (None is the end) while chunks are still to come."""
        if self._last is not None and not isinstance(record, ArchivedChunk) and self._chunks != self._last.chunk_count:
            raise Wrong(
                f"chunk_count: document {self._last.document_id} has {self._last.chunk_count} chunks, {self._chunks} came"
            )
        if isinstance(record, Shelved):
            self._check(record)
        elif record is not None and (self._documents or self._collections):
            raise Wrong("documents and collections come last")

    def _check(self, record: Shelved) -> None:
        match record:
            case ArchivedDocument():
                self._document(record)
            case ArchivedChunk():
                self._chunk(record)
            case ArchivedCollection():
                self._collection(record)

    def _document(self, document: ArchivedDocument) -> None:
        if self._collections:
            raise Wrong("documents come before collections")
        if document.document_id in self._documents:
            raise Wrong(f"document_id: {document.document_id} came before")
        document.rules.check()
        if any(not 0 <= one.first <= one.first + one.chunks <= document.chunk_count for one in document.sections):
            raise Wrong("sections: each is made of chunks of the document")
        self._documents.add(document.document_id)
        self._last, self._chunks = document, 0

    def _chunk(self, chunk: ArchivedChunk) -> None:
        if self._last is None or chunk.document_id != self._last.document_id or self._collections:
            raise Wrong("document_id: a chunk follows its own document")
        if chunk.place != self._chunks:
            raise Wrong(f"place: must be {self._chunks}, one more than that of the one before")
        if len(chunk.text) > self._last.rules.size:
            raise Wrong(f"text: must be at most {self._last.rules.size} characters, the chunk_size of its document")
        self._chunks += 1

    def _collection(self, collection: ArchivedCollection) -> None:
        if collection.collection_id in self._collections:
            raise Wrong(f"collection_id: {collection.collection_id} came before")
        ids = [member.document_id for member in collection.members]
        if unknown := set(ids) - self._documents:
            raise Wrong(f"members: there is no document {min(unknown)}")
        if len(set(ids)) != len(ids):
            raise Wrong("members: no document is in a collection twice")
        self._collections.add(collection.collection_id)
