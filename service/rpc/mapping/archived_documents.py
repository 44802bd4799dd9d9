"""Documents and collections in archives."""

from __future__ import annotations

from mneme.v1 import archived_document_pb2 as pb
from mneme.v1 import document_pb2

from service.domain.archives import ArchivedChunk, ArchivedCollection, ArchivedDocument, ArchivedMember
from service.domain.documents import ChunkRules, Section
from service.domain.ids import CollectionId, DocumentId
from service.rpc.mapping.library import to_section
from service.rpc.mapping.sessions import from_origin, to_origin
from service.rpc.mapping.values import from_timestamp, to_timestamp


def to_archived_document(document: ArchivedDocument) -> pb.ArchivedDocument:
    """Return a document as a record."""
    return pb.ArchivedDocument(
        document_id=document.document_id,
        name=document.name,
        origin=to_origin(document.origin),
        size_bytes=document.size_bytes,
        chunk_size=document.rules.size,
        chunk_overlap=document.rules.overlap,
        chunk_count=document.chunk_count,
        sections=map(to_section, document.sections),
        created_at=to_timestamp(document.created_at),
        uploaded_at=to_timestamp(document.uploaded_at),
    )


def from_archived_document(message: pb.ArchivedDocument) -> ArchivedDocument:
    """Return the document of a record that keeps the rules of the contract. Raises InvalidRequest for a time out of range."""
    return ArchivedDocument(
        document_id=DocumentId(message.document_id),
        name=message.name,
        origin=from_origin(message),
        rules=ChunkRules(size=message.chunk_size, overlap=message.chunk_overlap),
        size_bytes=message.size_bytes,
        chunk_count=message.chunk_count,
        sections=tuple(map(_from_section, message.sections)),
        created_at=from_timestamp("created_at", message.created_at),
        uploaded_at=from_timestamp("uploaded_at", message.uploaded_at),
    )


def to_archived_chunk(chunk: ArchivedChunk) -> pb.ArchivedChunk:
    """Return a chunk as a record."""
    return pb.ArchivedChunk(
        document_id=chunk.document_id, place=chunk.place, start=chunk.start, section=chunk.title, text=chunk.text
    )


def from_archived_chunk(message: pb.ArchivedChunk) -> ArchivedChunk:
    """Return the chunk of a record."""
    return ArchivedChunk(
        document_id=DocumentId(message.document_id),
        place=message.place,
        start=message.start,
        title=message.section if message.HasField("section") else None,
        text=message.text,
    )


def to_archived_collection(collection: ArchivedCollection) -> pb.ArchivedCollection:
    """Return a collection as a record."""
    return pb.ArchivedCollection(
        collection_id=collection.collection_id,
        name=collection.name,
        group=collection.group,
        ordered=collection.ordered,
        created_at=to_timestamp(collection.created_at),
        members=(
            pb.ArchivedMember(document_id=one.document_id, position=one.position, added_at=to_timestamp(one.added_at))
            for one in collection.members
        ),
    )


def from_archived_collection(message: pb.ArchivedCollection) -> ArchivedCollection:
    """Return the collection of a record. Raises InvalidRequest for a time out of range."""
    return ArchivedCollection(
        collection_id=CollectionId(message.collection_id),
        name=message.name,
        group=message.group,
        ordered=message.ordered,
        created_at=from_timestamp("created_at", message.created_at),
        members=tuple(map(_from_member, message.members)),
    )


def _from_member(message: pb.ArchivedMember) -> ArchivedMember:
    return ArchivedMember(
        document_id=DocumentId(message.document_id),
        position=message.position if message.HasField("position") else None,
        added_at=from_timestamp("added_at", message.added_at),
    )


def _from_section(section: document_pb2.DocumentSection) -> Section:
    return Section(
        title=section.title if section.HasField("title") else None,
        level=section.level,
        first=section.first_chunk,
        chunks=section.chunk_count,
    )
