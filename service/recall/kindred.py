"""
Kindred words: what a message calls by another name than the query does ("instrument" and "violin", "trip" and "hiking").

Which words are kin is read off the embeddings of single words, so it holds for any vocabulary that the embedder knows. It costs
an embedding for each word that was not met before, so there is a bound on the time: what is left when it is over waits for
later queries, which find the words before it remembered by the embedder.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from service.domain.ports.models import Embedder
from service.recall.analysis import QueryHints, content_words
from service.recall.pool import Column, standardised

KINDRED = "kindred_words"
"""Name of the trait."""
KIN_FROM = 0.5
"""Cosine from which two words count as kin: below it is nearly every pair of words of one field."""
READ_CHARS = 2_000
"""How much of a message is read."""
MAX_WORDS = 3_000
"""How many different words of the messages are compared: those of the best messages."""
PATIENCE = timedelta(milliseconds=100)
"""After so long no more words are embedded."""
TOGETHER = 50
"""How many words are embedded at a time: few enough to be done among the queries of others, without holding them up."""
TOLD = 4
"""How many kindred words are told for a word of the query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kindred:
    """
    *column* says how much each message speaks of what the query does, as z-scores; *words* are what the messages call a word
    of the query, nearest first, and *passed_over* is how many words there was no time for.
    """

    column: Column
    words: Mapping[str, Sequence[str]]
    passed_over: int = 0


async def kindred_words(
    embedder: Embedder, hints: QueryHints, texts: Sequence[str], *, patience: timedelta = PATIENCE
) -> Kindred:
    """
    Compare the content words of a query, names and numbers aside, with those of *texts*, best first, within about *patience*.

    A text counts for each word of the query with its nearest word, the more the rarer what is near.
    """
    names = {name.casefold() for name in hints.names}
    keywords = dict.fromkeys(word.casefold() for word in hints.keywords)
    asked = [word for word in keywords if word not in names and not word.isdigit()]
    found = [content_words(text[:READ_CHARS]) for text in texts]
    vocabulary = list(dict.fromkeys(word for words in found for word in words))[:MAX_WORDS]
    if not asked or not vocabulary:
        return Kindred(column=np.zeros(len(texts)), words={})
    vectors = await _embedded(embedder, [*asked, *vocabulary], patience)
    if len(vectors) <= len(asked):
        return Kindred(column=np.zeros(len(texts)), words={}, passed_over=len(vocabulary))
    kinship: Column = vectors[: len(asked)] @ vectors[len(asked) :].T
    kinship[kinship < KIN_FROM] = 0.0
    compared = vocabulary[: kinship.shape[1]]
    places = {word: place for place, word in enumerate(compared)}
    nearest = np.zeros((len(asked), len(texts)))
    for text, words in enumerate(found):
        known = [places[word] for word in words if word in places]
        if known:
            nearest[:, text] = kinship[:, known].max(axis=1)
    rarity = np.log1p(len(texts) / (1.0 + np.count_nonzero(nearest, axis=1)))
    return Kindred(
        column=standardised(rarity @ nearest),
        words=_told(asked, compared, kinship),
        passed_over=len(vocabulary) - len(compared),
    )


async def _embedded(embedder: Embedder, words: Sequence[str], patience: timedelta) -> NDArray[np.float64]:
    """Return the vectors of the first of *words*, one row for each: of all that were met before or that there is time for."""
    loop = asyncio.get_running_loop()
    end = loop.time() + patience.total_seconds()
    vectors = list(await embedder.embed(words[:TOGETHER]))
    while len(vectors) < len(words) and loop.time() < end:
        vectors += await embedder.embed(words[len(vectors) : len(vectors) + TOGETHER])
    return np.asarray(vectors, dtype=np.float64)


def _told(asked: Sequence[str], vocabulary: Sequence[str], kinship: Column) -> dict[str, list[str]]:
    told = {}
    for word, row in zip(asked, kinship, strict=True):
        near = [vocabulary[place] for place in np.argsort(-row, kind="stable")[: TOLD + 1] if row[place] > 0.0]
        if others := [one for one in near if one != word][:TOLD]:
            told[word] = others
    return told
