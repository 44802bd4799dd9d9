"""DocumentsService over a real channel, with the worker of the service."""

from __future__ import annotations

from uuid import uuid4

import grpc
from mneme.v1 import document_pb2

from tests.rpc.tenant import Tenant, refused

MANUAL = "# Manual\n\n## Installation\n\nPlug the Zorbler in.\n\n## Care\n\nWash it with vinegar."


async def test_an_uploaded_document_is_found(tenant: Tenant) -> None:
    """At once, with its section, its place and where it begins."""
    user_id = await tenant.user()
    done = await tenant.call("UploadDocument", user_id=user_id, name="Zorbler", content=MANUAL)
    assert (document_pb2.DOCUMENT_STATUS_READY, 2, 2) == (done.document.status, done.document.chunk_count, len(done.chunk_ids))
    assert ["Manual", "Installation", "Care"] == [section.title for section in done.sections]
    found = await tenant.call("SearchDocuments", user_id=user_id, query="vinegar", limit=1)
    (span,) = found.spans
    assert (document_pb2.SPAN_STRATEGY_LOCAL, "Care", done.chunk_ids[1], 1) == (
        found.strategy,
        span.section,
        span.chunk_id,
        span.place,
    )
    assert span.text == MANUAL[span.start : span.start + len(span.text)]


async def test_documents_and_collections_are_listed(tenant: Tenant) -> None:
    """A document says which collections hold it, a collection what it holds."""
    user_id = await tenant.user()
    await tenant.call("CreateCollection", user_id=user_id, collection_id="c", name="Shelf", group="g", ordered=True)
    for name in ("a", "b"):
        await tenant.call("UploadDocument", user_id=user_id, document_id=f"{name}-{user_id}", name=name, content=name, group="g")
    await tenant.call("AddToCollection", user_id=user_id, collection_id="c", document_id=f"a-{user_id}", position=7)
    page = await tenant.call("ListDocuments", user_id=user_id, group="g", limit=1, offset=1)
    assert (["a"], 2, False, ["c"]) == (
        [document.name for document in page.documents],
        page.total,
        page.has_more,
        list(page.documents[0].collection_ids),
    )
    collection = await tenant.call("GetCollection", user_id=user_id, collection_id="c")
    assert (1, [("a", 7)]) == (
        collection.collection.document_count,
        [(member.document_name, member.position) for member in collection.documents],
    )
    listed = await tenant.call("ListCollections", user_id=user_id, group="g")
    assert (1, [collection.collection]) == (listed.total, list(listed.collections))


async def test_what_is_deleted_is_not_found(tenant: Tenant) -> None:
    """A member, a collection and a document, each once."""
    user_id = await tenant.user()
    ids = {"user_id": user_id, "collection_id": "c"}
    await tenant.call("CreateCollection", name="Shelf", **ids)
    about = {"user_id": user_id, "document_id": f"d-{user_id}"}
    await tenant.call("UploadDocument", name="x", content="x", collection_id="c", **about)
    for method, fields, reason in (
        ("RemoveFromCollection", {**ids, **about}, "DOCUMENT_NOT_IN_COLLECTION"),
        ("DeleteCollection", ids, "COLLECTION_NOT_FOUND"),
        ("DeleteDocument", about, "DOCUMENT_NOT_FOUND"),
    ):
        await tenant.call(method, **fields)
        error = await refused(tenant.call(method, **fields))
        assert (grpc.StatusCode.NOT_FOUND, reason) == (error.code, error.reason)


async def test_an_id_is_taken_once(tenant: Tenant) -> None:
    """A document's in the project, a collection's for the user."""
    one, other = await tenant.user(), await tenant.user()
    document_id = str(uuid4())
    await tenant.call("UploadDocument", user_id=one, document_id=document_id, name="x", content="x")
    error = await refused(tenant.call("UploadDocument", user_id=other, document_id=document_id, name="x", content="x"))
    assert (grpc.StatusCode.ALREADY_EXISTS, "DOCUMENT_OF_ANOTHER_USER") == (error.code, error.reason)
    for user_id in (one, other):
        await tenant.call("CreateCollection", user_id=user_id, collection_id="c", name="x")
    error = await refused(tenant.call("CreateCollection", user_id=one, collection_id="c", name="x"))
    assert "COLLECTION_ALREADY_EXISTS" == error.reason


async def test_a_document_that_is_too_long_is_told_so(tenant: Tenant) -> None:
    """With both sizes, whatever its length."""
    user_id = await tenant.user()
    error = await refused(tenant.call("UploadDocument", user_id=user_id, name="x", content="x" * 9_000_000))
    expected = {"size": "9000000", "limit": str(5 * 1024 * 1024)}
    assert (grpc.StatusCode.INVALID_ARGUMENT, "DOCUMENT_TOO_LARGE", expected) == (error.code, error.reason, error.metadata)
