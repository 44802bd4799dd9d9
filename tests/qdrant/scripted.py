"""An HTTP server on the loopback that answers as a Qdrant server of some version, or in some trouble, would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, kw_only=True)
class Scripted:
    """What is answered, by path, as status and body; any other path is a 404. *received* has the bodies by path."""

    answers: Mapping[str, tuple[int, Any]]
    received: dict[str, Any] = field(default_factory=dict)
    url: str = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and hang up."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ", 2)[1].partition("?")[0]
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.received[path] = json.loads(body) if body else None
        status, answer = self.answers.get(path, (404, {"status": {"error": "not found"}}))
        content = json.dumps(answer).encode()
        extra = "retry-after: 1\r\n" if status == 429 else ""
        head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{extra}content-length: {len(content)}\r\n"
        writer.write(f"{head}connection: close\r\n\r\n".encode() + content)
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def scripted(answers: Mapping[str, tuple[int, Any]]) -> AsyncIterator[Scripted]:
    """Serve *answers* until the block is left."""
    script = Scripted(answers=answers)
    async with await asyncio.start_server(script.handle, "127.0.0.1", 0) as server:
        script.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield script
