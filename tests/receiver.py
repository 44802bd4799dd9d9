"""An endpoint of webhooks on this machine, which answers as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A request as it arrived; the names of *headers* are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What is answered."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(slots=True)
class Receiver:
    """What was *heard*, in order, and how it is answered."""

    origin: str = ""
    heard: list[Posted] = field(default_factory=list)
    answer: Callable[[Posted], Reply] = lambda _: Reply()

    def told(self, user_id: str) -> list[str]:
        """Return the types of the events of a user, in the order in which they arrived."""
        return [each.json["type"] for each in self.heard if each.json["data"]["custom_user_id"] == user_id]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Serve an endpoint on a free port; every path of it is good."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            posted = Posted(path=self.path, headers=headers, body=body)
            receiver.heard.append(posted)
            reply = receiver.answer(posted)
            self.send_response(reply.status)
            for name, value in {**reply.headers, "content-length": str(len(reply.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Say nothing of callers that do not hear an answer to its end."""

    server = Server(("127.0.0.1", 0), Handler)
    receiver.origin = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
