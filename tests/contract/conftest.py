"""What every contract suite shares."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

Waiter = Callable[[Callable[[], Awaitable[bool]], str], Awaitable[None]]


@pytest.fixture
def wait_until() -> Waiter:
    """Wait for something that takes real time, at most five seconds."""

    async def wait(predicate: Callable[[], Awaitable[bool]], description: str) -> None:
        deadline = time.monotonic() + 5
        while not await predicate():
            assert time.monotonic() < deadline, f"never came true: {description}"
            await asyncio.sleep(0.01)

    return wait
