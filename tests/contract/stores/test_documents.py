"""Documents and collections."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import uuid4

import pytest

from service.domain.document_errors import (
    CollectionAlreadyExists,
    CollectionNotFound,
    DocumentNotFound,
    DocumentNotInCollection,
    DocumentOfAnotherUser,
)
from service.domain.documents import Chunk, ChunkRules, Document, DocumentFilter, NewCollection, NewDocument, Section, chunk_id
from service.domain.errors import UserNotFound
from service.domain.ids import CollectionId, DocumentId, Scope, UploadId
from service.domain.ports.work import CHUNKS_OF_ENTRY, IndexedKind
from service.domain.sessions import SessionOrigin
from service.domain.values import Page, PageRequest
from service.storage.redis import RedisStores
from tests.contract.stores.makers import ACME, FIRST_PAGE, GLOBEX, World, new_user, project

HANDBOOK = DocumentId("hand/book {1} ü:*")
SHELF = CollectionId("shelf")
EVERY = DocumentFilter()


def new_document(document_id: str = HANDBOOK, *texts: str, group: str = "", name: str = "Handbook") -> NewDocument:
    """Return a document of one chunk for each of *texts*."""
    upload_id = UploadId(str(uuid4()))
    texts = texts or ("first", "second")
    chunks = [Chunk(upload_id=upload_id, place=place, start=place, title="T", text=text) for place, text in enumerate(texts)]
    return NewDocument(
        document_id=DocumentId(document_id),
        name=name,
        origin=SessionOrigin(group=group),
        rules=ChunkRules(),
        size_bytes=5,
        sections=[Section(title="T", level=1, first=0, chunks=len(chunks))],
        chunks=chunks,
        upload_id=upload_id,
    )


def new_collection(collection_id: str = SHELF, group: str = "") -> NewCollection:
    """Return a collection to create."""
    return NewCollection(collection_id=CollectionId(collection_id), name="Shelf", group=group, ordered=True)


async def texts_of(world: World, document: Document, places: Sequence[int] = (0, 1)) -> list[str | None]:
    """Return the texts of some chunks of an upload."""
    ids = [chunk_id(document.upload_id, place) for place in places]
    return [None if found is None else found.chunk.text for found in await world.stores.documents.passages(world.scope, ids)]


async def other_user(stores: RedisStores, user_id: str = "ben") -> Scope:
    """Return the scope of another user of the same project."""
    return (await stores.users.create(ACME, new_user(user_id))).scope


async def test_a_document_comes_back_as_it_was_stored(world: World) -> None:
    """With its sections and its chunks, each with the document that it is a part of."""
    documents, new = world.stores.documents, new_document()
    stored = await documents.put(world.scope, new)
    assert stored == await documents.get(world.scope, HANDBOOK)
    assert (new.sections, 2) == (await documents.sections(world.scope, new.upload_id), stored.chunk_count)
    (passage,) = await documents.passages(world.scope, [chunk_id(new.upload_id, 1)])
    assert passage is not None
    assert (HANDBOOK, "Handbook", new.chunks[1]) == (passage.document_id, passage.name, passage.chunk)
    assert [None] == await texts_of(world, stored, [2])


async def test_an_upload_takes_the_place_of_the_older_one(world: World) -> None:
    """All at once: no chunk of the older one is left, and the document is as old as it was."""
    documents = world.stores.documents
    first = await documents.put(world.scope, new_document())
    second = await documents.put(world.scope, new_document(HANDBOOK, "new"))
    assert [None, None] == await texts_of(world, first)
    assert ["new", None] == await texts_of(world, second)
    assert (first.created_at, True) == (second.created_at, second.uploaded_at > first.uploaded_at)
    assert ((), 1) == (await documents.sections(world.scope, first.upload_id), (await listed(world)).total)


async def listed(world: World, wanted: DocumentFilter = EVERY, page: PageRequest = FIRST_PAGE) -> Page[Document]:
    """Return a page of documents."""
    return await world.stores.documents.list(world.scope, page, wanted)


async def test_index_entries_name_chunks_by_ranges(world: World) -> None:
    """They wait apart from those of messages, with one for the upload that is gone."""
    first = new_document(HANDBOOK, *map(str, range(CHUNKS_OF_ENTRY + 3)))
    await world.stores.documents.put(world.scope, first)
    expected = [f"{first.upload_id}:0-{CHUNKS_OF_ENTRY - 1}", f"{first.upload_id}:{CHUNKS_OF_ENTRY}-{CHUNKS_OF_ENTRY + 2}"]
    assert expected == await world.stores.bulk.pending(world.scope, IndexedKind.CHUNK)
    second = new_document(HANDBOOK, "new")
    await world.stores.documents.put(world.scope, second)
    queued = await world.stores.bulk.pending(world.scope, IndexedKind.CHUNK)
    assert [*expected, f"{first.upload_id}:*", f"{second.upload_id}:0-0"] == queued
    assert [] == await world.stores.outbox.pending(world.scope, IndexedKind.CHUNK)
    await world.stores.documents.delete(world.scope, HANDBOOK)
    assert f"{second.upload_id}:*" == (await world.stores.bulk.pending(world.scope, IndexedKind.CHUNK))[-1]


async def test_a_reindex_queues_every_chunk(world: World) -> None:
    """Of the uploads that there are."""
    await world.stores.projects.create(project())
    stored = await world.stores.documents.put(world.scope, new_document())
    while entries := await world.stores.bulk.claim("test", 100):
        await world.stores.bulk.retire(entries)
    await world.stores.outbox.enqueue_all()
    assert [f"{stored.upload_id}:0-1"] == await world.stores.bulk.pending(world.scope, IndexedKind.CHUNK)


async def test_the_user_knows_of_documents(world: World) -> None:
    """So that nobody looks for any where there are none."""
    users = world.stores.users
    assert not (await users.get(ACME, world.user.user_id)).has_documents
    await world.stores.documents.put(world.scope, new_document())
    assert (await users.get(ACME, world.user.user_id)).has_documents
    await world.stores.documents.delete(world.scope, HANDBOOK)
    assert not (await users.get(ACME, world.user.user_id)).has_documents


async def test_an_id_is_one_users_in_a_project(world: World) -> None:
    """Another user of the project is refused and sees nothing; in another project it is free."""
    documents = world.stores.documents
    stored = await documents.put(world.scope, new_document())
    ben = await other_user(world.stores)
    with pytest.raises(DocumentOfAnotherUser):
        await documents.put(ben, new_document())
    with pytest.raises(DocumentNotFound):
        await documents.get(ben, HANDBOOK)
    with pytest.raises(DocumentNotFound):
        await documents.delete(ben, HANDBOOK)
    assert [None] == list(await documents.passages(ben, [chunk_id(stored.upload_id, 0)]))
    assert world.scope == await documents.owner(ACME, HANDBOOK)
    foreign = (await world.stores.users.create(GLOBEX, new_user())).scope
    await documents.put(foreign, new_document())
    assert foreign == await documents.owner(GLOBEX, HANDBOOK)


async def test_of_racing_uploads_one_users_wins(world: World) -> None:
    """The id is one user's, whoever was first; that user's last upload stays, whole."""
    documents, stores = world.stores.documents, world.stores
    scopes = [world.scope, await other_user(stores), await other_user(stores, "cas")]
    results = await asyncio.gather(
        *(documents.put(scope, new_document()) for scope in scopes for _ in range(4)), return_exceptions=True
    )
    owner = await documents.owner(ACME, HANDBOOK)
    won = [one for one in results if isinstance(one, Document)]
    assert (4, 8) == (len(won), sum(isinstance(one, DocumentOfAnotherUser) for one in results))
    current = await documents.get(owner, HANDBOOK)
    alive = [await documents.passages(owner, [chunk_id(one.upload_id, 0)]) for one in won]
    assert [current.upload_id] == [found[0].chunk.upload_id for found in alive if found[0] is not None]


async def test_a_deleted_documents_id_is_free(world: World) -> None:
    """Also for another user; deleting it again finds nothing."""
    documents = world.stores.documents
    stored = await documents.put(world.scope, new_document())
    assert stored == await documents.delete(world.scope, HANDBOOK)
    with pytest.raises(DocumentNotFound):
        await documents.delete(world.scope, HANDBOOK)
    with pytest.raises(DocumentNotFound):
        await documents.owner(ACME, HANDBOOK)
    assert [None, None] == await texts_of(world, stored)
    ben = await other_user(world.stores)
    await documents.put(ben, new_document())
    assert ben == await documents.owner(ACME, HANDBOOK)


async def test_a_dead_writers_claim_passes_on(world: World, impatient: RedisStores) -> None:
    """Whoever died between the claim and the document holds nobody up; the dead one finds its token void."""
    await world.stores.documents.claims.take(world.scope, HANDBOOK)
    ben = await other_user(world.stores)
    with pytest.raises(DocumentOfAnotherUser):
        await world.stores.documents.put(ben, new_document())
    await impatient.documents.put(ben, new_document())
    assert ben == await world.stores.documents.owner(ACME, HANDBOOK)
    with pytest.raises(DocumentOfAnotherUser):
        await world.stores.documents.put(world.scope, new_document())


async def test_a_deleted_user_leaves_no_documents(world: World) -> None:
    """Nor claims, chunks or collections; a late upload is refused and takes no id."""
    documents = world.stores.documents
    stored = await documents.put(world.scope, new_document())
    await documents.create_collection(world.scope, new_collection())
    await world.stores.users.delete(ACME, world.user.user_id)
    with pytest.raises(DocumentNotFound):
        await documents.owner(ACME, HANDBOOK)
    assert [None, None] == await texts_of(world, stored)
    assert (0, 0) == ((await listed(world)).total, (await documents.collections(world.scope, FIRST_PAGE)).total)
    with pytest.raises(UserNotFound):
        await documents.put(world.scope, new_document())
    await documents.put(await other_user(world.stores), new_document())


async def test_documents_are_listed_newest_first(world: World) -> None:
    """By page, by group and by collection, with the total of what matches."""
    documents = world.stores.documents
    for number in range(4):
        await documents.put(world.scope, new_document(f"d{number}", group="odd" if number % 2 else "even"))
    await documents.create_collection(world.scope, new_collection())
    for id_ in ("d0", "d3", "d2"):
        await documents.add_member(world.scope, SHELF, DocumentId(id_), position=None)
    pages = {
        EVERY: (["d2", "d1"], 4),
        DocumentFilter(group="odd"): (["d1"], 2),
        DocumentFilter(collection_id=SHELF): (["d2", "d0"], 3),
        DocumentFilter(collection_id=SHELF, group="even"): (["d0"], 2),
    }
    for wanted, expected in pages.items():
        page = await listed(world, wanted, PageRequest(offset=1, limit=2))
        assert expected == ([document.document_id for document in page.items], page.total)
    with pytest.raises(CollectionNotFound):
        await listed(world, DocumentFilter(collection_id=CollectionId("none")))


async def test_a_collection_keeps_an_order(world: World) -> None:
    """By position, then by the time of adding; adding again moves, and changes no time."""
    documents = world.stores.documents
    await documents.create_collection(world.scope, new_collection())
    for id_, position in (("a", None), ("b", 2), ("c", 1), ("d", None)):
        await documents.put(world.scope, new_document(id_))
        await documents.add_member(world.scope, SHELF, DocumentId(id_), position=position)
    before = await documents.members(world.scope, SHELF)
    assert ["c", "b", "a", "d"] == [member.document.document_id for member in before]
    await documents.add_member(world.scope, SHELF, DocumentId("d"), position=0)
    after = await documents.members(world.scope, SHELF)
    assert ["d", "c", "b", "a"] == [member.document.document_id for member in after]
    assert (before[3].added_at, 4) == (after[0].added_at, (await documents.collection(world.scope, SHELF)).document_count)


async def test_a_document_leaves_its_collections(world: World) -> None:
    """When it is taken out and when it is deleted, and an upload in its place stays in them."""
    documents = world.stores.documents
    for id_ in ("one", "two"):
        await documents.create_collection(world.scope, new_collection(id_))
        await documents.put(world.scope, new_document())
        await documents.add_member(world.scope, CollectionId(id_), HANDBOOK, position=None)
    assert [["one", "two"], []] == [list(ids) for ids in await documents.collections_of(world.scope, [HANDBOOK, DocumentId("x")])]
    await documents.remove_member(world.scope, CollectionId("one"), HANDBOOK)
    with pytest.raises(DocumentNotInCollection):
        await documents.remove_member(world.scope, CollectionId("one"), HANDBOOK)
    await documents.delete(world.scope, HANDBOOK)
    assert [0, 0] == [one.document_count for one in (await documents.collections(world.scope, FIRST_PAGE)).items]
    await documents.put(world.scope, new_document())
    assert [[]] == [list(ids) for ids in await documents.collections_of(world.scope, [HANDBOOK])]


async def test_a_deleted_collection_leaves_its_documents(world: World) -> None:
    """One with its id is another one, empty."""
    documents = world.stores.documents
    await documents.put(world.scope, new_document())
    await documents.create_collection(world.scope, new_collection())
    with pytest.raises(CollectionAlreadyExists):
        await documents.create_collection(world.scope, new_collection())
    await documents.add_member(world.scope, SHELF, HANDBOOK, position=1)
    await documents.delete_collection(world.scope, SHELF)
    with pytest.raises(CollectionNotFound):
        await documents.delete_collection(world.scope, SHELF)
    await documents.get(world.scope, HANDBOOK)
    await documents.create_collection(world.scope, new_collection())
    assert [] == list(await documents.members(world.scope, SHELF))


async def test_only_what_exists_goes_together(world: World) -> None:
    """A document into a collection, both of one user."""
    documents, ben = world.stores.documents, await other_user(world.stores)
    await documents.put(world.scope, new_document())
    await documents.create_collection(ben, new_collection())
    with pytest.raises(CollectionNotFound):
        await documents.add_member(world.scope, SHELF, HANDBOOK, position=None)
    with pytest.raises(DocumentNotFound):
        await documents.add_member(ben, SHELF, HANDBOOK, position=None)
    with pytest.raises(CollectionNotFound):
        await documents.collection(world.scope, SHELF)
