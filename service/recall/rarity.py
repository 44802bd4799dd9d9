"""
Rare words: what a message speaks of that hardly any other does. Who uses a word that stands nowhere else among what was found
tells something particular, whatever the query calls it; thanks and greetings are made of words that are everywhere.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from service.recall.analysis import content_words
from service.recall.kindred import READ_CHARS
from service.recall.pool import Column, standardised

Roots = NDArray[np.uint32]

RARE_WORDS = "rare_words"
"""Name of the trait."""
ROOT = 6
"""How many letters of a word count: "volunteer" and "volunteering" are one word here."""
COUNTED = 40
"""How many words of a text count: in a longer one something rare stands anywhere, whatever it tells."""
COMMONPLACE = -1.0
"""The least that a message comes to: one without any rare word, such as "Yes!", may still be what was asked for."""

_NONE: Roots = np.zeros(0, dtype=np.uint32)


def rare_words(texts: Sequence[str]) -> Column:
    """Return for each of *texts*, as a z-score, how rare the rarest of its content words is among all of them."""
    words = [_roots(text[:READ_CHARS]) for text in texts]
    _, places, having = np.unique(np.concatenate([_NONE, *words]), return_inverse=True, return_counts=True)
    owners = np.repeat(np.arange(len(texts)), [len(found) for found in words])
    rarest = np.ones(len(texts))
    np.minimum.at(rarest, owners, having[places] / max(1, len(texts)))
    return np.maximum(standardised(-np.log(rarest)), COMMONPLACE)


@lru_cache(maxsize=8_192)
def _roots(text: str) -> Roots:
    """Return checksums of the roots of a text's words, each once: numbers are counted five times as fast as words."""
    roots = dict.fromkeys(word[:ROOT] for word in content_words(text)[:COUNTED])
    return np.array([zlib.crc32(root.encode()) for root in roots], dtype=np.uint32)
