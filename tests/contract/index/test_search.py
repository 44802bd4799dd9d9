"""Searches by meaning and by word."""

from __future__ import annotations

import math

import pytest

from service.domain.ports.index import DENSE_CONTEXT, SPARSE_CONTEXT, TRAIT_COUNT, Hits, IndexQuery, VectorIndex
from service.domain.ports.work import IndexedKind
from tests.contract.index.builders import EAST, NORTH, NORTH_EAST, found, hits, like, point, scope, words


async def test_a_dense_score_is_the_cosine(index: VectorIndex) -> None:
    """The nearest comes first, each with its cosine, also a negative one."""
    west = (-1.0, 0.0, 0.0)
    await index.upsert([point("west", vector=west), point("east", vector=EAST), point("between", vector=NORTH_EAST)])
    ranked = await hits(index, like(EAST))
    assert ["east", "between", "west"] == [hit.record_id for hit in ranked]
    assert pytest.approx([1.0, 0.6, -1.0], abs=1e-6) == [hit.score for hit in ranked]


async def test_the_length_of_a_query_vector_does_not_matter(index: VectorIndex) -> None:
    """A cosine is of directions."""
    await index.upsert([point("r", vector=EAST)])
    [hit] = await hits(index, like((5.0, 0.0, 0.0)))
    assert pytest.approx(1.0, abs=1e-6) == hit.score


async def test_traits_come_back_with_a_record(index: VectorIndex) -> None:
    """To the last digit; a record that has none has NO_TRAITS."""
    traits = [1 / 3, 1_700_000_000.25, *range(TRAIT_COUNT - 2)]
    await index.upsert([point("told", traits=traits), point("untold")])
    [answer] = await index.search(scope(), [like(EAST)])
    assert isinstance(answer, Hits)
    rows = dict(zip(answer.records.record_ids, map(list, answer.records.traits), strict=True))
    assert traits == rows["told"]
    assert all(map(math.isnan, rows["untold"]))


async def test_words_are_found_by_their_stem(index: VectorIndex) -> None:
    """Inflection and case do not matter."""
    await index.upsert([point("r", text="She RUNS marathons")])
    assert ["r"] == await found(index, words("running a Marathon"))


async def test_a_record_without_the_words_is_not_found(index: VectorIndex) -> None:
    """A search by word returns only what shares a word."""
    await index.upsert([point("dog", text="a greyhound"), point("cat", text="a siamese")])
    assert ["cat"] == await found(index, words("the siamese cat"))


async def test_a_rare_word_counts_more_than_a_common_one(index: VectorIndex) -> None:
    """The inverse document frequency decides between two records that each share one word."""
    await index.upsert([point(f"common{number}", text="coffee") for number in range(9)])
    await index.upsert([point("rare", text="theremin")])
    assert "rare" == (await found(index, words("coffee theremin")))[0]


async def test_a_sparse_score_is_bm25(index: VectorIndex) -> None:
    """Of one word in one of two records: the inverse document frequency times the saturated frequency, so above zero."""
    await index.upsert([point("r", text="theremin"), point("other", text="coffee")])
    [hit] = await hits(index, words("theremin"))
    rarity = math.log((2 - 1 + 0.5) / (1 + 0.5) + 1)
    # one word of an expected 256: (1 * (1.2 + 1)) / (1 + 1.2 * (1 - 0.75 + 0.75 * 1 / 256))
    frequency = 2.2 / (1 + 1.2 * (0.25 + 0.75 / 256))
    assert pytest.approx(rarity * frequency, rel=1e-4) == hit.score


async def test_a_word_in_every_record_still_scores(index: VectorIndex) -> None:
    """The inverse document frequency is never zero or less."""
    await index.upsert([point("a", text="coffee"), point("b", text="coffee")])
    assert all(hit.score > 0 for hit in await hits(index, words("coffee")))


async def test_how_rare_a_word_is_is_counted_within_the_user(index: VectorIndex) -> None:
    """Other people's records move nobody's scores."""
    await index.upsert([point("r", text="theremin"), point("other", text="coffee")])
    [before] = await hits(index, words("theremin"))
    await index.upsert([point(f"r{number}", text="theremin", owner=scope("bob")) for number in range(20)])
    [after] = await hits(index, words("theremin"))
    assert before == after


async def test_named_vectors_are_searched_apart(index: VectorIndex) -> None:
    """What stands under one name is not found under another."""
    written = point("r", vector=EAST, text="siamese")
    await index.upsert(
        [
            type(written)(
                kind=written.kind,
                scope=written.scope,
                record_id="r",
                dense={**written.dense, DENSE_CONTEXT: NORTH},
                texts={**written.texts, SPARSE_CONTEXT: "greyhound"},
                session_id=written.session_id,
                created_at=written.created_at,
                event_start=written.event_start,
                event_end=written.event_end,
            )
        ]
    )
    [hit] = await hits(index, like(NORTH, name=DENSE_CONTEXT))
    assert pytest.approx(1.0, abs=1e-6) == hit.score
    assert [] == await found(index, words("greyhound"))
    assert ["r"] == await found(index, words("greyhound", name=SPARSE_CONTEXT))


async def test_a_batch_answers_in_the_order_of_its_queries(index: VectorIndex) -> None:
    """Queries of several kinds, of both sorts and without any result keep their places."""
    await index.upsert(
        [
            point("turn", text="siamese"),
            point("memory", kind=IndexedKind.MEMORY, text="greyhound"),
            point("summary", kind=IndexedKind.SUMMARY, text="theremin"),
        ]
    )
    queries = [
        words("greyhound", kind=IndexedKind.MEMORY),
        words("the"),
        like(EAST),
        words("theremin", kind=IndexedKind.SUMMARY, name=SPARSE_CONTEXT),
        words("zebra"),
        words("siamese"),
    ]
    answers = await index.search(scope(), queries)
    assert [["memory"], [], ["turn"], ["summary"], [], ["turn"]] == [[hit.record_id for hit in answer] for answer in answers]


async def test_no_queries_have_no_answers(index: VectorIndex) -> None:
    """An empty batch is no error."""
    assert [] == list(await index.search(scope(), []))


async def test_the_limit_keeps_the_best(index: VectorIndex) -> None:
    """No more hits than asked for, and none but the best."""
    await index.upsert([point("far", vector=NORTH), point("near", vector=EAST), point("between", vector=NORTH_EAST)])
    assert ["near", "between"] == await found(index, like(EAST, limit=2))


async def test_an_empty_index_finds_nothing(index: VectorIndex) -> None:
    """A search before the first write is no error, in any kind."""
    queries = [query for kind in IndexedKind for query in (like(EAST, kind=kind), words("greyhound", kind=kind))]
    assert [[]] * len(queries) == [list(answer) for answer in await index.search(scope(), queries)]


@pytest.mark.parametrize("text", ["", "  ", "the of and", "?!"])
async def test_a_query_without_words_finds_nothing(index: VectorIndex, text: str) -> None:
    """Stop words alone are no search."""
    await index.upsert([point("r", text="the of and")])
    assert [] == await found(index, words(text))


async def test_a_query_needs_something_to_search_for(index: VectorIndex) -> None:
    """Neither vector nor text is an error of the caller."""
    with pytest.raises(ValueError, match="needs a vector or a text"):
        await index.search(scope(), [IndexQuery(kind=IndexedKind.TURN, name="dense")])
