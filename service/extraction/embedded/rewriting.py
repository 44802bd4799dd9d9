"""
What a person said, as a statement about that person.

English in the first person singular becomes the third person: "I work at Acme and my sister lives in Rome" said by Anna becomes
"Anna works at Acme and their sister lives in Rome". The rules rewrite only what they understand; everything else, and every
other language, is quoted: `Anna said: "…"`. A quotation is never wrong.
"""

from __future__ import annotations

import re

from service.extraction.embedded import verbs

_TOKEN = re.compile(r"[^\W_]+(?:['-][^\W_]+)*|\s+|[^\w\s]|_", re.UNICODE)
_UNSAFE = re.compile(
    r"\b(?:we|we're|we've|we'll|we'd|us|ourselves|you|your|yours|you're|you've|you'll|im|ive|lol)\b",
    re.IGNORECASE,
)
_LEADING = re.compile(
    r"^(?:(?:and|but|so|well|also|oh|ah|hey|yes|yeah|yep|no|nope|ok|okay|anyway|plus|by the way|btw|thanks|thank you|hi|hello"
    r"|wow|haha|lol|ugh|omg|sure|unfortunately|luckily|great|cool|honestly|fyi|fwiw|tbh|guess what"
    r"|for context|for reference|quick background"
    r"|just so you know)\b[\s,.!:\u2013-]*)+",
    re.IGNORECASE,
)
_FIRST_PERSON = re.compile(r"\b(?:i|i'm|i've|i'd|i'll|me|my|mine|myself|our|ours)\b", re.IGNORECASE)
_QUOTES_SOMEBODY = re.compile(r'"[^"]*\b(?:i|i\'m|i\'ve|i\'d|i\'ll|me|my|mine|myself)\b(?!-)[^"]*"', re.IGNORECASE)
"""Words of the first person that are somebody else's."""
_PAIR = re.compile(r"^My (?P<who>(?:[\w-]+ ){0,2}[\w-]+) and I\b", re.IGNORECASE)
_NAMED = re.compile(r"^(?:(?:The |My )?[A-ZÀ-Þ])")
_PRONOUN = re.compile(
    r"^(?:it|it's|this|that|that's|these|those|she|she's|he|he's|they|they're|there|there's|here|her|his|their|its|one|which)\b",
    re.IGNORECASE,
)
_GERUND_SUBJECT = re.compile(r"^\w+ing\b[^,]{0,40}\b(?:is|was|makes|helps|gives|keeps|has)\b")
_FINITE = re.compile(r"\b(?:is|are|was|were|has|had|does|did|will|can|\w{2,}(?:s|ed))\b", re.IGNORECASE)
_CONTRACTED = {"i'm": "is", "i've": "has", "i'll": "will"}


def in_third_person(text: str, speaker: str, language: str) -> str:
    """Return *text*, one or more sentences said by *speaker*, as a statement that can be read alone."""
    rewritten = _rewrite(text, speaker) if language == "en" else None
    return rewritten if rewritten is not None else quoted(text, speaker)


def quoted(text: str, speaker: str) -> str:
    """Return the quoted form, which keeps the words as they are."""
    return f'{speaker} said: "{text.strip().replace(chr(34), chr(39))}"'


def _rewrite(text: str, speaker: str) -> str | None:
    body = _LEADING.sub("", text.strip())
    if not body or _UNSAFE.search(body) or _QUOTES_SOMEBODY.search(body):
        return None
    body = body[0].upper() + body[1:]
    if not _FIRST_PERSON.search(body):
        return _ended(body) if _stands_alone(body) else None
    if _PRONOUN.match(body) or _has_no_subject(body):
        return None
    body = _PAIR.sub(lambda pair: f"{speaker} and their {pair['who']}", body)
    return _ended(_Rewriter(body, speaker).result())


def _stands_alone(body: str) -> bool:
    return bool(_NAMED.match(body) and _FINITE.search(body) and not _PRONOUN.match(body) and not _has_no_subject(body))


def _has_no_subject(body: str) -> bool:
    """Return whether *body* begins with its verb: "Just got back from …", "Finishing up …"."""
    first = next((word for word in body.replace(",", " ").split() if not verbs.is_adverb(word)), "")
    return verbs.is_past(first) or (first.endswith("ing") and len(first) > 5 and not _GERUND_SUBJECT.match(body))


def _ended(text: str) -> str:
    return text if text[-1] in ".!?…\"'" else f"{text}."


class _Rewriter:
    """Goes over the words of a text once, from left to right."""

    def __init__(self, text: str, speaker: str) -> None:
        self._tokens: list[str] = _TOKEN.findall(text)
        self._speaker = speaker
        self._named = text.startswith(speaker)
        self._words = [i for i, token in enumerate(self._tokens) if token[0].isalnum()]
        self._present = False

    def result(self) -> str:
        for place, index in enumerate(self._words):
            self._rewrite_word(place, index)
        return "".join(self._tokens)

    def _rewrite_word(self, place: int, index: int) -> None:
        word = self._tokens[index].lower()
        if word == "i":
            self._subject(index)
            self._agree(place + 1)
        elif word in _CONTRACTED:
            self._subject(index, _CONTRACTED[word])
        elif word == "i'd":
            following = self._next_word(place + 1)
            self._subject(index, "had" if verbs.is_participle(following) or following == "better" else "would")
        elif word in {"and", "or", "but"} and self._shared(self._next_word(place + 1)):
            self._agree(place + 1)
        elif word in {"me", "myself"}:
            self._tokens[index] = self._speaker if word == "me" else "themself"
        elif word in {"my", "our", "mine", "ours"}:
            self._tokens[index] = ("their" if word in {"my", "our"} else "theirs") if self._named else f"{self._speaker}'s"
            self._named = True

    def _shared(self, following: str) -> bool:
        """Return whether *following* is a verb of the subject before it; "don't" is one beside a past form too."""
        return (self._present and verbs.shares_subject(following)) or (self._named and following == "don't")

    def _subject(self, index: int, verb: str | None = None) -> None:
        self._tokens[index] = self._speaker if verb is None else f"{self._speaker} {verb}"
        self._named = True

    def _agree(self, place: int) -> None:
        while place < len(self._words):
            index = self._words[place]
            word = self._tokens[index]
            if not verbs.is_adverb(word):
                self._tokens[index] = verbs.third_person(word)
                self._present = self._tokens[index] != word
                return
            place += 1

    def _next_word(self, place: int) -> str:
        return self._tokens[self._words[place]].lower() if place < len(self._words) else ""
