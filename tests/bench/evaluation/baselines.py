"""What simple methods find with the same vectors and the same words: rows to compare with."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from service.models import open_embedder
from service.storage.bm25 import WordEncoder
from tests.bench.evaluation.locomo import Conversation
from tests.bench.evaluation.measure import Answered

Scores = NDArray[np.float64]

RRF_CONSTANT = 60


async def baselines(conversations: Sequence[Conversation]) -> dict[str, list[Answered]]:
    """Return the answers of stemmed BM25, of cosine similarity and of both by reciprocal rank fusion."""
    answers: dict[str, list[Answered]] = {"bm25": [], "dense": [], "rrf": []}
    async with open_embedder("minilm", threads=2) as embedder:
        for conversation in conversations:
            texts = conversation.texts()
            questions = [question.text for question in conversation.questions]
            turns = np.array(await embedder.embed(list(texts.values())))
            dense = np.array(await embedder.embed(questions)) @ turns.T
            words = _bm25(list(texts.values()), questions)
            fused = _reciprocal_ranks(dense) + _reciprocal_ranks(words)
            places = list(texts)
            for name, scores in (("bm25", words), ("dense", dense), ("rrf", fused)):
                answers[name] += [
                    Answered(question=question, ranking=[places[place] for place in np.argsort(-row, kind="stable")])
                    for question, row in zip(conversation.questions, scores, strict=True)
                ]
    return answers


def _bm25(texts: Sequence[str], questions: Sequence[str]) -> Scores:
    encoder = WordEncoder()
    documents = [dict(zip(words.indices, words.values, strict=True)) for words in map(encoder.document, texts)]
    frequency = Counter(word for document in documents for word in document)
    count = len(documents)
    rarity = {word: math.log(1 + (count - found + 0.5) / (found + 0.5)) for word, found in frequency.items()}
    asked = [encoder.query(question).indices for question in questions]
    return np.array(
        [[sum(rarity[word] * document[word] for word in words if word in document) for document in documents] for words in asked]
    )


def _reciprocal_ranks(scores: Scores) -> Scores:
    ranks = np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1, kind="stable")
    return np.asarray(1.0 / (RRF_CONSTANT + 1 + ranks))
