"""Upload a document."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from service.domain.document_errors import DocumentTooLarge
from service.domain.documents import DEFAULT_RULES, MAX_BYTES, ChunkRules, NewDocument, Section
from service.domain.errors import InvalidRequest
from service.domain.ids import CollectionId, DocumentId, ProjectId, UploadId, UserId
from service.domain.ports.documents import DocumentStore
from service.domain.ports.models import Splitter
from service.domain.ports.stores import UserStore
from service.domain.sessions import NOWHERE, SessionOrigin
from service.usecases.documents.cutting import Cut, cut
from service.usecases.documents.readiness import Readiness
from service.usecases.documents.views import DocumentView, DocumentViews
from service.usecases.users.ensure import user_of

PATIENCE = timedelta(seconds=15)
"""How long an upload waits for its chunks to be found, at the most: well within what clients wait for an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """
    A document that a caller sends. An empty *document_id* means a new one, made up here; *collection_id* a collection of the user
    that the document is put into, at *position*. With *allow_new_user* a user that does not exist is created.
    """

    name: str
    content: str
    document_id: str = ""
    origin: SessionOrigin = NOWHERE
    rules: ChunkRules = DEFAULT_RULES
    collection_id: str = ""
    position: int | None = None
    allow_new_user: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """A document as it was stored, with its sections and the ids of its chunks in their order."""

    view: DocumentView
    sections: Sequence[Section]
    chunk_ids: Sequence[str]


class UploadDocument:
    """Stores a document, in place of an older upload of its id, and waits until it can be recalled."""

    def __init__(
        self,
        users: UserStore,
        documents: DocumentStore,
        splitter: Splitter,
        readiness: Readiness,
        views: DocumentViews,
        *,
        patience: timedelta = PATIENCE,
    ) -> None:
        """Keep the stores, what cuts texts, what knows whether the index has followed, and how long to wait for it."""
        self._users = users
        self._documents = documents
        self._splitter = splitter
        self._readiness = readiness
        self._views = views
        self._patience = patience

    async def __call__(self, project_id: ProjectId, user_id: UserId, upload: Upload) -> Uploaded:
        """
        Return the document as it was stored, once it can be recalled or the patience is over.

        Raises UserNotFound, CollectionNotFound, DocumentOfAnotherUser, DocumentTooLarge, InvalidRequest, ConcurrentChange.
        """
        size = _checked_size(upload)
        scope = (await user_of(self._users, project_id, user_id, create=upload.allow_new_user)).scope
        if upload.collection_id:
            await self._documents.collection(scope, CollectionId(upload.collection_id))
        upload_id = UploadId(str(uuid4()))
        pieces = await asyncio.to_thread(cut, upload.content, upload.rules, upload_id, self._splitter)
        document = await self._documents.put(scope, _new(upload, upload_id, size, pieces))
        if upload.collection_id:
            await self._documents.add_member(
                scope, CollectionId(upload.collection_id), document.document_id, position=upload.position
            )
        await self._readiness.reached(scope, document, self._patience)
        (view,) = await self._views.of(scope, [document])
        return Uploaded(view=view, sections=pieces.sections, chunk_ids=[chunk.chunk_id for chunk in pieces.chunks])


def _checked_size(upload: Upload) -> int:
    """Return the bytes of the content. Raises DocumentTooLarge, InvalidRequest."""
    size = len(upload.content.encode())
    if size > MAX_BYTES:
        raise DocumentTooLarge(size=size, limit=MAX_BYTES)
    if not upload.content.strip():
        raise InvalidRequest.of("content", "must not be blank")
    upload.rules.check()
    return size


def _new(upload: Upload, upload_id: UploadId, size: int, pieces: Cut) -> NewDocument:
    return NewDocument(
        document_id=DocumentId(upload.document_id or str(uuid4())),
        name=upload.name,
        origin=upload.origin,
        rules=upload.rules,
        size_bytes=size,
        sections=pieces.sections,
        chunks=pieces.chunks,
        upload_id=upload_id,
    )
