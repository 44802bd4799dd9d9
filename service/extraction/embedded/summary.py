"""An extractive summary: the statements that say most of what a session is about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from service.domain.memories import Candidate
from service.extraction.embedded.languages import languages, words

MAX_CHARACTERS = 600
REPETITION = 0.6
"""A statement is left out when this share of its words was said already."""


def summarise(candidates: Sequence[Candidate], scores: Sequence[float]) -> str:
    """
    Return at most about 600 characters of the statements that are central (their words come up again in others) and informative
    (their *scores*), in the order in which they were said; empty when there are none.
    """
    common = frozenset().union(*(language.function_words for language in languages().values()))
    bags = [{word for word in words(candidate.content) if word not in common} for candidate in candidates]
    frequency = Counter(word for bag in bags for word in bag)
    weights = [score + sum(frequency[word] - 1 for word in bag) / (len(bag) + 1) for bag, score in zip(bags, scores, strict=True)]
    chosen: list[int] = []
    said: set[str] = set()
    room = MAX_CHARACTERS
    for place in sorted(range(len(candidates)), key=lambda place: (-weights[place], place)):
        length = len(candidates[place].content) + 1
        repeats = len(bags[place] & said) >= REPETITION * len(bags[place])
        if length > room or (chosen and repeats):
            continue
        chosen.append(place)
        said |= bags[place]
        room -= length
    text = " ".join(candidates[place].content for place in sorted(chosen))
    return text or (f"{candidates[0].content[: MAX_CHARACTERS - 1]}…" if candidates else "")
