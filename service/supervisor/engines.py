"""The embedded engines: started where no server is named, found where `mneme serve` runs already."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from service.settings import Settings
from service.storage.embedded import locks
from service.storage.embedded.valkey import start_valkey
from service.storage.embedded.vector_engine import start_engine
from service.supervisor.datadir import DataDirectory


def with_sockets(settings: Settings, directory: DataDirectory) -> Settings:
    """Return *settings* with the embedded engines' sockets where no server is named."""
    return replace(
        settings,
        redis_url=settings.redis_url or f"unix://{directory.valkey_socket}",
        index_socket=None if settings.qdrant_url else directory.index_socket,
    )


@asynccontextmanager
async def attached_engines(settings: Settings) -> AsyncIterator[Settings]:
    """
    Yield *settings* with which the stores can be opened: the engines of the `mneme serve` that runs on the data directory, or
    else engines that run until the block is left.
    """
    directory = DataDirectory.prepare(settings.data_dir)
    async with AsyncExitStack() as stack:
        try:
            stack.enter_context(locks.owner_lock(directory.root))
        except locks.DataDirectoryInUse:
            # `mneme serve` has it: its engines answer on the sockets
            yield with_sockets(settings, directory)
            return
        directory.prepare_sockets()
        if not settings.redis_url:
            await stack.enter_async_context(start_valkey(directory.valkey, directory.valkey_socket))
        if not settings.qdrant_url:
            await stack.enter_async_context(start_engine(directory.index, directory.index_socket))
        yield with_sockets(settings, directory)
