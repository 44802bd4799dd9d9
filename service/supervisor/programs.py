"""Our own processes, service and gateway: started with an environment, ready when they say where they listen."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from service.domain.values import JsonObject
from service.storage.embedded import launch
from service.storage.embedded.process import ChildServer, ServerStartFailed
from service.supervisor.console import readable

_READY_PATIENCE = timedelta(minutes=2)
_STOP_PATIENCE = timedelta(seconds=30)
_LONGEST_LINE = 1 << 20

OnEvent = Callable[[JsonObject], None]
"""Gets each JSON line that a process writes to its standard output."""


def _ignore(_event: JsonObject) -> None:
    """Want to know nothing."""


@dataclass(frozen=True, slots=True)
class Address:
    """A host, without the brackets of IPv6, and a port. Port 0 means: any that is free."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `host:port` or a URL with both. Raises ValueError for anything else."""
        host, _, port = text.rpartition("://")[2].rstrip("/").rpartition(":")
        if not host or not port.isdigit():
            raise ValueError(f"{text!r} is no host:port")
        return cls(host.removeprefix("[").removesuffix("]"), int(port))

    @property
    def reachable(self) -> Address:
        """Where a process of this machine finds a server that listens here."""
        return replace(self, host={"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host))  # noqa: S104 - not bound here

    def __str__(self) -> str:
        """Write it as it is parsed."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Program:
    """
    One of our processes, which can be started again and again at one address: a port that the system chose stays the same.

    The process writes `{"event": "listening", <*protocol*>: <address>}` to its standard output when it is ready; its standard
    error is ours.
    """

    def __init__(
        self,
        module: str,
        *,
        protocol: str,
        listen: Address,
        variable: str,
        environment: Mapping[str, str],
        on_event: OnEvent = _ignore,
    ) -> None:
        """Start nothing yet. *variable* is the environment variable that tells the process its address."""
        self._module = module
        self._protocol = protocol
        self._variable = variable
        self._environment = environment
        self._on_event = on_event
        self.address = listen

    @asynccontextmanager
    async def start(self) -> AsyncIterator[ChildServer]:
        """Run the process until the block is left, which is entered when it listens. Raises ServerStartFailed."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", launch.__file__, str(os.getpid())),
            # -P: what lies in the working directory must not stand in for our modules
            *(sys.executable, "-P", "-m", self._module),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            # a terminal gets readable lines, anything else what the process wrote
            stderr=asyncio.subprocess.PIPE if sys.stderr.isatty() else None,
            # Ctrl-C in a terminal reaches the supervisor alone, which stops the processes in their order
            start_new_session=True,
            env={**self._environment, self._variable: str(self.address)},
            limit=_LONGEST_LINE,
        )
        child = ChildServer(process)
        listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        reader = asyncio.gather(self._read(process, listening), _pass_on(process.stderr))
        try:
            self.address = replace(self.address, port=Address.parse(await self._wait(listening)).port)
            yield child
        finally:
            await child.stop(_STOP_PATIENCE)
            await reader

    async def _wait(self, listening: asyncio.Future[str]) -> str:
        try:
            async with asyncio.timeout(_READY_PATIENCE.total_seconds()):
                return await listening
        except TimeoutError:
            raise ServerStartFailed(f"{self._module} did not become ready in {_READY_PATIENCE}") from None

    async def _read(self, process: asyncio.subprocess.Process, listening: asyncio.Future[str]) -> None:
        if process.stdout is None:
            raise TypeError("a program is started with a pipe as its standard output")
        async for line in process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                # a library that prints: not lost, and not mistaken for an event
                sys.stderr.buffer.write(line)
                continue
            if event.get("event") == "listening" and not listening.done():
                listening.set_result(event[self._protocol])
            self._on_event(event)
        code = await process.wait()
        if not listening.done():
            listening.set_exception(ServerStartFailed(f"{self._module} ended with {code} before it listened: its log is above"))


async def _pass_on(log: asyncio.StreamReader | None) -> None:
    """Write a process's log to our standard error, where a person reads it."""
    if log is not None:
        async for line in log:
            sys.stderr.write(readable(line.decode(errors="replace")))
