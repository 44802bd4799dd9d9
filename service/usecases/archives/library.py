"""Documents and collections as records of archives, and back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import partial
from uuid import uuid4

from service.domain.archives import ArchivedChunk, ArchivedCollection, ArchivedDocument, ArchivedMember
from service.domain.document_errors import CollectionNotFound
from service.domain.documents import Chunk, Document, DocumentFilter, NewDocument, chunk_id
from service.domain.errors import ConcurrentChange
from service.domain.ids import Scope, UploadId
from service.domain.ports.documents import DocumentStore
from service.usecases.paging import every

_AT_ONCE = 500


class ArchivedLibrary:
    """Turns a user's documents and collections into records."""

    def __init__(self, documents: DocumentStore) -> None:
        """Keep the store."""
        self._documents = documents

    async def __call__(self, scope: Scope) -> AsyncIterator[ArchivedDocument | ArchivedChunk | ArchivedCollection]:
        """
        Yield each document followed by its chunks, then each collection; all oldest first, of one time by id.

        Raises ConcurrentChange when a document was changed meanwhile.
        """
        found = {one.document_id: one async for one in every(partial(self._documents.list, scope, wanted=DocumentFilter()))}
        for document in sorted(found.values(), key=lambda one: (one.created_at, one.document_id)):
            sections = await self._documents.sections(scope, document.upload_id)
            yield ArchivedDocument(
                document_id=document.document_id,
                name=document.name,
                origin=document.origin,
                rules=document.rules,
                size_bytes=document.size_bytes,
                chunk_count=document.chunk_count,
                sections=tuple(sections),
                created_at=document.created_at,
                uploaded_at=document.uploaded_at,
            )
            for start in range(0, document.chunk_count, _AT_ONCE):
                places = range(start, min(start + _AT_ONCE, document.chunk_count))
                for chunk in await self._chunks(scope, document, places):
                    yield chunk
        async for collection in self._collections(scope):
            if not found.keys() >= {member.document_id for member in collection.members}:
                raise ConcurrentChange
            yield collection

    async def _chunks(self, scope: Scope, document: Document, places: range) -> Sequence[ArchivedChunk]:
        ids = [chunk_id(document.upload_id, place) for place in places]
        passages = [one for one in await self._documents.passages(scope, ids) if one is not None]
        if len(passages) != len(ids):
            raise ConcurrentChange
        return [
            ArchivedChunk(
                document_id=document.document_id,
                place=passage.chunk.place,
                start=passage.chunk.start,
                title=passage.chunk.title,
                text=passage.chunk.text,
            )
            for passage in passages
        ]

    async def _collections(self, scope: Scope) -> AsyncIterator[ArchivedCollection]:
        found = {one.collection_id: one async for one in every(partial(self._documents.collections, scope))}
        for collection in sorted(found.values(), key=lambda one: (one.created_at, one.collection_id)):
            try:
                members = await self._documents.members(scope, collection.collection_id)
            except CollectionNotFound:
                raise ConcurrentChange from None
            yield ArchivedCollection(
                collection_id=collection.collection_id,
                name=collection.name,
                group=collection.group,
                ordered=collection.ordered,
                created_at=collection.created_at,
                members=tuple(
                    ArchivedMember(document_id=one.document.document_id, position=one.position, added_at=one.added_at)
                    for one in members
                ),
            )


def restored(document: ArchivedDocument, chunks: Sequence[ArchivedChunk]) -> NewDocument:
    """Return a document to store, with its *chunks*, as an upload of its own."""
    upload_id = UploadId(str(uuid4()))
    return NewDocument(
        document_id=document.document_id,
        name=document.name,
        origin=document.origin,
        rules=document.rules,
        size_bytes=document.size_bytes,
        sections=document.sections,
        chunks=[
            Chunk(upload_id=upload_id, place=chunk.place, start=chunk.start, title=chunk.title, text=chunk.text)
            for chunk in chunks
        ],
        upload_id=upload_id,
    )
