"""The default embedder, loaded once for the folder: loading is slow, embedding changes nothing."""

from collections.abc import AsyncIterator

import pytest_asyncio

from service.domain.ports.models import Embedder
from service.models import open_embedder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def embedder() -> AsyncIterator[Embedder]:
    """Open the default embedder on two threads."""
    async with open_embedder("minilm", threads=2) as opened:
        yield opened
