"""A server of frames that says what it is told to."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from frames.client import Call, Channel
from frames.server import Context, Server

LIMIT = 100_000

Reply: TypeAlias = Callable[[str, Context], Awaitable[str]]


async def echo(text: str, _: Context) -> str:
    """Say the same."""
    return text


@dataclass(slots=True)
class Speaker:
    """A servicer of one method, `/test.Speaker/Say`: *reply* answers a text; *left* counts calls that were cancelled."""

    reply: Reply = echo
    heard: list[str] = field(default_factory=list)
    left: int = 0

    async def say(self, request: StringValue, context: Context) -> StringValue:
        """Answer."""
        self.heard.append(request.value)
        try:
            return StringValue(value=await self.reply(request.value, context))
        except asyncio.CancelledError:
            self.left += 1
            raise


@asynccontextmanager
async def serving(speaker: Speaker, socket: Path, *, most_calls: int = 100, grace: float = 5) -> AsyncIterator[Server]:
    """Serve until the block is left."""
    server = Server(limit=LIMIT, most_calls=most_calls)
    coding = (StringValue.FromString, StringValue.SerializeToString)
    handlers = {
        "Say": grpc.unary_unary_rpc_method_handler(speaker.say, *coding),
        "Stream": grpc.unary_stream_rpc_method_handler(speaker.say, *coding),
    }
    server.add_registered_method_handlers("test.Speaker", handlers)
    await server.start(socket)
    try:
        yield server
    finally:
        await server.stop(grace)


def say(
    channel: Channel,
    text: str,
    *,
    method: str = "Say",
    timeout: float = 20,
    metadata: tuple[tuple[str, str | bytes], ...] = (),
    wait_for_ready: bool = True,
) -> Call[StringValue]:
    """Return the call of a speaker."""
    stub = channel.unary_unary(f"/test.Speaker/{method}", StringValue.SerializeToString, StringValue.FromString)
    return stub(StringValue(value=text), timeout=timeout, metadata=metadata, wait_for_ready=wait_for_ready)


async def said(channel: Channel, text: str) -> str:
    """Return what a speaker answers."""
    return (await say(channel, text)).value


@pytest.fixture
def socket() -> Iterator[Path]:
    """Return a path that is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="mn", dir="/tmp") as folder:
        yield Path(folder) / "s"
