"""A document as it is listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.domain.documents import Document
from service.domain.ids import CollectionId, Scope
from service.domain.ports.documents import DocumentStore
from service.usecases.documents.readiness import Readiness


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentView:
    """A document, whether all of it can be recalled, and the ids of the collections that hold it."""

    document: Document
    ready: bool
    collection_ids: Sequence[CollectionId]


class DocumentViews:
    """Finds what a list shows beside the documents, for all of them at once."""

    def __init__(self, documents: DocumentStore, readiness: Readiness) -> None:
        """Keep the store and what knows whether the index has followed."""
        self._documents = documents
        self._readiness = readiness

    async def of(self, scope: Scope, documents: Sequence[Document]) -> Sequence[DocumentView]:
        """Return the views of *documents* of one user, in the same order."""
        ready = await self._readiness.ready(scope, documents)
        held = await self._documents.collections_of(scope, [document.document_id for document in documents])
        return [
            DocumentView(document=document, ready=is_ready, collection_ids=ids)
            for document, is_ready, ids in zip(documents, ready, held, strict=True)
        ]
