"""The people, places and things that a text names, as written."""

from __future__ import annotations

import re

from service.extraction.embedded.languages import Language

MAX_ENTITIES = 12

_CAPITAL = r"[A-ZÀ-ÞŠŽ][\w'&-]*"
_SPAN = re.compile(rf"(?<![\w'-]){_CAPITAL}(?:\s+(?:(?:of|the|de|la|del|du|der|von|van|and|&)\s+)?(?={_CAPITAL}){_CAPITAL})*")
_QUOTED = re.compile(r'"([A-ZÀ-Þ][^"\n]{1,60})"')
_STARTS = re.compile(r"(?:^|[.!?:;\"“(]\s*)$")
_IDENTIFIER = re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.]+\b|\b(?=[A-Z0-9-]*\d)(?=[A-Z0-9-]*[A-Z])[A-Z0-9]{2,}(?:-[A-Z0-9]+)*\b")
_NAMED = re.compile(
    r"\b(?:named|called|name is|name's|names are|namens|heißt|heißen|llamad[oa]|se llaman?|appelée?|s'appellent?) "
    r"(?P<n>[^\W\d_][\w'-]+)",
    re.IGNORECASE,
)
_DOES = re.compile(r"(?:'s)?\s+(?:is|was|has|lives|works|loves|likes|went|said|got)\b")
_CALENDAR = frozenset({"I", "User", "Assistant", "I'm", "I've", "I'll", "I'd", "OK", "The"})


def entities(text: str, language: Language, speaker: str = "") -> tuple[str, ...]:
    """
    Return the names in *text*, each once, in order, without those of days and months; *speaker* comes first if it is a name.

    A capital at the start of a sentence tells nothing by itself: a word there counts when it is no word of the language and
    stands in capitals elsewhere too or is followed by another capital. German nouns are capitals throughout, so there only
    what is called a name, quoted, or in a run of capitals counts.
    """
    found: dict[str, None] = {speaker: None} if speaker and speaker not in _CALENDAR else {}
    for pattern in (_IDENTIFIER, _QUOTED):
        found.update({match.group(pattern.groups): None for match in pattern.finditer(text)})
    found.update({match["n"]: None for match in _NAMED.finditer(text) if match["n"][0].isupper()})
    for match in _SPAN.finditer(text):
        name = _name(match, text, language)
        if name:
            found[name] = None
    return tuple(found)[:MAX_ENTITIES]


def _name(match: re.Match[str], text: str, language: Language) -> str | None:
    words = match.group().split()
    at_start = _STARTS.search(text[max(0, match.start() - 3) : match.start()]) is not None
    while words and (_is_common(words[0], language) or (at_start and len(words) == 1 and not _elsewhere(words[0], text, match))):
        words, at_start = words[1:], False
    name = re.sub(r"(?:'s|[.,-])$", "", " ".join(words))
    if len(name) < 2 or _is_common(name, language):
        return None
    if language.code == "de" and len(words) == 1 and not re.search(r"\b(?:in|nach|aus|bei|mit|von)\s$", text[: match.start()]):
        return None
    return name


def _is_common(word: str, language: Language) -> bool:
    lowered = word.lower().split("'")[0]
    return (
        word in _CALENDAR
        or lowered in language.function_words
        or lowered in language.dates.weekdays
        or lowered in language.dates.months
    )


def _elsewhere(word: str, text: str, match: re.Match[str]) -> bool:
    """Return whether *word* is a name for another reason than its place: it owns or does something, or comes again inside."""
    if word.endswith("'s") or _DOES.match(text, match.end()):
        return True
    again = text.find(f" {word}", match.end())
    return again > 0 and text[again - 1] not in ".!?:"
