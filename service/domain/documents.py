"""
Documents, their chunks, and collections of documents.

A document is what a caller uploads: a text under an id that is unique in the project. It is kept as chunks, pieces of the text
at their places, which are what recall finds. A document that is uploaded again is a new *upload* whose chunks take the place of
all the old ones in one step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from service.domain.errors import InvalidRequest, Violation
from service.domain.ids import CollectionId, DocumentId, UploadId
from service.domain.sessions import SessionOrigin, Visibility

MAX_BYTES = 5 * 1024 * 1024
"""The most bytes of a document, as UTF-8."""

CHUNK_SIZES = range(200, 4001)
"""How many characters a chunk may have, at the most."""

CHUNK_OVERLAPS = range(501)
"""How many characters of a chunk may be those of the one before it, at the most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkRules:
    """How a text is cut. Lengths in characters; an overlap of more than half of the size counts as half."""

    size: int = 800
    overlap: int = 100

    def check(self) -> None:
        """Raise InvalidRequest when a length is out of its range, or the overlap is no part of a chunk."""
        violations = []
        if self.size not in CHUNK_SIZES:
            violations.append(_out_of_range("chunk_size", CHUNK_SIZES))
        if self.overlap not in CHUNK_OVERLAPS:
            violations.append(_out_of_range("chunk_overlap", CHUNK_OVERLAPS))
        elif self.overlap >= self.size:
            violations.append(Violation(field="chunk_overlap", description="must be less than chunk_size"))
        if violations:
            raise InvalidRequest("; ".join(f"{one.field}: {one.description}" for one in violations), violations)


DEFAULT_RULES = ChunkRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """
    A part of a document under a heading: its *title*, None for what stands before the first heading, the *level* of the heading,
    1 the highest, and the place of its first chunk. It has *chunks* chunks, those of the sections below it not counted.
    """

    title: str | None
    level: int
    first: int
    chunks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """
    A piece of a document: the *text* from character *start* on, the *place* of the piece among all of the upload, from 0, and
    the *title* of its section.
    """

    upload_id: UploadId
    place: int
    start: int
    title: str | None
    text: str

    @property
    def chunk_id(self) -> str:
        """The id of the chunk."""
        return chunk_id(self.upload_id, self.place)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDocument:
    """A document to store. Its *origin* is what it is part of and where it may be recalled, as a session's is."""

    document_id: DocumentId
    name: str
    origin: SessionOrigin
    rules: ChunkRules
    size_bytes: int
    sections: Sequence[Section]
    chunks: Sequence[Chunk]
    upload_id: UploadId

    @property
    def audience_key(self) -> str:
        """The name under which the index keeps who may find it."""
        return audience_key(self.origin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document as stored, without its text. Times are UTC; *uploaded_at* is that of the upload that it has now."""

    document_id: DocumentId
    name: str
    origin: SessionOrigin
    rules: ChunkRules
    size_bytes: int
    upload_id: UploadId
    chunk_count: int
    created_at: datetime
    uploaded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A chunk with what is shown and indexed of the document that it is a part of. Times are UTC."""

    document_id: DocumentId
    name: str
    audience_key: str
    uploaded_at: datetime
    chunk: Chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFilter:
    """Which documents are wanted: of a *group*, in a collection. None means no condition."""

    group: str | None = None
    collection_id: CollectionId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCollection:
    """A collection to create. *group* is the caller's own, empty for none; *ordered* says that positions mean something."""

    collection_id: CollectionId
    name: str
    group: str
    ordered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """Documents of one user under a name, as stored. The time is UTC."""

    collection_id: CollectionId
    name: str
    group: str
    ordered: bool
    created_at: datetime
    document_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A document in a collection; *position* None means that it has no place of its own."""

    document: Document
    position: int | None
    added_at: datetime


def chunk_id(upload_id: UploadId, place: int) -> str:
    """Return the id of a chunk."""
    return f"{upload_id}:{place}"


def parse_chunk_id(text: str) -> tuple[UploadId, int]:
    """Return the upload and the place of a chunk's id. Raises ValueError when it is no chunk's."""
    upload_id, separator, place = text.rpartition(":")
    if not separator:
        raise ValueError(f"no chunk id: {text!r}")
    return UploadId(upload_id), int(place)


def chunk_range(upload_id: UploadId, first: int, last: int) -> str:
    """Return the id of the chunks at the places *first* to *last* of an upload, as index entries name them."""
    return f"{upload_id}:{first}-{last}"


def parse_chunk_range(text: str) -> Sequence[str]:
    """Return the ids of the chunks of a range. Raises ValueError when it is none."""
    upload_id, separator, places = text.rpartition(":")
    first, dash, last = places.partition("-")
    if not separator or not dash:
        raise ValueError(f"no range of chunks: {text!r}")
    return [chunk_id(UploadId(upload_id), place) for place in range(int(first), int(last) + 1)]


def audience_key(origin: SessionOrigin) -> str:
    """Return the name under which the index keeps who may find what has this origin."""
    match origin.visibility:
        case Visibility.GROUP:
            return f"group:{origin.group}"
        case Visibility.THREAD:
            return f"thread:{origin.thread}"
        case Visibility.GLOBAL:
            return "global"


def audience_keys(*, thread: str, group: str) -> frozenset[str]:
    """Return the names under which the index keeps what may be found from within a *thread* and a *group*."""
    own = (SessionOrigin(thread=thread, group=group, visibility=visibility) for visibility in Visibility)
    return frozenset(audience_key(origin) for origin in own)


def _out_of_range(field: str, allowed: range) -> Violation:
    return Violation(field=field, description=f"must be from {allowed.start} to {allowed.stop - 1}")
