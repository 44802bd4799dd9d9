"""Documents over real engines: uploaded, found, replaced, forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.deletions import ForgetFilter
from service.domain.document_errors import DocumentNotFound, DocumentTooLarge
from service.domain.documents import MAX_BYTES, ChunkRules, DocumentFilter, NewCollection
from service.domain.errors import IdempotencyKeyReused, InvalidRequest
from service.domain.ids import CollectionId, DocumentId, UploadId
from service.domain.ports.documents import DocumentStore
from service.domain.ports.index import VectorIndex
from service.domain.ports.work import IndexedKind
from service.domain.sessions import SessionOrigin, Visibility
from service.domain.values import PageRequest
from service.models.splitting import SemanticSplitter
from service.recall.documents import SpanResult, SpanStrategy
from service.storage.redis import open_stores
from service.usecases.documents.cutting import cut
from service.usecases.documents.erase import EraseDocuments
from service.usecases.documents.outline import headings_of
from service.usecases.documents.search import SpansWanted
from service.usecases.documents.upload import Upload, Uploaded
from service.usecases.memory.get_context import ContextWanted
from service.usecases.memory.recall import RecallLimits
from tests.conftest import Engines, FakeClock
from tests.usecases.conftest import DATABASE
from tests.usecases.interruptions import Interrupted, Interruption, dies
from tests.usecases.world import World

MANUAL = """# Zorbler manual

Welcome to your Zorbler.

## Installation

Plug the Zorbler into the wall and press the red button.

## Care

Wash the Zorbler with vinegar once a month.

### Filters

Replace the filter every year.

## Warranty

Two years from the day of purchase.
"""
PIECES = st.sampled_from(
    [
        "# Title",
        "Chapter 3: The storm",
        "Setext",
        "====",
        "```",
        "plain words here",
        "x" * 300,
        "é日本🙂 ",
        "- item",
        "",
        "\r",
        "a. B? c!",
    ]
)
SIZES = st.builds(ChunkRules, size=st.sampled_from([200, 333]), overlap=st.sampled_from([0, 50, 199]))


async def upload(world: World, content: str, **about: object) -> Uploaded:
    """Upload a document while the worker's part is done."""
    wanted = Upload(name="Zorbler", content=content, **about)  # type: ignore[arg-type]  # fields by name
    working = asyncio.create_task(world.application.documents.upload(world.project_id, world.user.user_id, wanted))
    while not working.done():
        await world.application.sync_bulk("test")
        await asyncio.sleep(0)
    return await working


async def search(world: World, text: str, **wanted: object) -> SpanResult:
    """Search the user's documents."""
    about = SpansWanted(**wanted)  # type: ignore[arg-type]  # fields by name
    return await world.application.documents.search(world.project_id, world.user.user_id, text, about)


def titles(result: SpanResult) -> Sequence[str | None]:
    """Return the headings above what was found."""
    return [span.passage.chunk.title for span in result.spans]


async def indexed(world: World) -> frozenset[str]:
    """Return the ids of the chunks in the index."""
    return await world.application.index.record_ids(IndexedKind.CHUNK, world.scope)


@given(lines=st.lists(PIECES, max_size=12), ending=st.sampled_from(["\n", "\n\n", "\r\n"]), rules=SIZES)
def test_chunks_are_pieces_of_the_text(lines: list[str], ending: str, rules: ChunkRules) -> None:
    """Each stands where it says and is no longer than allowed; only headings and white space are in none; a repeat cuts alike."""
    text = ending.join(lines)
    pieces = cut(text, rules, UploadId("u"), SemanticSplitter())
    assert pieces == cut(text, rules, UploadId("u"), SemanticSplitter())
    covered = bytearray(len(text))
    for heading in headings_of(text):
        covered[heading.start : heading.below] = b"\1" * (heading.below - heading.start)
    for place, chunk in enumerate(pieces.chunks):
        assert (place, True) == (chunk.place, 0 < len(chunk.text) <= rules.size)
        assert chunk.text == text[chunk.start : chunk.start + len(chunk.text)]
        covered[chunk.start : chunk.start + len(chunk.text)] = b"\1" * len(chunk.text)
    assert "" == "".join(character for character, seen in zip(text, covered, strict=True) if not seen).strip()
    places = [place for section in pieces.sections for place in range(section.first, section.first + section.chunks)]
    assert places == [chunk.place for chunk in pieces.chunks]


