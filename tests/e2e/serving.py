"""`mneme serve` as a person starts it: a process, a data directory, addresses that it wrote down."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import httpx

ROOT = Path(__file__).parents[2]
PROJECT_ID = "e2e"
API_KEY = "rai_e2e-key-chosen-by-the-operator"
CREDENTIALS = {"X-Recallr-Api-Key": API_KEY, "X-Recallr-Project-Id": PROJECT_ID}
BOOTSTRAP = {"MNEME_BOOTSTRAP_PROJECT_ID": PROJECT_ID, "MNEME_BOOTSTRAP_API_KEY": API_KEY}

T = TypeVar("T")


def wait_until(probe: Callable[[], T], description: str, *, seconds: float = 60.0) -> T:
    """Return the first true result of *probe*, asked every 20 ms. Fails with *description* after *seconds*."""
    end = time.monotonic() + seconds
    while not (result := probe()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {description}")
        time.sleep(0.02)
    return result


@dataclass
class Serving:
    """
    One data directory and the `mneme serve` that runs on it, if any. Its sockets need a short path.

    As a context manager it starts on entry, and on exit stops and removes everything.
    """

    environment: Mapping[str, str] = field(default_factory=lambda: BOOTSTRAP)
    data_dir: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="mn", dir="/tmp")))
    command: Sequence[str] = (sys.executable, "-m", "service", "serve")
    folder: Path = ROOT
    process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Serving:
        """Start, and wait until it is ready."""
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop and remove the data."""
        self.stop()
        shutil.rmtree(self.data_dir)

    @property
    def output(self) -> Path:
        """What it wrote to its standard output: the banner, once for each start."""
        return self.data_dir / "stdout"

    @property
    def log(self) -> Path:
        """What it and its children wrote to their standard error."""
        return self.data_dir / "stderr"

    def launch(self) -> subprocess.Popen[bytes]:
        """Start without waiting; the output is added to that of earlier starts."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MNEME_")}
        listen = {"MNEME_HTTP_LISTEN": "127.0.0.1:0", "MNEME_GRPC_LISTEN": "127.0.0.1:0"}
        with self.output.open("ab") as output, self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env={**environment, **listen, "MNEME_DATA_DIR": str(self.data_dir), **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                cwd=self.folder,
            )
        return self.process

    def start(self) -> Serving:
        """Start and wait until it has written its addresses."""
        # what a killed supervisor left behind says nothing about the one that starts now
        stale = self._written()
        process = self.launch()
        wait_until(lambda: self._written() not in {stale, None} or process.poll() is not None, "mneme serve is ready")
        if process.poll() is not None:
            raise AssertionError(f"mneme serve ended with {process.returncode}: {self.log.read_text()}")
        return self

    def stop(self) -> int | None:
        """Stop as a service manager does, and return the exit code."""
        if self.process is None:
            return None
        self.process.terminate()
        try:
            return self.process.wait(60)
        finally:
            # a stop that hangs is a failure, and must not outlive the test
            self.process.kill()
            self.process.wait()

    def addresses(self) -> dict[str, str]:
        """Return what `addresses.json` says, nothing while it is not there."""
        try:
            found: dict[str, str] = json.loads((self.data_dir / "addresses.json").read_text())
        except FileNotFoundError:
            return {}
        return found

    def _written(self) -> int | None:
        """Return when `addresses.json` was written, in nanoseconds."""
        try:
            return (self.data_dir / "addresses.json").stat().st_mtime_ns
        except FileNotFoundError:
            return None

    @property
    def http(self) -> str:
        """URL of the gateway."""
        return self.addresses()["http"]

    @property
    def grpc(self) -> str:
        """Address of the service."""
        return self.addresses()["grpc"]

    def client(self, *, timeout: float = 30.0) -> httpx.Client:
        """Return an HTTP client with the credentials of the bootstrap project."""
        return httpx.Client(base_url=self.http, headers=CREDENTIALS, timeout=timeout)

    def children(self) -> dict[str, int]:
        """Return the process ids of the supervisor's children: `service`, `gateway`, `valkey`, `engine`."""
        if self.process is None:
            return {}
        listed = subprocess.run(["ps", "-wweo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
        found = {}
        for line in listed.splitlines():
            pid, parent, command = line.split(None, 2)
            if int(parent) == self.process.pid and (name := _name(command)):
                found[name] = int(pid)
        return found

    def kill(self, name: str) -> None:
        """`kill -9` one of the children, or the `supervisor` itself, and wait until it is dead."""
        if name == "supervisor":
            if self.process is None:
                raise AssertionError("nothing runs")
            self.process.kill()
            self.process.wait()
            return
        pid = wait_until(lambda: self.children().get(name, 0), f"{name} runs")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.children().get(name) != pid, f"{name} is dead")


def _name(command: str) -> str | None:
    patterns = {"valkey": r"valkey-server", "engine": r"embedded\.engine", "gateway": r"-m gateway", "service": r"-m service$"}
    return next((name for name, pattern in patterns.items() if re.search(pattern, command)), None)
