"""
A process that owns an embedded server, to be killed by a test: `python owner.py valkey|engine DATA_DIR SOCKET`.

Prints the process id of the server when it serves, and waits.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeAlias

from service.storage.embedded.process import ChildServer
from service.storage.embedded.valkey import start_valkey
from service.storage.embedded.vector_engine import start_engine

Start: TypeAlias = Callable[[Path, Path], AbstractAsyncContextManager[ChildServer]]
SERVERS: Mapping[str, Start] = {"valkey": start_valkey, "engine": start_engine}


async def main() -> None:
    """Start the server and wait for its end, or for our own."""
    start = SERVERS[sys.argv[1]]
    async with start(Path(sys.argv[2]), Path(sys.argv[3])) as server:
        print(server.pid, flush=True)  # noqa: T201 - the line that the test waits for
        await server.wait()


if __name__ == "__main__":
    asyncio.run(main())
