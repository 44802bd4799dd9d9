"""Upserts and deletes."""

from __future__ import annotations

import pytest

from service.domain.ids import SessionId, UploadId
from service.domain.ports.index import VectorIndex
from service.domain.ports.work import IndexedKind
from tests.contract.index.builders import EAST, NORTH, found, hits, like, point, scope, words


async def test_a_written_point_is_found_with_its_fields(index: VectorIndex) -> None:
    """A hit carries the record id, the session and the order that were written."""
    await index.upsert([point("s7:4", session="s7", order=4)])
    [hit] = await hits(index, like(EAST))
    assert ("s7:4", "s7", 4) == (hit.record_id, hit.session_id, hit.order)


async def test_a_second_write_replaces_the_first(index: VectorIndex) -> None:
    """A record has one point: its new words and session count, its old words are gone."""
    await index.upsert([point("r", text="lives in Lisbon", session="s1")])
    await index.upsert([point("r", text="lives in Porto", session="s2")])
    assert [] == await found(index, words("Lisbon"))
    assert ["s2"] == [hit.session_id for hit in await hits(index, words("Porto"))]
    assert 1 == await index.count(IndexedKind.TURN)


async def test_the_last_of_two_points_of_one_record_wins(index: VectorIndex) -> None:
    """In one call too the later point of a record replaces the earlier one."""
    await index.upsert([point("r", vector=EAST), point("r", vector=NORTH)])
    [hit] = await hits(index, like(NORTH))
    assert pytest.approx(1.0) == hit.score


async def test_the_same_record_id_of_two_kinds_is_two_points(index: VectorIndex) -> None:
    """A session's summary and a memory may share an id."""
    await index.upsert([point("r", kind=IndexedKind.SUMMARY), point("r", kind=IndexedKind.MEMORY)])
    await index.delete(IndexedKind.SUMMARY, scope(), ["r"])
    assert ["r"] == await found(index, words("greyhound", kind=IndexedKind.MEMORY))


async def test_many_points_are_written_by_one_call(index: VectorIndex) -> None:
    """A call is not bounded by the size of a message."""
    await index.upsert([point(f"r{number}") for number in range(700)])
    assert 700 == await index.count(IndexedKind.TURN)


async def test_writing_nothing_is_no_error(index: VectorIndex) -> None:
    """No points is a possible call."""
    await index.upsert([])
    assert 0 == await index.count(IndexedKind.TURN)


@pytest.mark.parametrize("text", ["", "the of and", "...!?"])
async def test_a_text_without_words_can_be_written(index: VectorIndex, text: str) -> None:
    """A record of stop words or of nothing is found by meaning still."""
    await index.upsert([point("r", text=text)])
    assert ["r"] == await found(index, like(EAST))


async def test_a_record_that_lost_its_words_is_not_found_by_them(index: VectorIndex) -> None:
    """An empty text replaces the words of before."""
    await index.upsert([point("r", text="lives in Lisbon")])
    await index.upsert([point("r", text="")])
    assert [] == await found(index, words("Lisbon"))


async def test_deleted_points_are_gone(index: VectorIndex) -> None:
    """Delete removes what it names and nothing else."""
    await index.upsert([point("gone"), point("kept")])
    await index.delete(IndexedKind.TURN, scope(), ["gone"])
    assert ["kept"] == await found(index, like(EAST))


async def test_deleting_what_is_not_there_is_no_error(index: VectorIndex) -> None:
    """A repeat of a delete does nothing."""
    await index.upsert([point("kept")])
    await index.delete(IndexedKind.TURN, scope(), ["missing"])
    await index.delete(IndexedKind.TURN, scope(), [])
    assert ["kept"] == await found(index, like(EAST))


async def test_a_deleted_record_can_be_written_again(index: VectorIndex) -> None:
    """Delete leaves nothing behind that would hide a later write."""
    await index.upsert([point("r")])
    await index.delete(IndexedKind.TURN, scope(), ["r"])
    await index.upsert([point("r")])
    assert ["r"] == await found(index, like(EAST))


async def test_the_turns_of_a_session_are_deleted_together(index: VectorIndex) -> None:
    """Only turns, only of that session: its summary is another record's matter."""
    await index.upsert(
        [
            point("s1:0", session="s1"),
            point("s1:1", session="s1"),
            point("s2:0", session="s2"),
            point("s1", kind=IndexedKind.SUMMARY, session="s1"),
        ]
    )
    await index.delete_session_turns(scope(), SessionId("s1"))
    assert {"s2:0"} == await index.record_ids(IndexedKind.TURN, scope())
    assert {"s1"} == await index.record_ids(IndexedKind.SUMMARY, scope())


async def test_the_chunks_of_an_upload_are_deleted_together(index: VectorIndex) -> None:
    """Only chunks, only of that upload, also when they were searched before."""
    where = {"u1:0": "u1", "u1:1": "u1", "u2:0": "u2"}
    await index.upsert([point(id_, kind=IndexedKind.CHUNK, session=upload) for id_, upload in where.items()])
    await index.upsert([point("u1:0", session="u1")])
    assert 3 == len(await found(index, like(EAST, kind=IndexedKind.CHUNK)))
    await index.delete_upload_chunks(scope(), UploadId("u1"))
    assert ["u2:0"] == await found(index, like(EAST, kind=IndexedKind.CHUNK))
    assert {"u1:0"} == await index.record_ids(IndexedKind.TURN, scope())


async def test_everything_of_a_user_is_deleted_together(index: VectorIndex) -> None:
    """Of every kind, and of nobody else."""
    bob = scope("bob")
    await index.upsert([point("r", kind=kind, owner=owner) for kind in IndexedKind for owner in (scope(), bob)])
    await index.delete_scope(scope())
    assert [frozenset()] * len(IndexedKind) == [await index.record_ids(kind, scope()) for kind in IndexedKind]
    assert [{"r"}] * len(IndexedKind) == [await index.record_ids(kind, bob) for kind in IndexedKind]
