"""Collections of documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.domain.document_errors import CollectionAlreadyExists, CollectionNotFound, DocumentNotFound, DocumentNotInCollection
from service.domain.documents import Collection, Member, NewCollection
from service.domain.errors import UserNotFound
from service.domain.ids import CollectionId, DocumentId, Scope
from service.domain.values import Page, PageRequest
from service.storage.redis.codec import moment
from service.storage.redis.database import Command, Database
from service.storage.redis.document_codec import read_collection, read_document, write_collection
from service.storage.redis.keys import Keyspace, UserKeys
from service.storage.redis.names import name_of


@dataclass(frozen=True, slots=True)
class Shelves:
    """
    The part of `DocumentStore` that is about collections.

    Who is in which is kept in both directions by short names, so that one script finds all pairs of a document or a collection.
    """

    database: Database
    keyspace: Keyspace

    async def create_collection(self, scope: Scope, collection: NewCollection) -> Collection:
        """Store a new collection. Raises CollectionAlreadyExists, UserNotFound."""
        keys = self.keyspace.user(scope)
        name, text = name_of(collection.collection_id), write_collection(collection)
        outcome, *created_at = await self.database.run("create_collection", [keys.record, keys.collections], [name, text])
        if outcome == "gone":
            raise UserNotFound(user_id=scope.user_key)
        if outcome == "exists":
            raise CollectionAlreadyExists(collection_id=collection.collection_id)
        return read_collection(f"{created_at[0]} {text}", 0)

    async def collection(self, scope: Scope, collection_id: CollectionId) -> Collection:
        """Return the collection. Raises CollectionNotFound."""
        keys, name = self.keyspace.user(scope), name_of(collection_id)
        text, count = await self.database.send(("HGET", keys.collections, name), _counted(keys, name))
        if not text:
            raise CollectionNotFound(collection_id=collection_id)
        return read_collection(text, count)

    async def collections(self, scope: Scope, page: PageRequest, *, group: str | None = None) -> Page[Collection]:
        """Return one page of the collections of a *group*, None for all, newest first."""
        keys = self.keyspace.user(scope)
        texts = await self.database.get("HGETALL", keys.collections)
        found = [(name, read_collection(text, 0)) for name, text in texts.items()]
        matching = [(name, one) for name, one in found if group in (None, one.group)]
        matching.sort(key=lambda item: (item[1].created_at, item[0]), reverse=True)
        shown = [name for name, _ in matching[page.offset : page.offset + page.limit]]
        counts = await self.database.send(*(_counted(keys, name) for name in shown))
        items = [read_collection(texts[name], count) for name, count in zip(shown, counts, strict=True)]
        return Page(items=items, offset=page.offset, total=len(matching))

    async def members(self, scope: Scope, collection_id: CollectionId) -> Sequence[Member]:
        """Return what is in the collection, by position, then by the time when it was added. Raises CollectionNotFound."""
        keys, name = self.keyspace.user(scope), name_of(collection_id)
        known, pairs = await self.database.send(("HEXISTS", keys.collections, name), _pairs(keys.held, name))
        if not known:
            raise CollectionNotFound(collection_id=collection_id)
        if not pairs:
            return []
        names = [pair.partition(":")[2] for pair in pairs]
        places, *records = await self.database.send(
            ("HMGET", keys.members, *pairs), *(("HGETALL", keys.document_named(name)) for name in names)
        )
        members = []
        for place, record in zip(places, records, strict=True):
            if place and record:
                added_at, _, position = place.partition(" ")
                number = int(position) if position else None
                members.append(Member(document=read_document(record), position=number, added_at=moment(added_at)))
        return sorted(members, key=_in_order)

    async def collections_of(self, scope: Scope, document_ids: Sequence[DocumentId]) -> Sequence[Sequence[CollectionId]]:
        """Return the ids of the collections that hold each document, in order of the ids, in two round trips."""
        keys = self.keyspace.user(scope)
        found = await self.database.send(*(_pairs(keys.holders, name_of(id_)) for id_ in document_ids))
        names = [[pair.partition(":")[2] for pair in pairs] for pairs in found]
        every = sorted({name for some in names for name in some})
        if not every:
            return [() for _ in document_ids]
        texts = await self.database.get("HMGET", keys.collections, *every)
        ids = {name: read_collection(text, 0).collection_id for name, text in zip(every, texts, strict=True) if text}
        return [sorted(ids[name] for name in some if name in ids) for some in names]

    async def delete_collection(self, scope: Scope, collection_id: CollectionId) -> None:
        """Remove the collection; its documents stay. Raises CollectionNotFound."""
        keys = self.keyspace.user(scope)
        shared = [keys.collections, keys.members, keys.held, keys.holders]
        if not await self.database.run("delete_collection", shared, [name_of(collection_id)]):
            raise CollectionNotFound(collection_id=collection_id)

    async def add_member(
        self, scope: Scope, collection_id: CollectionId, document_id: DocumentId, *, position: int | None
    ) -> None:
        """Put a document into a collection, or give it another position there. Raises CollectionNotFound, DocumentNotFound."""
        keys, place = self.keyspace.user(scope), "" if position is None else position
        names = [name_of(collection_id), name_of(document_id)]
        outcome = await self.database.run("add_member", _shared(keys, document_id), [*names, place])
        _check(outcome, collection_id, document_id)

    async def remove_member(self, scope: Scope, collection_id: CollectionId, document_id: DocumentId) -> None:
        """Take a document out of a collection. Raises CollectionNotFound, DocumentNotFound, DocumentNotInCollection."""
        keys = self.keyspace.user(scope)
        names = [name_of(collection_id), name_of(document_id)]
        _check(await self.database.run("remove_member", _shared(keys, document_id), names), collection_id, document_id)


def _shared(keys: UserKeys, document_id: DocumentId) -> list[str]:
    return [keys.collections, keys.document(document_id), keys.members, keys.held, keys.holders]


def _check(outcome: str, collection_id: CollectionId, document_id: DocumentId) -> None:
    """Raise what an outcome other than success means."""
    match outcome:
        case "no_collection":
            raise CollectionNotFound(collection_id=collection_id)
        case "no_document":
            raise DocumentNotFound(document_id=document_id)
        case "no_member":
            raise DocumentNotInCollection(document_id=document_id, collection_id=collection_id)


def _pairs(key: str, name: str) -> Command:
    """Return what reads every pair that begins with a name."""
    return ("ZRANGEBYLEX", key, f"[{name}:", f"({name};")


def _counted(keys: UserKeys, name: str) -> Command:
    """Return what counts the documents of a collection."""
    return ("ZLEXCOUNT", keys.held, f"[{name}:", f"({name};")


def _in_order(member: Member) -> tuple[bool, int, float, str]:
    """Return what members are sorted by: those without a position come last."""
    position = member.position
    return position is None, position or 0, member.added_at.timestamp(), member.document.document_id
