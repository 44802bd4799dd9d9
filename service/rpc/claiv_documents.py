"""ClaivDocumentsService."""

from __future__ import annotations

from mneme.compat.v1 import claiv_documents_service_pb2 as pb
from mneme.compat.v1.claiv_documents_service_pb2_grpc import ClaivDocumentsServiceServicer

from service.domain.errors import UserNotFound
from service.domain.ids import CollectionId, DocumentId, UserId
from service.rpc.documents import DocumentCalls
from service.rpc.mapping.claiv_documents import (
    from_listing,
    from_new_collection,
    from_upload,
    to_collection,
    to_document,
    to_status,
    to_uploaded,
)
from service.rpc.mapping.library import to_member
from service.rpc.mapping.values import from_page
from service.rpc.principal import current_project

_DOCUMENTS = 20
_COLLECTIONS = 100


class ClaivDocumentsServicer(ClaivDocumentsServiceServicer):
    """Decodes, calls, encodes. The use cases are those of DocumentsService; a user that does not exist has nothing."""

    def __init__(self, calls: DocumentCalls) -> None:
        """Keep the use cases."""
        self._calls = calls

    async def UploadClaivDocument(
        self, request: pb.UploadClaivDocumentRequest, _context: object
    ) -> pb.UploadClaivDocumentResponse:
        """Store a document."""
        return to_uploaded(request, await self._calls.upload(current_project(), UserId(request.user_id), from_upload(request)))

    async def ListClaivDocuments(self, request: pb.ListClaivDocumentsRequest, _context: object) -> pb.ListClaivDocumentsResponse:
        """Return one page of documents."""
        page = from_page(request, default=_DOCUMENTS)
        response = pb.ListClaivDocumentsResponse(limit=page.limit, offset=page.offset)
        try:
            found = await self._calls.list(current_project(), UserId(request.user_id), page, from_listing(request))
        except UserNotFound:
            return response
        response.documents.extend(to_document(view, request.user_id) for view in found.items)
        response.total, response.has_more = found.total, found.has_more
        return response

    async def GetClaivDocumentStatus(
        self, request: pb.GetClaivDocumentStatusRequest, _context: object
    ) -> pb.GetClaivDocumentStatusResponse:
        """Say whether a document can be recalled."""
        view = await self._calls.get(current_project(), None, DocumentId(request.document_id))
        return pb.GetClaivDocumentStatusResponse(document_status=to_status(view))

    async def DeleteClaivDocument(
        self, request: pb.DeleteClaivDocumentRequest, _context: object
    ) -> pb.DeleteClaivDocumentResponse:
        """Remove a document."""
        await self._calls.delete(current_project(), None, DocumentId(request.document_id))
        return pb.DeleteClaivDocumentResponse(deleted=True, document_id=request.document_id)

    async def CreateClaivCollection(
        self, request: pb.CreateClaivCollectionRequest, _context: object
    ) -> pb.CreateClaivCollectionResponse:
        """Add a collection."""
        project = current_project()
        new = from_new_collection(request)
        collection = await self._calls.create_collection(project, UserId(request.user_id), new, allow_new_user=True)
        return pb.CreateClaivCollectionResponse(collection=to_collection(collection, request.user_id, project))

    async def ListClaivCollections(
        self, request: pb.ListClaivCollectionsRequest, _context: object
    ) -> pb.ListClaivCollectionsResponse:
        """Return one page of collections."""
        project, page = current_project(), from_page(request, default=_COLLECTIONS)
        try:
            found = await self._calls.list_collections(project, UserId(request.user_id), page, group=request.project_id or None)
        except UserNotFound:
            return pb.ListClaivCollectionsResponse()
        rows = [to_collection(one, request.user_id, project) for one in found.items]
        return pb.ListClaivCollectionsResponse(collections=rows, total=found.total, has_more=found.has_more)

    async def GetClaivCollection(self, request: pb.GetClaivCollectionRequest, _context: object) -> pb.GetClaivCollectionResponse:
        """Return one collection with what is in it."""
        project, collection_id = current_project(), CollectionId(request.collection_id)
        collection, members = await self._calls.get_collection(project, UserId(request.user_id), collection_id)
        return pb.GetClaivCollectionResponse(
            collection=to_collection(collection, request.user_id, project), documents=map(to_member, members)
        )

    async def DeleteClaivCollection(
        self, request: pb.DeleteClaivCollectionRequest, _context: object
    ) -> pb.DeleteClaivCollectionResponse:
        """Remove a collection."""
        await self._calls.delete_collection(current_project(), UserId(request.user_id), CollectionId(request.collection_id))
        return pb.DeleteClaivCollectionResponse(deleted=True, collection_id=request.collection_id)

    async def AddToClaivCollection(
        self, request: pb.AddToClaivCollectionRequest, _context: object
    ) -> pb.AddToClaivCollectionResponse:
        """Put a document into a collection."""
        await self._calls.add_to_collection(
            current_project(),
            UserId(request.user_id),
            CollectionId(request.collection_id),
            DocumentId(request.document_id),
            position=request.position if request.HasField("position") else None,
        )
        return pb.AddToClaivCollectionResponse(added=True, collection_id=request.collection_id, document_id=request.document_id)

    async def RemoveFromClaivCollection(
        self, request: pb.RemoveFromClaivCollectionRequest, _context: object
    ) -> pb.RemoveFromClaivCollectionResponse:
        """Take a document out of a collection."""
        collection_id, document_id = CollectionId(request.collection_id), DocumentId(request.document_id)
        await self._calls.remove_from_collection(current_project(), None, collection_id, document_id)
        return pb.RemoveFromClaivCollectionResponse(
            removed=True, collection_id=request.collection_id, document_id=request.document_id
        )
