"""What stands outside: stores, index, clock, and the secret that API keys are hashed under."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from service.domain.errors import StorageUnavailable
from service.domain.ports.index import VectorIndex
from service.domain.ports.models import Embedder
from service.models import open_embedder
from service.settings import InvalidSetting, Settings
from service.storage import embedded

T = TypeVar("T")

_PEPPER_FILE = "key_pepper"
_START_PATIENCE = timedelta(seconds=60)
_START_PAUSE = 0.1


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the present, in UTC."""
        return datetime.now(UTC)


def open_index(settings: Settings) -> AbstractAsyncContextManager[VectorIndex]:
    """Return the index that the settings name, not yet connected. Raises InvalidSetting when they name none."""
    if settings.qdrant_url is not None:
        from service.storage import qdrant  # noqa: PLC0415 - its client takes as long to import as everything else together

        return qdrant.open_index(settings.qdrant_url, api_key=settings.qdrant_api_key)
    if settings.index_socket is not None:
        return embedded.open_index(settings.index_socket)
    raise InvalidSetting("MNEME_QDRANT_URL", "is not set: name a server, or run `mneme serve`, which brings an engine along")


@asynccontextmanager
async def configured_embedder(settings: Settings) -> AsyncIterator[Embedder]:
    """Give the embedder that the settings name. Raises InvalidSetting, StorageUnavailable when its server is not up."""
    async with AsyncExitStack() as stack:
        try:
            opened = open_embedder(
                settings.embedder,
                threads=settings.embedder_threads,
                base_url=settings.embedder_base_url,
                api_key=settings.embedder_api_key,
            )
            embedder = await stack.enter_async_context(opened)
        except ValueError as error:
            raise InvalidSetting("MNEME_EMBEDDER", f"cannot be used: {error}") from None
        yield embedder


async def entered(stack: AsyncExitStack, opener: Callable[[], AbstractAsyncContextManager[T]]) -> T:
    """Enter what *opener* makes on *stack*, trying again while a store that starts at the same time is not up yet."""
    return await patiently(lambda: stack.enter_async_context(opener()))


async def patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """Return what *attempt* returns, trying again while a store that starts at the same time is not up yet."""
    deadline = asyncio.get_running_loop().time() + _START_PATIENCE.total_seconds()
    while True:
        try:
            return await attempt()
        except StorageUnavailable:
            if asyncio.get_running_loop().time() >= deadline:
                raise
            await asyncio.sleep(_START_PAUSE)


def pepper_of(settings: Settings) -> bytes:
    """Return the pepper of API keys: the configured one, else the data directory's, made on the first start."""
    if settings.key_pepper is not None:
        return settings.key_pepper.encode()
    path = settings.data_dir / _PEPPER_FILE
    if not path.exists():
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_once(path, secrets.token_hex(32))
    return path.read_text().strip().encode()


def _write_once(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all, unless another process was first."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    try:
        # unlike a rename, a link does not take the place of what is there
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