async def test_an_upload_can_be_recalled_at_once(world: World) -> None:
    """It is ready when its answer comes, and what it says is found by meaning."""
    done = await upload(world, MANUAL)
    assert (True, 5) == (done.view.ready, len(done.chunk_ids))
    assert set(done.chunk_ids) == await indexed(world)
    found = await search(world, "How do I switch it on?", limit=1)
    assert (SpanStrategy.LOCAL, ["Installation"]) == (found.strategy, titles(found))


async def test_a_query_can_ask_for_a_section(world: World) -> None:
    """With the sections below it, in order, whether or not the document is named."""
    done = await upload(world, MANUAL)
    for named in ("", done.view.document.document_id):
        found = await search(world, "show me the care section", document_id=named)
        assert (SpanStrategy.SECTION, ["Care", "Filters"]) == (found.strategy, titles(found))


async def test_a_query_can_ask_for_the_whole(world: World) -> None:
    """Its beginnings are spread over the document, to its end."""
    done = await upload(world, MANUAL)
    found = await search(world, "Summarise this", document_id=done.view.document.document_id, limit=3)
    assert (SpanStrategy.DOCUMENT, ["Zorbler manual", "Installation", "Filters"]) == (found.strategy, titles(found))


async def test_a_collection_is_searched_alone(world: World) -> None:
    """Several of its documents are heard, and none outside."""
    calls = world.application.documents
    new = NewCollection(collection_id=CollectionId("shelf"), name="Shelf", group="", ordered=False)
    await calls.create_collection(world.project_id, world.user.user_id, new)
    for number, text in enumerate(
        ("Wash it with vinegar.\n\n" * 20, "Vinegar is good for washing.", "Vinegar for washing outside.")
    ):
        shelf = "shelf" if number < 2 else ""
        await upload(world, text, document_id=f"d{number}", collection_id=shelf, rules=ChunkRules(size=200, overlap=0))
    found = await search(world, "washing with vinegar", collection_id="shelf", limit=2)
    assert SpanStrategy.COLLECTION == found.strategy
    assert {"d0", "d1"} == {span.passage.document_id for span in found.spans}


async def test_an_upload_in_the_place_of_another_hides_it(world: World) -> None:
    """Also while the index still has the older one, and in the index once it has followed."""
    await upload(world, MANUAL, document_id="d")
    second = await upload(world, "Never wash the Zorbler.", document_id="d")
    found = await search(world, "vinegar")
    assert ["Never wash the Zorbler."] == [span.passage.chunk.text for span in found.spans]
    assert set(second.chunk_ids) == await indexed(world)


async def test_a_documents_audience_is_where_it_belongs(world: World) -> None:
    """One of a group is found in recalls of that group, and where it is named."""
    origin = SessionOrigin(group="apollo", visibility=Visibility.GROUP)
    await upload(world, "The moon base opens in May.", document_id="moon", origin=origin)
    assert [0, 1, 1] == [
        len((await search(world, "moon base", **where)).spans) for where in ({}, {"group": "apollo"}, {"document_id": "moon"})
    ]


async def test_a_context_shows_relevant_passages(world: World) -> None:
    """In a section of their own, and none when nothing is relevant."""
    await upload(world, MANUAL)
    wanted = ContextWanted(limits=RecallLimits(), include_system_prompt=False)
    texts = []
    for said in ("How often must I wash the Zorbler?", "My sister lives in Oslo."):
        session_id = await world.say(said)
        context = await world.application.memory.get_context(world.project_id, world.user.user_id, session_id, wanted)
        texts.append(context.text)
    assert "## Documents" in texts[0]
    assert "- Zorbler, Care: Wash the Zorbler with vinegar once a month." in texts[0]
    assert "## Documents" not in texts[1]


async def test_what_is_forgotten_is_gone_with_its_chunks(world: World) -> None:
    """Exactly the covered documents, counted in the receipt, in the truth and in the index."""
    await upload(world, MANUAL, document_id="a", origin=SessionOrigin(group="g"))
    kept = await upload(world, "Another text.", document_id="b")
    forget = world.application.deletions.forget
    later = kept.view.document.uploaded_at + timedelta(days=1)
    counts = []
    for wanted in (
        ForgetFilter(group="h"),
        ForgetFilter(from_time=later),
        ForgetFilter(document_id="a"),
        ForgetFilter(document_id="a"),
    ):
        receipt = await forget(world.project_id, world.user.user_id, wanted)
        assert receipt.deletion.counts.chunks == receipt.deletion.counts.points
        counts.append(receipt.deletion.counts.chunks)
    assert [0, 0, 5, 0] == counts
    assert set(kept.chunk_ids) == await indexed(world)
    receipt = await forget(world.project_id, world.user.user_id, ForgetFilter())
    left = await world.application.documents.list(
        world.project_id, world.user.user_id, PageRequest(offset=0, limit=10), DocumentFilter()
    )
    assert (1, frozenset(), 0) == (receipt.deletion.counts.chunks, await indexed(world), left.total)
    assert () == (await search(world, "vinegar")).spans


