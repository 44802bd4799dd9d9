"""
Entry of the engine process: `python -m service.storage.embedded.engine --data DIR --socket PATH`.

Prints one line of JSON on the standard output when it serves. Exit codes: 0 after SIGTERM or SIGINT, 1 when it failed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import re
import signal
import sys
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import cast

import grpc
import uvloop
from mneme.internal.v1.vector_index_pb2_grpc import add_VectorIndexServiceServicer_to_server
from threadpoolctl import threadpool_limits

from frames.server import Server
from service.storage.embedded import locks
from service.storage.embedded.engine.collections import Collections
from service.storage.embedded.engine.commits import GroupCommit
from service.storage.embedded.engine.servicer import VectorIndexServicer
from service.storage.embedded.engine.views import Views
from service.storage.embedded.launch import die_with_parent
from service.storage.embedded.process import prepare_directories
from service.storage.embedded.wire import MESSAGE_LIMIT

_log = logging.getLogger("mneme.engine")

# older ones write a log that they never read: a kill loses everything
_OLDEST_LIBRARY = (0, 9, 0)
_LOCK_PATIENCE = timedelta(seconds=5)
_DRAIN_SECONDS = 5
_PARENT_POLL_SECONDS = 1


def main() -> None:
    """Read the arguments and serve until a signal comes."""
    parser = argparse.ArgumentParser(
        prog="python -m service.storage.embedded.engine", description="The embedded vector engine of Mneme."
    )
    parser.add_argument("--data", type=Path, required=True, help="directory of the data; one process at a time")
    parser.add_argument("--socket", type=Path, required=True, help="path of the Unix socket to serve on")
    parser.add_argument("--die-with-parent", type=int, metavar="PID", help="end when the parent, which has this id, ends")
    arguments = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    os.umask(0o077)
    if arguments.die_with_parent is not None:
        die_with_parent(arguments.die_with_parent)
    refuse_old_library(version("qdrant-edge-py"))
    # more threads gain nothing in a product that waits for memory, and spin on the processors that embed
    threadpool_limits(limits=1, user_api="blas")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(arguments.data, arguments.socket, arguments.die_with_parent))


def refuse_old_library(installed: str) -> None:
    """Exit when the engine library is of a version that loses data."""
    if tuple(int(part) for part in re.findall(r"\d+", installed)[:3]) < _OLDEST_LIBRARY:
        sys.exit(f"qdrant-edge-py {installed} loses data when it is killed: 0.9.0 or newer is needed")


async def _serve(data_dir: Path, socket: Path, parent: int | None) -> None:
    data_dir, socket = prepare_directories(data_dir, socket)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    # never closed: held until the process ends
    await locks.wait_for_server_lock(data_dir, _LOCK_PATIENCE)
    collections = Collections(data_dir)
    commits = GroupCommit(collections)
    server = Server(limit=MESSAGE_LIMIT)
    servicer = VectorIndexServicer(collections, commits, Views(collections))
    add_VectorIndexServiceServicer_to_server(servicer, cast("grpc.aio.Server", server))
    await server.start(socket)
    print(json.dumps({"event": "listening", "socket": str(socket)}), flush=True)  # noqa: T201 - the line that the owner waits for
    committing = asyncio.create_task(commits.run())
    watching = [] if parent is None else [asyncio.create_task(_end_of(parent))]
    await asyncio.wait([committing, asyncio.create_task(stopped.wait()), *watching], return_when=asyncio.FIRST_COMPLETED)
    if committing.done():
        # What the library holds in memory is in doubt now. The owner starts the process again, at what is on disk.
        _log.critical("a commit failed", exc_info=committing.exception())
        sys.exit(1)
    await server.stop(_DRAIN_SECONDS)
    committing.cancel()
    collections.close()


async def _end_of(parent: int) -> None:
    """Return when the parent is gone, for systems whose kernel does not tell."""
    while os.getppid() == parent:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(_PARENT_POLL_SECONDS)


if __name__ == "__main__":
    main()
