"""A bounded memory of vectors, so that a text that was embedded before costs nothing."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

_OVERHEAD = 200
"""Bytes that an entry takes beside its vector: key, array header, links."""


class VectorCache:
    """
    Vectors by text, the least recently used dropped first, within *max_bytes*.

    Texts are kept as a keyed digest (model and text), never themselves. Not safe between threads: the event loop owns it.
    """

    def __init__(self, *, model: str, max_bytes: int) -> None:
        """Start empty, for the vectors of one *model*."""
        self._salt = model.encode() + b"\0"
        self._max_bytes = max_bytes
        self._bytes = 0
        self._vectors: OrderedDict[bytes, NDArray[np.float32]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many vectors are kept."""
        return len(self._vectors)

    def key(self, text: str) -> bytes:
        """Return the key of *text*, 16 bytes."""
        return hashlib.blake2b(self._salt + text.encode("utf-8", "surrogatepass"), digest_size=16).digest()

    def get(self, key: bytes) -> NDArray[np.float32] | None:
        """Return the vector under *key*, or None; it now counts as used."""
        vector = self._vectors.get(key)
        if vector is not None:
            self._vectors.move_to_end(key)
        return vector

    def put(self, key: bytes, vector: NDArray[np.float32]) -> None:
        """Keep *vector*, and drop the oldest until everything fits."""
        if key not in self._vectors:
            self._bytes += vector.nbytes + _OVERHEAD
        self._vectors[key] = vector
        self._vectors.move_to_end(key)
        while self._bytes > self._max_bytes:
            _, dropped = self._vectors.popitem(last=False)
            self._bytes -= dropped.nbytes + _OVERHEAD
