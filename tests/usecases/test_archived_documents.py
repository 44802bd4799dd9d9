"""Documents and collections in archives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from service.domain.archives import ArchivedChunk, ArchivedCollection, ArchivedDocument, ArchiveRecord
from service.domain.document_errors import DocumentNotFound, DocumentOfAnotherUser
from service.domain.documents import ChunkRules, NewCollection
from service.domain.errors import InvalidRequest, UserNotFound
from service.domain.ids import CollectionId, DocumentId, UserId
from service.domain.ports.work import IndexedKind
from service.domain.projects import ProjectSettings
from service.domain.sessions import SessionOrigin, Visibility
from service.domain.users import NewUser
from service.rpc.mapping.lines import from_line, to_line
from tests.usecases.test_archives import VALIDATOR, exported, give, imported, last
from tests.usecases.test_documents import MANUAL, search, upload
from tests.usecases.world import World

SHELF = CollectionId("shelf")
Library = ArchivedDocument | ArchivedChunk | ArchivedCollection


async def shelve(world: World) -> None:
    """Give the user documents of every kind, one of them uploaded again, and collections of them."""
    documents = world.application.stores.documents
    for name in ("empty", "shelf"):
        new = NewCollection(collection_id=CollectionId(name), name=name.title(), group="x", ordered=name == "shelf")
        await documents.create_collection(world.scope, new)
    await upload(world, "An older text.", document_id="manual", collection_id="shelf", position=2)
    await upload(world, MANUAL, document_id="manual", rules=ChunkRules(size=200, overlap=20))
    limited = SessionOrigin(thread="t", group="x", visibility=Visibility.THREAD)
    await upload(world, "Un café \u2028 \u0000 😀", document_id="a/b", origin=limited, collection_id="shelf")
    await upload(world, "# Nothing but a heading", document_id="bare")


def library(records: Sequence[ArchiveRecord]) -> list[Library]:
    """Return the records about documents and collections."""
    return [record for record in records if isinstance(record, Library)]


async def test_what_is_imported_is_exported_the_same(world: World) -> None:
    """Line by line and byte by byte."""
    await shelve(world)
    lines = [to_line(record) for record in await exported(world)]
    user = await imported(world, [from_line(line, VALIDATOR) for line in lines])
    assert lines == [to_line(record) for record in await exported(world, user.project_id)]
    kinds = [type(record) for record in library([from_line(line, VALIDATOR) for line in lines])]
    assert [3, 2] == [kinds.count(kind) for kind in (ArchivedDocument, ArchivedCollection)]
    assert "An older text." not in "".join(lines)


async def test_an_imported_document_is_recalled(world: World) -> None:
    """By meaning, section and collection, when its chunks are in the index; and it is an upload of its own."""
    await shelve(world)
    user = await imported(world, await exported(world))
    assert user.has_documents
    while await world.application.sync_bulk("test"):
        pass
    theirs = replace(world, project_id=user.project_id, user=user)
    for text in ("What do I wash it with?", "the warranty section"):
        here, there = await search(world, text), await search(theirs, text)
        assert [span.passage.chunk.text for span in here.spans] == [span.passage.chunk.text for span in there.spans]
        assert here.spans
    index = world.application.index
    ours, other = [await index.record_ids(IndexedKind.CHUNK, scope) for scope in (world.scope, user.scope)]
    assert (len(ours), frozenset()) == (len(other), ours & other)
    members = await world.application.stores.documents.members(user.scope, SHELF)
    assert [("manual", 2), ("a/b", None)] == [(one.document.document_id, one.position) for one in members]


async def test_an_imported_document_is_replaced_and_deleted_like_others(world: World) -> None:
    """Its id is the user's own in its project, and free when it is gone."""
    await shelve(world)
    user = await imported(world, await exported(world))
    theirs = replace(world, project_id=user.project_id, user=user)
    documents = world.application.stores.documents
    assert user.scope == await documents.owner(user.project_id, DocumentId("manual"))
    await upload(theirs, "A newer text.", document_id="manual")
    assert "A newer text." in "".join(to_line(record) for record in await exported(world, user.project_id))
    await documents.delete(user.scope, DocumentId("manual"))
    with pytest.raises(DocumentNotFound):
        await documents.owner(user.project_id, DocumentId("manual"))


