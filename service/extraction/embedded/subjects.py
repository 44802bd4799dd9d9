"""English sentences of chats that leave their subject out: "moved to Ghent last week", "planning a party"."""

from __future__ import annotations

import re

from service.extraction.embedded import verbs

MIN_WORDS = 3
"""Below this many words a sentence is a cry ("Loved it!") and about nobody in particular."""

_BEGINNING = re.compile(
    r"^(?P<before>(?:(?:and|but|so|also|oh|hey|hi|well|ok|okay|yeah|yes|ugh|lol|btw|anyway|plus|then|guess what|just|finally"
    r"|recently|already|actually|still|currently|even|sadly|unfortunately|luckily)\b[\s,.!]*)*)(?P<verb>[a-z]+)\b(?P<rest>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_GERUND_SUBJECT = re.compile(
    r"^[^,]{0,60}?\b(?:is|was|isn't|wasn't|are|makes|made|helps|gives|keeps|has|can|will|would|sounds?|feels?)\b"
)


def with_subject(sentence: str) -> str:
    """Return *sentence* with the "I" that it leaves out, or as it is."""
    match = _BEGINNING.match(sentence)
    if match is None or len(sentence.split()) < MIN_WORDS:
        return sentence
    verb = match["verb"].lower()
    subject = _subject(verb, match["rest"])
    if subject is None:
        return sentence
    return f"{match['before']}{subject} {verb}{match['rest']}"


def _subject(verb: str, rest: str) -> str | None:
    if verb == "born":
        return "I was"
    if verb == "been":
        return "I've"
    if verbs.is_going_on(verb) and not _GERUND_SUBJECT.match(rest) and not rest.startswith(" to be "):
        # "going to be a great night"
        return "I'm"
    told = verbs.is_past(verb) and not verbs.is_about_another(verb) and not rest.lstrip().startswith((",", "by "))
    return "I" if told else None
