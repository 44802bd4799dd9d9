"""Embedding each text once: what was embedded before is remembered, and what is being embedded is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from service.models.batching import Vector32
from service.models.cache import VectorCache

CACHE_BYTES = 64 * 1024 * 1024
SHARED_TEXTS = 8
"""Others wait along for a call of at most so many texts: one of many takes longer than to embed a text anew."""

Encode: TypeAlias = Callable[[Sequence[str]], Awaitable[Sequence[Vector32]]]
"""Embeds texts: one vector for each, in order."""


@dataclass(slots=True, kw_only=True)
class _Work:
    """A call of the model, for so many *waiting* callers; its task returns the vectors by the keys of their texts."""

    task: asyncio.Task[Mapping[bytes, Vector32]]
    waiting: int = 0


class Remembering:
    """Calls *encode* for texts whose vectors are neither remembered nor on their way. Belongs to one event loop."""

    def __init__(self, encode: Encode, *, model: str) -> None:
        """Start with an empty cache, for the vectors of one *model*."""
        self._encode = encode
        self._cache = VectorCache(model=model, max_bytes=CACHE_BYTES)
        self._under_way: dict[bytes, _Work] = {}

    async def embed(self, texts: Sequence[str]) -> Sequence[Vector32]:
        """Return one vector per text, in order. Raises what *encode* does. A caller that gives up takes nobody with it."""
        keys = [self._cache.key(text) for text in texts]
        vectors = {key: vector for key in keys if (vector := self._cache.get(key)) is not None}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in vectors}
        works = {id(work): work for key in missing if (work := self._under_way.get(key)) is not None}
        if new := {key: text for key, text in missing.items() if key not in self._under_way}:
            work = self._begin(new)
            works[id(work)] = work
        for work in works.values():
            work.waiting += 1
        try:
            for work in works.values():
                vectors |= await asyncio.shield(work.task)
        finally:
            for work in works.values():
                self._leave(work)
        return [vectors[key] for key in keys]

    def _begin(self, texts: Mapping[bytes, str]) -> _Work:
        work = _Work(task=asyncio.create_task(self._run(texts)))
        if len(texts) <= SHARED_TEXTS:
            self._under_way |= dict.fromkeys(texts, work)
            work.task.add_done_callback(lambda _: self._forget(work))
        return work

    async def _run(self, texts: Mapping[bytes, str]) -> Mapping[bytes, Vector32]:
        found = dict(zip(texts, await self._encode(list(texts.values())), strict=True))
        for key, vector in found.items():
            self._cache.put(key, vector)
        return found

    def _leave(self, work: _Work) -> None:
        """Wait for *work* no more; it ends when nobody does."""
        work.waiting -= 1
        if not work.waiting and not work.task.done():
            # at once: whoever comes now must not wait for it
            self._forget(work)
            work.task.cancel()

    def _forget(self, work: _Work) -> None:
        self._under_way = {key: other for key, other in self._under_way.items() if other is not work}
