"""Real engines for all tests of recall, and a user of its own for each."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.recall.world import Person, World, open_world


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world() -> AsyncIterator[World]:
    """Start the engines once."""
    async with open_world() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def person(world: World) -> Person:
    """Return a user that knows nothing yet."""
    return await world.person()
