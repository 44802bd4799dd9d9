"""Doing again what another writer was faster with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from service.domain.errors import ConcurrentChange

T = TypeVar("T")

ATTEMPTS = 10
"""How often a change is worked out because what it was worked out from moved on meanwhile."""


async def until_current(step: Callable[[], Awaitable[T]]) -> T:
    """Return what *step* gives: it works a change out and makes it. Raises ConcurrentChange when other writers kept winning."""
    for _ in range(ATTEMPTS - 1):
        with suppress(ConcurrentChange):
            return await step()
    return await step()
