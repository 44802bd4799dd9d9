"""Documents: a claim on the id, and in the user's bucket a record, its chunks and the collections that hold it."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.domain.deletions import ForgetFilter
from service.domain.document_errors import DocumentNotFound
from service.domain.documents import Document, DocumentFilter, NewDocument, Passage, Section, parse_chunk_id
from service.domain.errors import ConcurrentChange, UserNotFound
from service.domain.ids import DocumentId, ProjectId, Scope, UploadId
from service.domain.values import Page, PageRequest
from service.storage.redis.claims import ROUNDS, Claims
from service.storage.redis.codec import Hash, moment
from service.storage.redis.database import Command, Database, span
from service.storage.redis.document_codec import (
    ABOUT,
    SECTIONS,
    TIME,
    document_fields,
    erased_field,
    read_document,
    read_passage,
    read_sections,
    upload_fields,
)
from service.storage.redis.intents import Intent, Settler
from service.storage.redis.keys import Keyspace, UserKeys
from service.storage.redis.names import name_of, quoted
from service.storage.redis.outbox import entries_of
from service.storage.redis.shelves import Shelves

BOTH = 2
READ = 500
"""Documents that are read in one round trip."""


@dataclass(frozen=True, slots=True)
class RedisDocuments(Shelves):
    """Implements `DocumentStore`."""

    database: Database
    keyspace: Keyspace
    claims: Claims
    settler: Settler

    async def put(self, scope: Scope, document: NewDocument) -> Document:
        """
        Store a document, in place of the one with its id, and queue index entries for its chunks and the older ones, in one step.

        Raises DocumentOfAnotherUser, UserNotFound, ConcurrentChange.
        """
        keys = self.keyspace.user(scope)
        token, spent = "", ""
        for _ in range(ROUNDS):
            token = await self.claims.take(scope, document.document_id, spent=spent)
            outcome, *times = await self._put(keys, document, token)
            if outcome == "put":
                created_at, uploaded_at = times
                return _stored(document, created_at, uploaded_at)
            if outcome == "gone":
                await self.claims.free(scope, document.document_id)
                raise UserNotFound(user_id=scope.user_key)
            spent = token if outcome == "void" else spent
        raise ConcurrentChange

    async def get(self, scope: Scope, document_id: DocumentId) -> Document:
        """Return the document. Raises DocumentNotFound."""
        record = await self.database.get("HGETALL", self.keyspace.user(scope).document(document_id))
        if not record:
            raise DocumentNotFound(document_id=document_id)
        return read_document(record)

    async def known(self, scope: Scope, document_ids: Sequence[DocumentId]) -> Sequence[Document | None]:
        """Return documents, None where the user has none, in the same order, in one round trip."""
        keys = self.keyspace.user(scope)
        records = await self.database.send(*(("HGETALL", keys.document(id_)) for id_ in document_ids))
        return [read_document(record) if record else None for record in records]

    async def owner(self, project_id: ProjectId, document_id: DocumentId) -> Scope:
        """Return whose the document is. Raises DocumentNotFound."""
        holder = await self.claims.holder(project_id, document_id)
        if holder is not None:
            scope = Scope(project_id=project_id, user_key=holder)
            keys = self.keyspace.user(scope)
            # a claim without its document is half made or half freed
            if await self.database.get("EXISTS", keys.record, keys.document(document_id)) == BOTH:
                return scope
        raise DocumentNotFound(document_id=document_id)

    async def list(self, scope: Scope, page: PageRequest, wanted: DocumentFilter) -> Page[Document]:
        """Return one page of documents, newest first. Raises CollectionNotFound."""
        keys = self.keyspace.user(scope)
        if wanted == DocumentFilter():
            ids, total = await self.database.send(
                ("ZREVRANGE", keys.documents, *span(page.offset, page.limit)), ("ZCARD", keys.documents)
            )
            return Page(items=await self._read(keys, ids), offset=page.offset, total=total)
        found: Sequence[Document]
        if wanted.collection_id is not None:
            held = [member.document for member in await self.members(scope, wanted.collection_id)]
            found = sorted(held, key=lambda document: (document.created_at, document.document_id), reverse=True)
        else:
            found = await self._read(keys, await self.database.get("ZREVRANGE", keys.documents, 0, -1))
        matching = [document for document in found if wanted.group in (None, document.origin.group)]
        return Page(items=matching[page.offset : page.offset + page.limit], offset=page.offset, total=len(matching))

    async def sections(self, scope: Scope, upload_id: UploadId) -> Sequence[Section]:
        """Return the sections of an upload in their order; none when it is gone."""
        text = await self.database.get("HGET", self.keyspace.user(scope).upload(upload_id), SECTIONS)
        return read_sections(text) if text else ()

    async def passages(self, scope: Scope, chunk_ids: Sequence[str]) -> Sequence[Passage | None]:
        """Return chunks with their documents, None where there is none (any more), in the same order, in one round trip."""
        keys = self.keyspace.user(scope)
        places: dict[UploadId, dict[int, None]] = {}
        wanted = [parse_chunk_id(chunk_id) for chunk_id in chunk_ids]
        for upload_id, place in wanted:
            places.setdefault(upload_id, {})[place] = None
        # what an upload says is read in one command, so a passage is never of two uploads
        reads: builtins.list[Command]
        reads = [("HMGET", keys.upload(id_), ABOUT, TIME, *of_upload) for id_, of_upload in places.items()]
        answers = await self.database.send(*reads)
        found: dict[tuple[UploadId, int], Passage] = {}
        for (upload_id, of_upload), (about, time, *texts) in zip(places.items(), answers, strict=True):
            for place, text in zip(of_upload, texts, strict=True):
                if about and time and text:
                    found[upload_id, place] = read_passage(upload_id, place, about, time, text)
        return [found.get(one) for one in wanted]

    async def erased(self, scope: Scope, wanted: ForgetFilter) -> Mapping[UploadId, int]:
        """Return the uploads that went for a forgetting that is not committed yet, and how many chunks each had."""
        prefix = erased_field(wanted)
        found = await self.database.get("HGETALL", self.keyspace.user(scope).erased)
        return {UploadId(name.removeprefix(prefix)): int(count) for name, count in found.items() if name.startswith(prefix)}

    async def delete(self, scope: Scope, document_id: DocumentId, *, wanted: ForgetFilter | None = None) -> Document:
        """
        Remove the document with its chunks from everything that holds it, and return it. With *wanted* they are `erased` for the
        forgetting of it. Raises DocumentNotFound.
        """
        keys = self.keyspace.user(scope)
        intent = Intent(kind="release", project_id=scope.project_id, user_key=scope.user_key, name=document_id)
        for _ in range(ROUNDS):
            document = await self.get(scope, document_id)
            removed = await self.database.run(
                "delete_document",
                [
                    *(keys.record, keys.document(document_id), keys.documents, keys.upload(document.upload_id)),
                    *(keys.bucket.bulk, keys.bucket.intents, keys.members, keys.held, keys.holders, keys.erased),
                ],
                [
                    *(document_id, name_of(document_id), document.upload_id),
                    *(quoted(scope.project_id), scope.user_key, intent.text),
                    "" if wanted is None else erased_field(wanted, document.upload_id),
                ],
            )
            if removed:
                await self.settler.settle(intent)
                return document
        raise ConcurrentChange

    async def _put(self, keys: UserKeys, document: NewDocument, token: str) -> Sequence[str]:
        older = await self.database.get("HGET", keys.document(document.document_id), "upload") or ""
        fields = document_fields(document, token)
        records = [*([f"{older}:*"] if older else []), *entries_of(document.upload_id, len(document.chunks))]
        answer: Sequence[str] = await self.database.run(
            "put_document",
            [
                *(keys.record, keys.bucket.void, keys.document(document.document_id), keys.documents, keys.bucket.bulk),
                *(keys.upload(document.upload_id), keys.upload(UploadId(older or document.upload_id))),
            ],
            [
                *(token, older, document.document_id, quoted(keys.scope.project_id), keys.scope.user_key, document.upload_id),
                *(len(fields), len(records), *fields, *records, *upload_fields(document)),
            ],
        )
        return answer

    async def _read(self, keys: UserKeys, ids: Sequence[str]) -> Sequence[Document]:
        """Return the documents of some ids, those that are there, in the same order."""
        records: builtins.list[Hash] = []
        for start in range(0, len(ids), READ):
            part = ids[start : start + READ]
            records += await self.database.send(*(("HGETALL", keys.document(DocumentId(id_))) for id_ in part))
        return [read_document(record) for record in records if record]


def _stored(document: NewDocument, created_at: str, uploaded_at: str) -> Document:
    """Return the document as it was stored."""
    return Document(
        document_id=document.document_id,
        name=document.name,
        origin=document.origin,
        rules=document.rules,
        size_bytes=document.size_bytes,
        upload_id=document.upload_id,
        chunk_count=len(document.chunks),
        created_at=moment(created_at),
        uploaded_at=moment(uploaded_at),
    )
