"""Starts again what died."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Protocol

import structlog

from service.storage.embedded.locks import DataDirectoryInUse
from service.storage.embedded.process import ServerStartFailed

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 10.0
_LONG_LIFE = 30.0
"""Seconds after which a process counts as healthy: its next death is the first again."""

_log = structlog.get_logger(__name__)


class Running(Protocol):
    """A process that answers."""

    @property
    def pid(self) -> int:
        """Id of the process."""
        ...

    async def wait(self) -> int:
        """Return how it ended: an exit code, or the negative number of a signal."""
        ...


Start = Callable[[], AbstractAsyncContextManager[Running]]
"""Starts a process that answers when the block is entered, and stops it when the block is left."""


@asynccontextmanager
async def kept_running(name: str, start: Start) -> AsyncIterator[asyncio.Task[None]]:
    """
    Keep a process running until the block is left, which is entered when it answers for the first time.

    A first start that fails is raised as it is: what never worked is not tried again. Yields the task that keeps it, which ends
    only by a fault of its own.
    """
    answers = asyncio.Event()
    keeper = asyncio.create_task(_keep(name, start, answers), name=f"keeper of {name}")
    answering = asyncio.create_task(answers.wait())
    try:
        await asyncio.wait({keeper, answering}, return_when=asyncio.FIRST_COMPLETED)
        if keeper.done():
            keeper.result()
        yield keeper
    finally:
        answering.cancel()
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper


async def _keep(name: str, start: Start, answers: asyncio.Event) -> None:
    clock = asyncio.get_running_loop().time
    pause = _FIRST_PAUSE
    while True:
        began = clock()
        try:
            async with start() as process:
                _log.info("process ready", process=name, pid=process.pid, again=answers.is_set())
                answers.set()
                code = await process.wait()
                _log.error("process ended", process=name, pid=process.pid, code=code)
        except (ServerStartFailed, DataDirectoryInUse, OSError) as error:
            if not answers.is_set():
                raise
            _log.error("process cannot be started again", process=name, error=str(error))
        pause = _FIRST_PAUSE if clock() - began > _LONG_LIFE else min(pause * 2, _LONGEST_PAUSE)
        await asyncio.sleep(pause)
