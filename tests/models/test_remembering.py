"""Each text is embedded once, however many ask for it, and whoever of them gives up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from service.models.batching import Vector32
from service.models.remembering import SHARED_TEXTS, Remembering


class Model:
    """Embeds each text as its length, when it is let."""

    def __init__(self) -> None:
        """Hold calls until they are let go; nothing was asked yet."""
        self.asked: list[list[str]] = []
        self.cancelled = 0
        self.go = asyncio.Event()

    async def __call__(self, texts: Sequence[str]) -> Sequence[Vector32]:
        """Return one vector per text."""
        self.asked.append(list(texts))
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if "bad" in texts:
            raise ValueError("a bad text")
        return [np.array([len(text)], dtype=np.float32) for text in texts]


async def begun(model: Model, *callers: Sequence[str]) -> list[asyncio.Task[Sequence[Vector32]]]:
    """Return a task for each of *callers*, all of which wait."""
    remembering = Remembering(model, model="test")
    tasks = [asyncio.create_task(remembering.embed(texts)) for texts in callers]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


def lengths(vectors: Sequence[Vector32]) -> list[float]:
    """Return what the vectors hold."""
    return [float(vector[0]) for vector in vectors]


async def test_a_text_that_is_on_its_way_is_waited_for() -> None:
    """Two who ask for it at once, one of them for more, get it from one call, each in the order asked for."""
    model = Model()
    first, second = await begun(model, ["a"], ["bb", "a"])
    model.go.set()
    assert ([1.0], [2.0, 1.0]) == (lengths(await first), lengths(await second))
    assert [["a"], ["bb"]] == model.asked


async def test_who_gives_up_takes_nobody_with_it() -> None:
    """The call goes on for the other one."""
    model = Model()
    first, second = await begun(model, ["a"], ["a"])
    first.cancel()
    model.go.set()
    assert [1.0] == lengths(await second)
    assert 0 == model.cancelled


async def test_a_call_that_nobody_waits_for_ends() -> None:
    """When the last one gives up."""
    model = Model()
    tasks = await begun(model, ["a"], ["a"])
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await asyncio.sleep(0)
    assert 1 == model.cancelled


async def test_nobody_waits_for_a_call_of_many_texts() -> None:
    """It takes longer than to embed the one again."""
    model = Model()
    many = [f"text {number}" for number in range(SHARED_TEXTS + 1)]
    await begun(model, many, many[:1])
    assert [many, many[:1]] == model.asked
    model.go.set()


async def test_all_who_wait_are_told_of_a_failure() -> None:
    """And the next one asks again."""
    model = Model()
    tasks = await begun(model, ["bad"], ["bad"])
    model.go.set()
    for task in tasks:
        with pytest.raises(ValueError, match="a bad text"):
            await task
    assert 1 == len(model.asked)
