"""The embedded vector engine as a child process: started, watched and stopped by us."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from service.storage.embedded import locks
from service.storage.embedded.process import ChildServer, ServerStartFailed, last_words, prepare_directories, start_child

_LOG = "engine.log"
_READY_PATIENCE = timedelta(minutes=2)
_SURVIVOR_PATIENCE = timedelta(seconds=15)


class VectorEngine(ChildServer):
    """A running vector engine."""

    def __init__(self, process: asyncio.subprocess.Process, socket: Path) -> None:
        """Take over an engine that serves, or will serve, on *socket*."""
        super().__init__(process)
        self.socket = socket


@asynccontextmanager
async def start_engine(data_dir: Path, socket: Path) -> AsyncIterator[VectorEngine]:
    """
    Run an engine on *data_dir* until the block is left; it serves when the block is entered.

    Call it in a thread that lives as long as the engine, such as the main one.
    Raises DataDirectoryInUse when a living process owns *data_dir*, ServerStartFailed when the engine does not come up.
    """
    data_dir, socket = prepare_directories(data_dir, socket)
    with locks.owner_lock(data_dir):
        # A survivor of a dead owner ends by itself within a second. The engine takes the lock anew, this only tells of failure.
        os.close(await locks.wait_for_server_lock(data_dir, _SURVIVOR_PATIENCE))
        module = ("-m", "service.storage.embedded.engine")
        paths = ("--data", str(data_dir), "--socket", str(socket))
        process = await start_child(
            (sys.executable, *module, *paths, "--die-with-parent", str(os.getpid())),
            log=data_dir / _LOG,
            stdout=asyncio.subprocess.PIPE,
        )
        engine = VectorEngine(process, socket)
        try:
            await _ready(process, data_dir / _LOG)
            yield engine
        finally:
            await engine.stop()


async def _ready(process: asyncio.subprocess.Process, log: Path) -> None:
    if process.stdout is None:
        raise ValueError("the engine's standard output is no pipe")
    try:
        async with asyncio.timeout(_READY_PATIENCE.total_seconds()):
            line = await process.stdout.readline()
    except TimeoutError:
        raise ServerStartFailed(f"The vector engine did not become ready: {last_words(log)}") from None
    if not line or json.loads(line).get("event") != "listening":
        raise ServerStartFailed(f"The vector engine ended: {last_words(log)}")
