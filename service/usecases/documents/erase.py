"""Erase documents that are to be forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from service.domain.deletions import ForgetFilter
from service.domain.document_errors import DocumentNotFound
from service.domain.documents import Document, DocumentFilter
from service.domain.ids import Scope, UploadId
from service.domain.ports.documents import DocumentStore
from service.domain.ports.index import VectorIndex
from service.domain.ports.work import Outbox
from service.usecases.indexing.held import let_workers_end
from service.usecases.paging import every


class EraseDocuments:
    """
    Implements `DocumentEraser`. A document that a forgetting covers goes with all its chunks: what is left of it would be a name
    without a text.
    """

    def __init__(self, documents: DocumentStore, index: VectorIndex, bulk: Outbox) -> None:
        """Keep the store, the index and the outbox of chunks."""
        self._documents = documents
        self._index = index
        self._bulk = bulk

    async def __call__(self, scope: Scope, wanted: ForgetFilter) -> Mapping[UploadId, int]:
        """
        Remove what *wanted* covers, in the truth and in the index, and return how many chunks went of each upload, those also
        that went when the forgetting broke off before. Can be repeated.
        """
        for document in await self._covered(scope, wanted):
            with suppress(DocumentNotFound):
                await self._documents.delete(scope, document.document_id, wanted=wanted)
        erased = await self._documents.erased(scope, wanted)
        for upload_id in erased:
            await self._index.delete_upload_chunks(scope, upload_id)
        if erased:
            # those that had read chunks before they went look again, and remove what they wrote
            await let_workers_end(self._bulk, scope, await self._bulk.held(scope))
        return erased

    async def _covered(self, scope: Scope, wanted: ForgetFilter) -> Sequence[Document]:
        """Return the documents that meet every condition; none where sessions are named, to which no document belongs."""
        if wanted.session_id is not None:
            return ()
        documents = every(lambda page: self._documents.list(scope, page, DocumentFilter()))
        return [document async for document in documents if covers(wanted, document)]


def covers(wanted: ForgetFilter, document: Document) -> bool:
    """Return whether a document meets every condition on documents: its id, thread, group, and the time of its upload."""
    return (
        wanted.document_id in (None, document.document_id)
        and wanted.thread in (None, document.origin.thread)
        and wanted.group in (None, document.origin.group)
        and (wanted.from_time is None or document.uploaded_at >= wanted.from_time)
        and (wanted.to_time is None or document.uploaded_at < wanted.to_time)
    )
