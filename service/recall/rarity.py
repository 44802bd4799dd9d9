"""
Rare words: what a message speaks of that hardly any other does. Who uses a word that stands nowhere else among what was found
tells something particular, whatever the query calls it; thanks and greetings are made of words that are everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice

import numpy as np

from service.recall.analysis import content_words
from service.recall.pool import Column, standardised

RARE_WORDS = "rare_words"
"""Name of the trait."""
ROOT = 6
"""How many letters of a word count: "volunteer" and "volunteering" are one word here."""
COUNTED = 40
"""How many words of a text count: in a longer one something rare stands anywhere, whatever it tells."""
COMMONPLACE = -1.0
"""The least that a message comes to: one without any rare word, such as "Yes!", may still be what was asked for."""


def rare_words(texts: Sequence[str]) -> Column:
    """Return for each of *texts*, as a z-score, how rare the rarest of its content words is among all of them."""
    words = [{word[:ROOT] for word in islice(content_words(text), COUNTED)} for text in texts]
    having = Counter(word for found in words for word in found)
    shares = np.array([min((having[word] for word in found), default=len(texts)) for found in words]) / max(1, len(texts))
    return np.maximum(standardised(-np.log(shares)), COMMONPLACE)
