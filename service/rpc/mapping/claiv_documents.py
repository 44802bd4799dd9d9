"""Documents and collections as the Claiv API has them."""

from __future__ import annotations

from collections.abc import Mapping

from mneme.compat.v1 import claiv_documents_service_pb2 as pb
from mneme.compat.v1 import claiv_events_service_pb2 as events_pb
from mneme.v1 import document_pb2

from service.domain.documents import DEFAULT_RULES, ChunkRules, Collection, DocumentFilter, NewCollection
from service.domain.ids import CollectionId
from service.domain.sessions import SessionOrigin, Visibility
from service.rpc.mapping.library import status_of
from service.rpc.mapping.values import to_timestamp
from service.usecases.documents.create_collection import new_collection_id
from service.usecases.documents.upload import Upload, Uploaded
from service.usecases.documents.views import DocumentView

_VISIBILITIES: Mapping[events_pb.ClaivScope.ValueType, Visibility] = {
    events_pb.CLAIV_SCOPE_UNSPECIFIED: Visibility.GLOBAL,
    events_pb.CLAIV_SCOPE_GLOBAL: Visibility.GLOBAL,
    events_pb.CLAIV_SCOPE_PROJECT: Visibility.GROUP,
    events_pb.CLAIV_SCOPE_CONVERSATION: Visibility.THREAD,
}


def from_upload(request: pb.UploadClaivDocumentRequest) -> Upload:
    """Return the document to store."""
    return Upload(
        name=request.document_name,
        content=request.content,
        document_id=request.document_id,
        origin=SessionOrigin(thread=request.conversation_id, group=request.project_id, visibility=_VISIBILITIES[request.scope]),
        rules=ChunkRules(
            size=request.chunk_size if request.HasField("chunk_size") else DEFAULT_RULES.size,
            overlap=request.chunk_overlap if request.HasField("chunk_overlap") else DEFAULT_RULES.overlap,
        ),
        collection_id=request.collection_id,
        position=request.position if request.HasField("position") else None,
        allow_new_user=True,
    )


def to_uploaded(request: pb.UploadClaivDocumentRequest, uploaded: Uploaded) -> pb.UploadClaivDocumentResponse:
    """Return what became of an upload, in the words of both generations of clients."""
    document = uploaded.view.document
    return pb.UploadClaivDocumentResponse(
        document_id=document.document_id,
        document_name=document.name,
        project_id=document.origin.group,
        collection_id=request.collection_id or None,
        sections=[
            pb.ClaivSection(node_id=f"{document.upload_id}/{place}", title=section.title)
            for place, section in enumerate(uploaded.sections)
        ],
        spans_created=document.chunk_count,
        chunks_ingested=document.chunk_count,
        chunk_ids=uploaded.chunk_ids,
        status=document_pb2.DOCUMENT_STATUS_PROCESSING,
    )


def from_listing(request: pb.ListClaivDocumentsRequest) -> DocumentFilter:
    """Return which documents are wanted."""
    return DocumentFilter(
        group=request.project_id or None, collection_id=CollectionId(request.collection_id) if request.collection_id else None
    )


def to_document(view: DocumentView, user_id: str) -> pb.ClaivDocument:
    """Return a document of a user as it is listed."""
    document = view.document
    return pb.ClaivDocument(
        document_id=document.document_id,
        document_name=document.name,
        project_id=document.origin.group,
        user_id=user_id,
        byte_size=document.size_bytes,
        created_at=to_timestamp(document.created_at),
        collection_ids=view.collection_ids,
        document_status=to_status(view),
    )


def to_status(view: DocumentView) -> pb.ClaivDocumentStatus:
    """Return how far a document is."""
    return pb.ClaivDocumentStatus(status=status_of(view), spans_created=view.document.chunk_count)


def from_new_collection(request: pb.CreateClaivCollectionRequest) -> NewCollection:
    """Return the collection to create."""
    return NewCollection(
        collection_id=CollectionId(request.collection_id) if request.collection_id else new_collection_id(),
        name=request.name,
        group=request.project_id,
        ordered=request.ordered,
    )


def to_collection(collection: Collection, user_id: str, project_id: str) -> pb.ClaivCollection:
    """Return a collection of a user of a project."""
    return pb.ClaivCollection(
        collection_id=collection.collection_id,
        tenant_id=project_id,
        user_id=user_id,
        project_id=collection.group or None,
        name=collection.name,
        ordered=collection.ordered,
        created_at=to_timestamp(collection.created_at),
        document_count=collection.document_count,
    )
