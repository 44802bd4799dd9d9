"""A `mneme serve` of its own, on free ports and a fresh data directory, and clients of it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc.aio
import httpx

PROJECT = "evaluation"
KEY = "evaluation-key-of-this-run-alone"
START_SECONDS = 60.0
NEVER_SECONDS = 31_536_000
"""After so long without a message a session is processed by itself: the longest that the contract allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Both ways in: *rest* with base URL and credentials, *channel* to be called with *metadata*."""

    rest: httpx.AsyncClient
    channel: grpc.aio.Channel
    metadata: tuple[tuple[str, str], ...]


@asynccontextmanager
async def serving(environment: Mapping[str, str] | None = None, *, data: Path | None = None) -> AsyncIterator[Client]:
    """
    Start `mneme serve` on *data*, by default a fresh directory, give clients once it is ready, and stop it and remove the
    directory at the end. What it logs is in the file `log` of the directory.
    """
    data = data or Path(tempfile.mkdtemp(prefix="mneme-eval-"))
    settings = {
        "MNEME_DATA_DIR": str(data),
        "MNEME_HTTP_LISTEN": "127.0.0.1:0",
        "MNEME_GRPC_LISTEN": "127.0.0.1:0",
        "MNEME_BOOTSTRAP_PROJECT_ID": PROJECT,
        "MNEME_BOOTSTRAP_API_KEY": KEY,
    }
    with (data / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "service",
            "serve",
            env={**os.environ, **settings, **(environment or {})},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=log,
        )
    try:
        addresses = await _addresses(process, data)
        async with clients(addresses) as client:
            yield client
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await process.wait()
        shutil.rmtree(data, ignore_errors=True)


@asynccontextmanager
async def clients(addresses: Mapping[str, str]) -> AsyncIterator[Client]:
    """Give clients of the gateway at `http` and the service at `grpc` of *addresses*."""
    headers = {"X-Recallr-Api-Key": KEY, "X-Recallr-Project-Id": PROJECT}
    metadata = tuple((name.lower(), value) for name, value in headers.items())
    async with (
        httpx.AsyncClient(base_url=f"{addresses['http']}/api/v1", headers=headers, timeout=60) as rest,
        grpc.aio.insecure_channel(addresses["grpc"]) as channel,
    ):
        yield Client(rest=rest, channel=channel, metadata=metadata)


async def _addresses(process: asyncio.subprocess.Process, data: Path) -> dict[str, str]:
    """Return the addresses that the server wrote down. Raises RuntimeError with its log when it ended or took too long."""
    deadline = asyncio.get_running_loop().time() + START_SECONDS
    while not (data / "addresses.json").exists():
        if process.returncode is not None or asyncio.get_running_loop().time() > deadline:
            raise RuntimeError(f"mneme serve did not start: {(data / 'log').read_text()}")
        await asyncio.sleep(0.05)
    found: dict[str, str] = json.loads((data / "addresses.json").read_text())
    return found
