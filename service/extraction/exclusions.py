"""What a project excludes by name: rules that hold for every extractor, because they need no understanding."""

from __future__ import annotations

import re
from functools import lru_cache

from service.domain.memories import Candidate
from service.domain.projects import Guidance


def is_excluded(candidate: Candidate, guidance: Guidance) -> bool:
    """Return whether the candidate's first category is excluded, or it holds an excluded keyword as words of its own."""
    if candidate.categories and candidate.categories[0] in guidance.excluded_categories:
        return True
    return holds_keyword(candidate.content, guidance)


def holds_keyword(text: str, guidance: Guidance) -> bool:
    """Return whether *text* holds an excluded keyword as words of its own."""
    return bool(guidance.excluded_keywords and _pattern(guidance.excluded_keywords).search(text))


@lru_cache(maxsize=256)
def _pattern(keywords: tuple[str, ...]) -> re.Pattern[str]:
    """Return what finds any of the keywords, in any case; white space matches any white space."""
    phrases = (r"\s+".join(map(re.escape, keyword.split())) for keyword in keywords)
    # no \b: a keyword such as "C++" ends with no word character
    return re.compile(rf"(?<!\w)(?:{'|'.join(phrases)})(?!\w)", re.IGNORECASE)
