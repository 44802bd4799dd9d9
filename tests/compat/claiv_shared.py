"""What the applications of all versions of claiv-memory share."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

URL, KEY = os.environ["MNEME_URL"], os.environ["MNEME_API_KEY"]
USER = f"claiv-{uuid4()}"
TOLD = "I live in Lisbon and I am allergic to peanuts."


def until(call: Callable[[], Any], *, seconds: float = 30) -> Any:
    """Return the first true answer of *call*: memories are made within seconds, not at once."""
    end = time.monotonic() + seconds
    while not (answer := call()):
        assert time.monotonic() < end, "nothing came of what was ingested"
        time.sleep(0.1)
    return answer


def in_step(client: Any) -> Any:
    """Return an asynchronous *client* as one whose methods return their answers."""
    runner = asyncio.Runner()

    class InStep:
        def __getattr__(self, name: str) -> Callable[..., Any]:
            return lambda *arguments, **named: runner.run(getattr(client, name)(*arguments, **named))

    return InStep()


def has_keys(value: dict[str, Any], names: str) -> None:
    """Fail when one of the names, which are separated by blanks, is no key of *value*."""
    assert not (missing := [name for name in names.split() if name not in value]), missing
