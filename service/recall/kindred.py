"""
Kindred words: what a message calls by another name than the query does ("instrument" and "violin", "trip" and "hiking").

Which words are kin is read off the embeddings of single words, so it holds for any vocabulary that the embedder knows. It costs
an embedding for each word that was not met before, and is for strategies that may take that time. How many words are compared
is bounded and not how long that takes, so that a query has the same answer on any day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from service.domain.ports.models import Embedder
from service.recall.analysis import QueryHints, content_words
from service.recall.pool import Column, standardised

KINDRED = "kindred_words"
"""Name of the trait."""
KIN_FROM = 0.5
"""Cosine from which two words count as kin: below it is nearly every pair of words of one field."""
READ_CHARS = 2_000
"""How much of a message is read."""
MAX_ASKED = 50
"""How many different words of the query are compared: the first."""
MAX_WORDS = 800
"""
How many different words of the messages are compared: those of the best. None of them met before, they take 0.3 s on two cores.

Evidence recall on LoCoMo is the same to 0.001 at every depth with 3,000; with 600 it is 0.003 lower at 50.
"""
TOLD = 4
"""How many kindred words are told for a word of the query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kindred:
    """
    *column* says how much each message speaks of what the query does, as z-scores; *words* are what the messages call a word
    of the query, nearest first.
    """

    column: Column
    words: Mapping[str, Sequence[str]]


async def kindred_words(embedder: Embedder, hints: QueryHints, texts: Sequence[str]) -> Kindred:
    """
    Compare the content words of a query, names and numbers aside, with those of *texts*, best first.

    A text counts for each word of the query with its nearest word, the more the rarer what is near.
    """
    names = {name.casefold() for name in hints.names}
    keywords = dict.fromkeys(word.casefold() for word in hints.keywords)
    asked = [word for word in keywords if word not in names and not word.isdigit()][:MAX_ASKED]
    found = [content_words(text[:READ_CHARS]) for text in texts]
    vocabulary = list(dict.fromkeys(word for words in found for word in words))[:MAX_WORDS]
    if not asked or not vocabulary:
        return Kindred(column=np.zeros(len(texts)), words={})
    vectors = np.asarray(await embedder.embed([*asked, *vocabulary]), dtype=np.float64)
    kinship: Column = vectors[: len(asked)] @ vectors[len(asked) :].T
    kinship[kinship < KIN_FROM] = 0.0
    places = {word: place for place, word in enumerate(vocabulary)}
    nearest = np.zeros((len(asked), len(texts)))
    for text, words in enumerate(found):
        known = [places[word] for word in words if word in places]
        if known:
            nearest[:, text] = kinship[:, known].max(axis=1)
    rarity = np.log1p(len(texts) / (1.0 + np.count_nonzero(nearest, axis=1)))
    return Kindred(column=standardised(rarity @ nearest), words=_told(asked, vocabulary, kinship))


def _told(asked: Sequence[str], vocabulary: Sequence[str], kinship: Column) -> dict[str, list[str]]:
    told = {}
    for word, row in zip(asked, kinship, strict=True):
        near = [vocabulary[place] for place in np.argsort(-row, kind="stable")[: TOLD + 1] if row[place] > 0.0]
        if others := [one for one in near if one != word][:TOLD]:
            told[word] = others
    return told
