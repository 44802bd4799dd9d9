"""DocumentsService."""

from __future__ import annotations

from dataclasses import dataclass

from mneme.v1 import documents_service_pb2 as pb
from mneme.v1.documents_service_pb2_grpc import DocumentsServiceServicer

from service.domain.documents import DocumentFilter
from service.domain.ids import CollectionId, DocumentId, UserId
from service.rpc.mapping.library import (
    STRATEGIES,
    from_new_collection,
    from_search,
    from_upload,
    to_collection,
    to_document,
    to_member,
    to_span,
    to_uploaded,
)
from service.rpc.mapping.values import from_page
from service.rpc.principal import current_project
from service.usecases.documents.add_to_collection import AddToCollection
from service.usecases.documents.create_collection import CreateCollection
from service.usecases.documents.delete import DeleteDocument
from service.usecases.documents.delete_collection import DeleteCollection
from service.usecases.documents.get import GetDocument
from service.usecases.documents.get_collection import GetCollection
from service.usecases.documents.list import ListDocuments
from service.usecases.documents.list_collections import ListCollections
from service.usecases.documents.remove_from_collection import RemoveFromCollection
from service.usecases.documents.search import SearchDocuments
from service.usecases.documents.upload import UploadDocument

_PAGE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentCalls:
    """The use cases behind DocumentsService."""

    upload: UploadDocument
    list: ListDocuments
    get: GetDocument
    delete: DeleteDocument
    search: SearchDocuments
    create_collection: CreateCollection
    list_collections: ListCollections
    get_collection: GetCollection
    delete_collection: DeleteCollection
    add_to_collection: AddToCollection
    remove_from_collection: RemoveFromCollection


class DocumentsServicer(DocumentsServiceServicer):
    """Decodes, calls, encodes."""

    def __init__(self, calls: DocumentCalls) -> None:
        """Keep the use cases."""
        self._calls = calls

    async def UploadDocument(self, request: pb.UploadDocumentRequest, _context: object) -> pb.UploadDocumentResponse:
        """Store a document."""
        return to_uploaded(await self._calls.upload(current_project(), UserId(request.user_id), from_upload(request)))

    async def ListDocuments(self, request: pb.ListDocumentsRequest, _context: object) -> pb.ListDocumentsResponse:
        """Return one page of documents."""
        wanted = DocumentFilter(
            group=request.group or None,
            collection_id=CollectionId(request.collection_id) if request.collection_id else None,
        )
        page = await self._calls.list(current_project(), UserId(request.user_id), from_page(request, default=_PAGE), wanted)
        return pb.ListDocumentsResponse(documents=map(to_document, page.items), total=page.total, has_more=page.has_more)

    async def GetDocument(self, request: pb.GetDocumentRequest, _context: object) -> pb.GetDocumentResponse:
        """Return one document."""
        view = await self._calls.get(current_project(), UserId(request.user_id), DocumentId(request.document_id))
        return pb.GetDocumentResponse(document=to_document(view))

    async def DeleteDocument(self, request: pb.DeleteDocumentRequest, _context: object) -> pb.DeleteDocumentResponse:
        """Remove a document."""
        await self._calls.delete(current_project(), UserId(request.user_id), DocumentId(request.document_id))
        return pb.DeleteDocumentResponse()

    async def SearchDocuments(self, request: pb.SearchDocumentsRequest, _context: object) -> pb.SearchDocumentsResponse:
        """Find passages."""
        result = await self._calls.search(current_project(), UserId(request.user_id), request.query, from_search(request))
        return pb.SearchDocumentsResponse(spans=map(to_span, result.spans), strategy=STRATEGIES[result.strategy])

    async def CreateCollection(self, request: pb.CreateCollectionRequest, _context: object) -> pb.CreateCollectionResponse:
        """Add a collection."""
        new = from_new_collection(request)
        collection = await self._calls.create_collection(current_project(), UserId(request.user_id), new)
        return pb.CreateCollectionResponse(collection=to_collection(collection))

    async def ListCollections(self, request: pb.ListCollectionsRequest, _context: object) -> pb.ListCollectionsResponse:
        """Return one page of collections."""
        page = await self._calls.list_collections(
            current_project(), UserId(request.user_id), from_page(request, default=_PAGE), group=request.group or None
        )
        return pb.ListCollectionsResponse(collections=map(to_collection, page.items), total=page.total, has_more=page.has_more)

    async def GetCollection(self, request: pb.GetCollectionRequest, _context: object) -> pb.GetCollectionResponse:
        """Return one collection with what is in it."""
        collection, members = await self._calls.get_collection(
            current_project(), UserId(request.user_id), CollectionId(request.collection_id)
        )
        return pb.GetCollectionResponse(collection=to_collection(collection), documents=map(to_member, members))

    async def DeleteCollection(self, request: pb.DeleteCollectionRequest, _context: object) -> pb.DeleteCollectionResponse:
        """Remove a collection."""
        await self._calls.delete_collection(current_project(), UserId(request.user_id), CollectionId(request.collection_id))
        return pb.DeleteCollectionResponse()

    async def AddToCollection(self, request: pb.AddToCollectionRequest, _context: object) -> pb.AddToCollectionResponse:
        """Put a document into a collection."""
        await self._calls.add_to_collection(
            current_project(),
            UserId(request.user_id),
            CollectionId(request.collection_id),
            DocumentId(request.document_id),
            position=request.position if request.HasField("position") else None,
        )
        return pb.AddToCollectionResponse()

    async def RemoveFromCollection(
        self, request: pb.RemoveFromCollectionRequest, _context: object
    ) -> pb.RemoveFromCollectionResponse:
        """Take a document out of a collection."""
        await self._calls.remove_from_collection(
            current_project(), UserId(request.user_id), CollectionId(request.collection_id), DocumentId(request.document_id)
        )
        return pb.RemoveFromCollectionResponse()
