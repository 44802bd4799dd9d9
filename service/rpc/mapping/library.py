"""Documents and collections."""

from __future__ import annotations

from collections.abc import Mapping

from mneme.v1 import document_pb2
from mneme.v1 import documents_service_pb2 as pb

from service.domain.documents import DEFAULT_RULES, ChunkRules, Collection, Document, Member, NewCollection, Section
from service.domain.ids import CollectionId
from service.domain.sessions import SessionOrigin
from service.recall.documents import Span, SpanStrategy
from service.rpc.mapping.values import to_timestamp
from service.usecases.documents.create_collection import new_collection_id
from service.usecases.documents.search import SpansWanted
from service.usecases.documents.upload import Upload, Uploaded
from service.usecases.documents.views import DocumentView

_SPANS = 5

STRATEGIES: Mapping[SpanStrategy, document_pb2.SpanStrategy.ValueType] = {
    SpanStrategy.LOCAL: document_pb2.SPAN_STRATEGY_LOCAL,
    SpanStrategy.SECTION: document_pb2.SPAN_STRATEGY_SECTION,
    SpanStrategy.DOCUMENT: document_pb2.SPAN_STRATEGY_DOCUMENT,
    SpanStrategy.COLLECTION: document_pb2.SPAN_STRATEGY_COLLECTION,
}


def from_upload(request: pb.UploadDocumentRequest) -> Upload:
    """Return the document to store."""
    return Upload(
        name=request.name,
        content=request.content,
        document_id=request.document_id,
        origin=SessionOrigin(group=request.group),
        rules=ChunkRules(
            size=request.chunk_size if request.HasField("chunk_size") else DEFAULT_RULES.size,
            overlap=request.chunk_overlap if request.HasField("chunk_overlap") else DEFAULT_RULES.overlap,
        ),
        collection_id=request.collection_id,
        position=request.position if request.HasField("position") else None,
    )


def to_uploaded(uploaded: Uploaded) -> pb.UploadDocumentResponse:
    """Return what became of an upload."""
    return pb.UploadDocumentResponse(
        document=to_document(uploaded.view), sections=map(to_section, uploaded.sections), chunk_ids=uploaded.chunk_ids
    )


def to_document(view: DocumentView) -> document_pb2.Document:
    """Return a document."""
    document: Document = view.document
    return document_pb2.Document(
        document_id=document.document_id,
        name=document.name,
        group=document.origin.group,
        size_bytes=document.size_bytes,
        chunk_size=document.rules.size,
        chunk_overlap=document.rules.overlap,
        chunk_count=document.chunk_count,
        status=status_of(view),
        collection_ids=view.collection_ids,
        created_at=to_timestamp(document.created_at),
        uploaded_at=to_timestamp(document.uploaded_at),
    )


def status_of(view: DocumentView) -> document_pb2.DocumentStatus.ValueType:
    """Return whether a document can be recalled."""
    return document_pb2.DOCUMENT_STATUS_READY if view.ready else document_pb2.DOCUMENT_STATUS_PROCESSING


def to_section(section: Section) -> document_pb2.DocumentSection:
    """Return a section."""
    return document_pb2.DocumentSection(
        title=section.title, level=section.level, first_chunk=section.first, chunk_count=section.chunks
    )


def from_search(request: pb.SearchDocumentsRequest) -> SpansWanted:
    """Return which passages are wanted."""
    return SpansWanted(
        limit=request.limit if request.HasField("limit") else _SPANS,
        threshold=request.threshold,
        document_id=request.document_id,
        collection_id=request.collection_id,
        group=request.group,
    )


def to_span(span: Span) -> document_pb2.DocumentSpan:
    """Return a passage that was found."""
    passage, chunk = span.passage, span.passage.chunk
    return document_pb2.DocumentSpan(
        score=span.score,
        document_id=passage.document_id,
        document_name=passage.name,
        chunk_id=chunk.chunk_id,
        section=chunk.title,
        text=chunk.text,
        start=chunk.start,
        place=chunk.place,
    )


def from_new_collection(request: pb.CreateCollectionRequest) -> NewCollection:
    """Return the collection to create."""
    return NewCollection(
        collection_id=CollectionId(request.collection_id) if request.collection_id else new_collection_id(),
        name=request.name,
        group=request.group,
        ordered=request.ordered,
    )


def to_collection(collection: Collection) -> document_pb2.Collection:
    """Return a collection."""
    return document_pb2.Collection(
        collection_id=collection.collection_id,
        name=collection.name,
        group=collection.group,
        ordered=collection.ordered,
        document_count=collection.document_count,
        created_at=to_timestamp(collection.created_at),
    )


def to_member(member: Member) -> document_pb2.CollectionMember:
    """Return a document in a collection."""
    return document_pb2.CollectionMember(
        document_id=member.document.document_id,
        document_name=member.document.name,
        position=member.position,
        added_at=to_timestamp(member.added_at),
    )
