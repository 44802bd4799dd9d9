"""Waiting for what another process does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_POLL_SECONDS = 0.02


async def wait_until(predicate: Callable[[], bool], description: str, *, seconds: float = 60.0) -> None:
    """Return as soon as *predicate* is true. Fails with *description* after *seconds*."""
    try:
        async with asyncio.timeout(seconds):
            while not predicate():
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        raise AssertionError(f"not within {seconds} s: {description}") from None
