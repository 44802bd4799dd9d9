"""Making the collections, the model they are made for, and what the reconciler asks."""

from __future__ import annotations

import asyncio

import pytest

from service.domain.errors import IndexModelMismatch
from service.domain.ports.index import VectorIndex
from service.domain.ports.work import IndexedKind
from tests.contract.index.builders import DIMENSION, EAST, MODEL, found, like, point, scope


async def test_preparing_again_keeps_the_points(index: VectorIndex) -> None:
    """A restart of the service changes nothing."""
    await index.upsert([point("r")])
    await index.prepare(model=MODEL, dimension=DIMENSION)
    assert ["r"] == await found(index, like(EAST))


async def test_two_processes_can_prepare_at_once(index: VectorIndex) -> None:
    """Services that start together do not trip over each other."""
    await asyncio.gather(*(index.prepare(model=MODEL, dimension=DIMENSION) for _ in range(4)))
    assert 0 == await index.count(IndexedKind.TURN)


@pytest.mark.parametrize(
    ("model", "dimension", "named"),
    [("other-model", DIMENSION, f"other-model/{DIMENSION}"), (MODEL, DIMENSION + 1, f"{MODEL}/{DIMENSION + 1}")],
    ids=["model", "dimension"],
)
async def test_another_model_is_refused(index: VectorIndex, model: str, dimension: int, named: str) -> None:
    """The error names both models and the way out, and the points are still there."""
    await index.upsert([point("r")])
    with pytest.raises(IndexModelMismatch, match="mneme reindex") as caught:
        await index.prepare(model=model, dimension=dimension)
    assert {"indexed": f"{MODEL}/{DIMENSION}", "configured": named} == caught.value.metadata
    assert ["r"] == await found(index, like(EAST))


async def test_a_reset_empties_the_index(index: VectorIndex) -> None:
    """Every kind is empty and can be written to again."""
    await index.upsert([point("r", kind=kind) for kind in IndexedKind])
    await index.reset(model=MODEL, dimension=DIMENSION)
    assert [0] * len(IndexedKind) == [await index.count(kind) for kind in IndexedKind]
    await index.upsert([point("new")])
    assert ["new"] == await found(index, like(EAST))


async def test_a_reset_takes_another_model(index: VectorIndex) -> None:
    """Afterwards the new model is the right one, with vectors of its length."""
    await index.reset(model="other-model", dimension=2)
    await index.prepare(model="other-model", dimension=2)
    await index.upsert([point("r", vector=(1.0, 0.0))])
    assert ["r"] == await found(index, like((1.0, 0.0)))


async def test_record_ids_are_those_of_the_user_and_kind(index: VectorIndex) -> None:
    """All of them, however many, and nobody else's."""
    mine = [point(f"r{number}") for number in range(1100)]
    await index.upsert([*mine, point("theirs", owner=scope("bob")), point("summary", kind=IndexedKind.SUMMARY)])
    assert {record.record_id for record in mine} == await index.record_ids(IndexedKind.TURN, scope())


async def test_the_count_is_of_one_kind_over_all_users(index: VectorIndex) -> None:
    """A deleted point does not count."""
    await index.upsert([point("a"), point("b", owner=scope("bob")), point("c", kind=IndexedKind.MEMORY)])
    await index.delete(IndexedKind.TURN, scope(), ["a"])
    assert [1, 0, 1] == [await index.count(kind) for kind in (IndexedKind.MEMORY, IndexedKind.SUMMARY, IndexedKind.TURN)]
