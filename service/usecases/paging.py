"""Reading a paged list to its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from service.domain.values import Page, PageRequest

_PAGE = 100

T = TypeVar("T")


async def every(fetch: Callable[[PageRequest], Awaitable[Page[T]]], *, size: int = _PAGE) -> AsyncIterator[T]:
    """Yield every item, fetched page by page, *size* at a time."""
    offset = 0
    while True:
        page = await fetch(PageRequest(offset=offset, limit=size))
        for item in page.items:
            yield item
        offset += len(page.items)
        # an empty page: the list has become shorter than it was
        if not page.has_more or not page.items:
            return