async def test_a_document_id_of_another_user_is_not_taken_away(world: World) -> None:
    """The import is refused as a whole, and the ids that it had taken are free again."""
    await shelve(world)
    records = await exported(world)
    project = await world.application.projects.create(None, name="other", settings=ProjectSettings())
    new = NewUser(user_id=UserId("owner"), metadata={}, merge_conflict_enabled=None)
    other = await world.application.stores.users.create(project.project_id, new)
    await upload(replace(world, project_id=project.project_id, user=other), "Mine.", document_id="a/b")
    redis = world.application.stores.users.database
    before = set(await redis.get("KEYS", "*"))
    with pytest.raises(DocumentOfAnotherUser):
        await world.application.archives.restore(project.project_id, give(records))
    assert other.scope == await world.application.stores.documents.owner(project.project_id, DocumentId("a/b"))
    assert {key for key in set(await redis.get("KEYS", "*")) - before if not key.endswith(":void")} == set()
    with pytest.raises(UserNotFound):
        await world.application.users.get(project.project_id, world.user.user_id)


SPOILT: dict[str, tuple[type, dict[str, Any]]] = {
    "a chunk of another document": (ArchivedChunk, {"document_id": DocumentId("manual")}),
    "a chunk out of its place": (ArchivedChunk, {"place": 7}),
    "a chunk that is too long": (ArchivedChunk, {"text": "x" * 801}),
    "more sections than chunks": (ArchivedDocument, {"chunk_count": -1}),
    "a rule that cannot be": (ArchivedDocument, {"rules": ChunkRules(size=100, overlap=10)}),
    "a document that came before": (ArchivedDocument, {"document_id": DocumentId("manual")}),
    "a collection that came before": (ArchivedCollection, {"collection_id": CollectionId("empty")}),
    "a member that is no document": (ArchivedCollection, {"document": "nothing"}),
}


@pytest.mark.parametrize("how", SPOILT)
async def test_a_bad_record_changes_nothing(world: World, how: str) -> None:
    """The error names the record, or the one behind it where something lacks; and not a key is left."""
    await shelve(world)
    records = await exported(world)
    kind, fields = SPOILT[how]
    place = last(records, kind)
    record: Any = records[place]
    if "document" in fields:
        fields = {"members": tuple(replace(one, document_id=DocumentId(fields["document"])) for one in record.members)}
    records[place] = replace(record, **fields)
    redis = world.application.stores.users.database
    project = await world.application.projects.create(None, name="other", settings=ProjectSettings())
    before = set(await redis.get("KEYS", "*"))
    with pytest.raises(InvalidRequest, match=f"^record {place + 1}: "):
        await world.application.archives.restore(project.project_id, give(records))
    assert {key for key in set(await redis.get("KEYS", "*")) - before if not key.endswith(":void")} == set()


async def test_a_document_without_all_its_chunks_is_refused(world: World) -> None:
    """Where the next record comes, or the end."""
    await shelve(world)
    records = await exported(world)
    place = last(records, ArchivedChunk)
    for cut in (records[:place], [*records[:place], *records[place + 1 :]]):
        project = await world.application.projects.create(None, name="other", settings=ProjectSettings())
        with pytest.raises(InvalidRequest, match="chunk_count"):
            await world.application.archives.restore(project.project_id, give(cut))


async def test_documents_come_last(world: World) -> None:
    """After what they have nothing to do with, so that an archive has one order."""
    await world.say("I live in Lisbon.")
    await shelve(world)
    records = await exported(world)
    project = await world.application.projects.create(None, name="other", settings=ProjectSettings())
    moved = [records[0], *library(records), *(one for one in records[1:] if not isinstance(one, Library))]
    with pytest.raises(InvalidRequest, match="come last"):
        await world.application.archives.restore(project.project_id, give(moved))
