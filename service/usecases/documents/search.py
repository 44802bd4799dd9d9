"""Search documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.domain.document_errors import DocumentNotFound
from service.domain.documents import audience_keys
from service.domain.ids import CollectionId, DocumentId, ProjectId, Scope, UploadId, UserId
from service.domain.ports.documents import DocumentStore
from service.domain.ports.stores import UserStore
from service.domain.users import User
from service.recall.documents import DocumentRecaller, SpanQuery, SpanResult, SpanStrategy


@dataclass(frozen=True, slots=True, kw_only=True)
class SpansWanted:
    """
    Which passages a caller wants: at most *limit*, with a score of at least *threshold*; of one document, of one collection, of
    one in the other, or of all documents that may be recalled from within *thread* and *group*. Empty is no condition.
    """

    limit: int = 5
    threshold: float = 0.0
    document_id: str = ""
    collection_id: str = ""
    thread: str = ""
    group: str = ""


class SearchDocuments:
    """Finds the passages of documents that a query asks for."""

    def __init__(self, users: UserStore, documents: DocumentStore, recaller: DocumentRecaller) -> None:
        """Keep the stores and the recaller."""
        self._users = users
        self._documents = documents
        self._recaller = recaller

    async def __call__(self, project_id: ProjectId, user_id: UserId, text: str, wanted: SpansWanted) -> SpanResult:
        """Return what was found. Raises UserNotFound, DocumentNotFound, CollectionNotFound."""
        return await self.of(await self._users.get(project_id, user_id), text, wanted)

    async def of(self, user: User, text: str, wanted: SpansWanted) -> SpanResult:
        """Return what was found in the documents of *user*. Raises DocumentNotFound, CollectionNotFound."""
        uploads = await self._uploads(user.scope, wanted)
        if not user.has_documents:
            return SpanResult(strategy=SpanStrategy.LOCAL)
        return await self._recaller(
            SpanQuery(
                scope=user.scope,
                text=text,
                limit=wanted.limit,
                threshold=wanted.threshold,
                # what the caller names is shown wherever it belongs
                audience=audience_keys(thread=wanted.thread, group=wanted.group) if uploads is None else None,
                uploads=uploads,
                collection=bool(wanted.collection_id and not wanted.document_id),
            )
        )

    async def _uploads(self, scope: Scope, wanted: SpansWanted) -> Sequence[UploadId] | None:
        """Return the uploads that the caller restricts the search to, or None. Raises DocumentNotFound, CollectionNotFound."""
        uploads = None
        if wanted.collection_id:
            members = await self._documents.members(scope, CollectionId(wanted.collection_id))
            uploads = [member.document.upload_id for member in members]
        if wanted.document_id:
            document = await self._documents.get(scope, DocumentId(wanted.document_id))
            if uploads is not None and document.upload_id not in uploads:
                raise DocumentNotFound(document_id=wanted.document_id)
            uploads = [document.upload_id]
        return uploads