async def test_a_forgetting_that_dies_counts_all_chunks_when_it_is_repeated(
    world: World, clock: FakeClock, engines: Engines
) -> None:
    """Wherever it died: of documents that went before its own step, too, and none of them stays in the index."""
    stores, counted = world.application.stores, len((await upload(world, MANUAL, document_id="a")).chunk_ids)
    wanted, died, steps = ForgetFilter(thread=""), True, 0
    while died:
        await upload(world, MANUAL, document_id="a")
        await upload(world, "One chunk.", document_id="b")
        interruption = Interruption(steps, crash=True, before=bool(steps % 3))
        eraser = EraseDocuments(
            cast(DocumentStore, Interrupted(stores.documents, interruption)),
            cast(VectorIndex, Interrupted(world.application.index, interruption)),
            stores.bulk,
        )
        forget = world.forgetting(clock, interruption, documents=eraser)
        died = await dies(forget(world.project_id, world.user.user_id, wanted))
        if steps == 1:
            # somebody who asks for something else does not get these chunks on the receipt
            other = await world.application.deletions.forget(world.project_id, world.user.user_id, ForgetFilter(thread="x"))
            assert 0 == other.deletion.counts.chunks
        await world.application.deletions.forget(world.project_id, world.user.user_id, wanted)
        assert frozenset() == await indexed(world)
        await world.sync()
        async with open_stores(engines.settings(database=DATABASE).redis_url or "", buckets=2, grace=timedelta(0)) as impatient:
            await impatient.jobs.fire_due_timers()
        receipts = await world.application.deletions.list_receipts(world.project_id, PageRequest(offset=0, limit=100))
        ours = [receipt for receipt in receipts.items if receipt.deletion.wanted == wanted]
        assert (counted + 1) * (steps + 1) == sum(receipt.deletion.counts.chunks for receipt in ours)
        steps += 1
    assert steps > 6, "there is more than one place to die at"


async def test_a_repeated_forgetting_spares_what_was_uploaded_since(world: World) -> None:
    """Also under a key that came with another request, which is refused."""
    forget, about = world.application.deletions.forget, (world.project_id, world.user.user_id)
    await upload(world, MANUAL, document_id="a")
    first = await forget(*about, ForgetFilter(), idempotency_key="k")
    later = await upload(world, "Another text.", document_id="b")
    assert first == await forget(*about, ForgetFilter(), idempotency_key="k")
    with pytest.raises(IdempotencyKeyReused):
        await forget(*about, ForgetFilter(document_id="b"), idempotency_key="k")
    assert set(later.chunk_ids) == await indexed(world)


async def test_a_deleted_users_receipt_counts_the_chunks(world: World) -> None:
    """They are gone from the index too."""
    await upload(world, MANUAL)
    await world.application.users.delete(world.project_id, world.user.user_id)
    receipts = await world.application.deletions.list_receipts(world.project_id, PageRequest(offset=0, limit=10))
    counts = receipts.items[0].deletion.counts
    assert (5, 5, frozenset()) == (counts.chunks, counts.points, await indexed(world))


@pytest.mark.parametrize(
    ("about", "error"),
    [
        ({"content": "x" * (MAX_BYTES + 1)}, DocumentTooLarge),
        ({"content": "é" * (MAX_BYTES // 2 + 1)}, DocumentTooLarge),
        ({"content": " \n\t"}, InvalidRequest),
        ({"rules": ChunkRules(size=199)}, InvalidRequest),
        ({"rules": ChunkRules(size=4001)}, InvalidRequest),
        ({"rules": ChunkRules(overlap=501)}, InvalidRequest),
        ({"rules": ChunkRules(size=200, overlap=200)}, InvalidRequest),
    ],
)
async def test_a_bad_upload_changes_nothing(world: World, about: dict[str, object], error: type[Exception]) -> None:
    """The document stays as it was."""
    before = await upload(world, MANUAL, document_id="d")
    with pytest.raises(error):
        await upload(world, **{"content": "new", "document_id": "d", **about})  # type: ignore[arg-type]  # fields by name
    view = await world.application.documents.get(world.project_id, world.user.user_id, DocumentId("d"))
    assert before.view == view


async def test_a_search_names_what_exists(world: World) -> None:
    """A document of nobody is not found."""
    with pytest.raises(DocumentNotFound):
        await search(world, "x", document_id="nothing")
