"""How documents, uploads and collections are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson

from service.domain.deletions import ForgetFilter
from service.domain.documents import (
    Chunk,
    ChunkRules,
    Collection,
    Document,
    NewCollection,
    NewDocument,
    Passage,
    Section,
)
from service.domain.ids import CollectionId, DocumentId, UploadId
from service.domain.sessions import SessionOrigin, Visibility
from service.storage.redis.codec import Hash, digest, dump, moment
from service.storage.redis.database import Argument

SECTIONS = "sections"
"""Field of an upload that holds its sections."""
ABOUT = "about"
"""Field of an upload that names its document and says who may find it."""
TIME = "time"
"""Field of an upload that holds its time, written by the script."""


def document_fields(document: NewDocument, token: str) -> list[Argument]:
    """Return the fields and values of a document's hash, those of time and upload aside; *token* is that of its claim."""
    return [
        *("document_id", document.document_id),
        *("name", document.name),
        *("thread", document.origin.thread),
        *("group", document.origin.group),
        *("visibility", document.origin.visibility),
        *("chunk_size", document.rules.size),
        *("chunk_overlap", document.rules.overlap),
        *("bytes", document.size_bytes),
        *("chunks", len(document.chunks)),
        *("claim", token),
    ]


def read_document(record: Hash) -> Document:
    """Return the document of a hash."""
    return Document(
        document_id=DocumentId(record["document_id"]),
        name=record["name"],
        origin=SessionOrigin(thread=record["thread"], group=record["group"], visibility=Visibility(record["visibility"])),
        rules=ChunkRules(size=int(record["chunk_size"]), overlap=int(record["chunk_overlap"])),
        size_bytes=int(record["bytes"]),
        upload_id=UploadId(record["upload"]),
        chunk_count=int(record["chunks"]),
        created_at=moment(record["created_at"]),
        uploaded_at=moment(record["uploaded_at"]),
    )


def upload_fields(document: NewDocument) -> Iterator[Argument]:
    """Yield the fields and values of an upload's hash."""
    yield ABOUT
    yield dump({"document_id": document.document_id, "name": document.name, "audience": document.audience_key})
    yield SECTIONS
    yield dump([[one.title, one.level, one.first, one.chunks] for one in document.sections])
    for chunk in document.chunks:
        yield chunk.place
        yield dump([chunk.start, chunk.title, chunk.text])


def erased_field(wanted: ForgetFilter, upload_id: UploadId | None = None) -> str:
    """Return the field that counts the chunks of an upload for a forgetting, or what all fields of the forgetting begin with."""
    return f"{digest('erase', wanted)}:{upload_id or ''}"


def read_sections(text: str) -> Sequence[Section]:
    """Return the sections of an upload."""
    return [Section(title=title, level=level, first=first, chunks=chunks) for title, level, first, chunks in orjson.loads(text)]


def read_passage(upload_id: UploadId, place: int, about: str, time: str, text: str) -> Passage:
    """Return the chunk at a *place* of an upload with what the upload says *about* its document and its *time*."""
    start, title, content = orjson.loads(text)
    document = orjson.loads(about)
    return Passage(
        document_id=DocumentId(document["document_id"]),
        name=document["name"],
        audience_key=document["audience"],
        uploaded_at=moment(time),
        chunk=Chunk(upload_id=upload_id, place=place, start=start, title=title, text=content),
    )


def write_collection(collection: NewCollection) -> str:
    """Return a collection as JSON; the script puts its time and a space before it."""
    return dump(
        {
            "collection_id": collection.collection_id,
            "name": collection.name,
            "group": collection.group,
            "ordered": collection.ordered,
        }
    )


def read_collection(text: str, document_count: int) -> Collection:
    """Return the collection of a text."""
    created_at, _, body = text.partition(" ")
    fields = orjson.loads(body)
    return Collection(
        collection_id=CollectionId(fields["collection_id"]),
        name=fields["name"],
        group=fields["group"],
        ordered=fields["ordered"],
        created_at=moment(created_at),
        document_count=document_count,
    )
