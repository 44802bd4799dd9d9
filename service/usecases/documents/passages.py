"""What recalls of facts see of documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from service.domain.document_errors import CollectionNotFound, DocumentNotFound
from service.domain.ids import DocumentId, Scope
from service.domain.ports.documents import DocumentStore
from service.domain.ports.passages import FoundPassage, PassagesWanted
from service.domain.ports.stores import UserStore
from service.recall.documents import RELEVANT, Span
from service.usecases.documents.search import SearchDocuments, SpansWanted


class DocumentPassages:
    """Implements `PassageFinder`. What a recall names that is not there has no passages; unnamed, only what is relevant has."""

    def __init__(self, users: UserStore, documents: DocumentStore, search: SearchDocuments) -> None:
        """Keep the stores and the search."""
        self._users = users
        self._documents = documents
        self._search = search

    async def find(self, scope: Scope, wanted: PassagesWanted) -> Sequence[FoundPassage]:
        """Return passages in the order in which they are to be read."""
        named = bool(wanted.document_id or wanted.collection_id)
        spans = SpansWanted(
            limit=wanted.limit,
            threshold=0.0 if named else RELEVANT,
            document_id=wanted.document_id,
            collection_id=wanted.collection_id,
            thread=wanted.thread,
            group=wanted.group,
        )
        try:
            result = await self._search.of(await self._users.of(scope), wanted.query, spans)
        except (DocumentNotFound, CollectionNotFound):
            return ()
        return [_found(span) for span in result.spans]

    async def names(self, scope: Scope, document_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the names of those of these documents that exist."""
        found = await self._documents.known(scope, [DocumentId(id_) for id_ in document_ids])
        return {document.document_id: document.name for document in found if document is not None}


def _found(span: Span) -> FoundPassage:
    passage = span.passage
    return FoundPassage(
        document_id=passage.document_id,
        document_name=passage.name,
        title=passage.chunk.title or "",
        text=passage.chunk.text,
        score=span.score,
    )
