"""A server that runs as a child of this process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

_LAUNCH = Path(__file__).with_name("launch.py")
# sun_path of Linux holds 108 bytes with the final zero, of macOS 104
_LONGEST_SOCKET_PATH = 103


class ServerStartFailed(RuntimeError):
    """A server ended, or did not answer, before it was ready."""


class ChildServer:
    """A running server: its process id, its end, and how to bring the end about."""

    stop_patience = timedelta(seconds=10)

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Take over a process that was just started."""
        self._process = process

    @property
    def pid(self) -> int:
        """Id of the process."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; then its exit code, or the negative number of the signal that ended it."""
        return self._process.returncode

    async def wait(self) -> int:
        """Return the `returncode` when the process has ended, whoever ended it. Can be awaited by many."""
        return await self._process.wait()

    async def stop(self, patience: timedelta = stop_patience) -> None:
        """Ask the process to end (SIGTERM), kill it after *patience*, and return when it is gone."""
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(patience.total_seconds()):
                await self.wait()
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self.returncode is None:
            self._process.send_signal(number)


def tied_to_us(command: Sequence[str]) -> list[str]:
    """Return the command that runs *command*, an absolute program path with its arguments, and dies with the calling thread."""
    return [sys.executable, "-I", "-S", str(_LAUNCH), str(os.getpid()), *command]


async def start_child(
    command: Sequence[str], *, log: Path, keep_open: Sequence[int] = (), stdout: int | None = None
) -> asyncio.subprocess.Process:
    """
    Start *command*, an absolute program path with its arguments.

    What it writes goes to *log*; the log of the run before is kept beside it. The child inherits the descriptors in
    *keep_open*. It is in a session of its own: Ctrl-C in a terminal reaches only its owner, which stops it when its own work
    is done.
    """
    with _fresh_log(log) as output:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output if stdout is None else stdout,
            stderr=output,
            pass_fds=tuple(keep_open),
            start_new_session=True,
            umask=0o077,
        )


def prepare_directories(data_dir: Path, socket: Path) -> tuple[Path, Path]:
    """
    Make the directory of the data and that of the socket, for this user only, and return both paths as absolute ones.

    Raises ValueError when the socket path is too long for the system.
    """
    data_dir, socket = data_dir.resolve(), socket.absolute()
    if len(os.fsencode(socket)) > _LONGEST_SOCKET_PATH:
        raise ValueError(f"The socket path {socket} is longer than {_LONGEST_SOCKET_PATH} bytes: choose a shorter data directory")
    for directory in (data_dir, socket.parent):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return data_dir, socket


def last_words(log: Path) -> str:
    """Return the end of a log, to say why a start failed."""
    return log.read_text(errors="replace")[-2000:].strip()


def _fresh_log(log: Path) -> BinaryIO:
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))
    return os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
