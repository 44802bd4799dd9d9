"""
Locks on a data directory: two processes on the same files would destroy them.

There are two, each a `flock` on a file of its own. *Owner* is held by whoever starts and watches a server. *Server* is held by
the server itself, for as long as it lives. A free owner lock beside a held server lock tells of a survivor, a server whose
owner is dead.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

_OWNER = "owner.lock"
_SERVER = "server.lock"
_POLL_SECONDS = 0.02


class DataDirectoryInUse(RuntimeError):
    """Another living process works on the data directory."""

    def __init__(self, directory: Path) -> None:
        """Name the *directory*."""
        super().__init__(f"{directory} is in use by another process")


@contextmanager
def owner_lock(directory: Path) -> Iterator[None]:
    """Hold the right to start a server on *directory*. Raises DataDirectoryInUse when another process has it."""
    lock = _take(directory / _OWNER)
    if lock is None:
        raise DataDirectoryInUse(directory)
    try:
        yield
    finally:
        os.close(lock)


def take_server_lock(directory: Path) -> int | None:
    """Return a file descriptor that holds the server lock until it and all its copies are closed, or None when it is taken."""
    return _take(directory / _SERVER)


async def wait_for_server_lock(directory: Path, patience: timedelta) -> int:
    """Take the server lock as soon as it is free. Raises DataDirectoryInUse after *patience*."""
    try:
        async with asyncio.timeout(patience.total_seconds()):
            while (lock := take_server_lock(directory)) is None:  # noqa: ASYNC110 - nothing tells of a flock that became free
                await asyncio.sleep(_POLL_SECONDS)
            return lock
    except TimeoutError:
        raise DataDirectoryInUse(directory) from None


def _take(path: Path) -> int | None:
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    except OSError:
        os.close(lock)
        raise
    return lock
