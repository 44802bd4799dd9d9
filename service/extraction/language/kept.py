"""Answers that were paid for, so that another attempt at the same session need not pay again."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """The values that were last used, up to *most* of them, in memory and under digests of what they are about."""

    def __init__(self, *, most: int) -> None:
        """Begin empty."""
        self._most = most
        self._values: OrderedDict[bytes, T] = OrderedDict()

    @staticmethod
    def key(*parts: str) -> bytes:
        """Return the key of what is told by *parts*."""
        digest = hashlib.sha256()
        for part in parts:
            digest.update(f"{len(part)}:{part}".encode())
        return digest.digest()

    def get(self, key: bytes) -> T | None:
        """Return what is kept, or None."""
        if key in self._values:
            self._values.move_to_end(key)
        return self._values.get(key)

    def put(self, key: bytes, value: T) -> None:
        """Keep a value, and let go of the one that was not used for longest when there are too many."""
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._most:
            self._values.popitem(last=False)

    def drop(self, key: bytes) -> None:
        """Let go of a value."""
        self._values.pop(key, None)
