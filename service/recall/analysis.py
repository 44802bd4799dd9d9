"""
What a query says about what it looks for, read off by rules: its content words, whom it names, whether it asks for a time or a
number, and who said what it asks for. English rules; a query in another language yields no hints and loses nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from service.domain.sessions import MessageRole

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?")
_POSSESSIVE = re.compile(r"['\u2019]s?$")
_STOP_WORDS = frozenset(
    """a about after all also am an and any are as at be been before being both but by can could did do does during each ever for
    from get had has have he her hers here him his how i if in into is it its just kind like many may me might mine more most
    much must my no not of off on or other our out over own please remind she should so some such tell than that the their them
    then there these they this those to too up us very was we were what when where which while who whom whose why will with
    would you your yours""".split()  # noqa: SIM905 - a list literal would take a hundred lines
)
_ASKS_TIME = re.compile(
    r"\bwhen\b|\bhow (?:long|recently)\b|\b(?:what|which) (?:date|day|month|season|time|week|year)\b|\bsince\b", re.IGNORECASE
)
_ASKS_NUMBER = re.compile(
    r"\bhow (?:many|much|old|often|far|tall|big)\b|\bwhat (?:number|age|price|amount|percentage)\b", re.IGNORECASE
)
_SAID = "advise|gave|give|list|mention|propose|provide|recommend|said|say|suggest|tell|told|wr[io]te"
_ABOUT_ASSISTANT = re.compile(
    rf"(?<!\bcan )(?<!\bcould )(?<!\bwill )(?<!\bwould )\byou(?:r| (?:\w+ )?(?:{_SAID})\w*)\b", re.IGNORECASE
)
"""Not "can you recommend": that was not answered yet."""
_ABOUT_ASKER = re.compile(r"\b(?:I|I['\u2019](?:m|d|ve|ll)|my|me|mine|myself|the user(?:['\u2019]s)?)\b")
_ABOUT_TALK = re.compile(
    r"\bremind me\b|\bour (?:\w+ )?(?:chat|conversation|discussion)s?\b|\bwe (?:chatted|discussed|spoke|talked)\b", re.IGNORECASE
)
_FRAME = re.compile(
    r"\b(?:give|help|remind|show|tell) me\b"
    r"|\bI(?:['\u2019]m| am| was|['\u2019]d like to| would like to| want(?:ed)? to)? (?:trying to )?"
    r"(?:check|follow|go|know|look|recall|remember|think|wonder)(?:ing)?\b",
    re.IGNORECASE,
)
"""Words around a question: who says "I was wondering" asks nothing about himself by that."""
_SENTENCE = re.compile(r"(?<=[.!?])\s+")

_NO_PERSON = frozenset("a an at from her his in into last my near next of on our that the their this your".split())  # noqa: SIM905
"""After these words a name is more often that of a place, a time or a thing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryHints:
    """
    *keywords* are the content words, as written, in their order; *words* all words, case-folded and without possessive;
    *names* the capitalised ones that do not begin the query. *topic* are the keywords but for the names of people. *role* is who
    wrote what is asked for, None when that is not said.
    """

    keywords: tuple[str, ...]
    words: frozenset[str]
    names: tuple[str, ...]
    topic: tuple[str, ...]
    asks_time: bool
    asks_number: bool
    role: MessageRole | None


@lru_cache(maxsize=1024)
def hints_of(text: str) -> QueryHints:
    """Return what the rules read off the query *text*."""
    found = _WORD.findall(text)
    bare = [_POSSESSIVE.sub("", word) for word in found]
    keywords = tuple(
        dict.fromkeys(word for word in bare if word.casefold() not in _STOP_WORDS and (len(word) > 1 or word.isdigit()))
    )
    names = tuple(dict.fromkeys(word for word in bare[1:] if word[:1].isupper() and word.casefold() not in _STOP_WORDS))
    people = _people(found, names)
    return QueryHints(
        keywords=keywords,
        words=frozenset(word.casefold() for word in bare),
        names=names,
        topic=tuple(word for word in keywords if word not in people),
        asks_time=bool(_ASKS_TIME.search(text)),
        asks_number=bool(_ASKS_NUMBER.search(text)),
        role=_asked_role(text),
    )


def has_word(text: str) -> bool:
    """Return whether *text* has a word or a number in any script."""
    return _WORD.search(text) is not None


@lru_cache(maxsize=8_192)
def content_words(text: str) -> tuple[str, ...]:
    """Return the content words of *text*, case-folded and without possessive, each once."""
    bare = (_POSSESSIVE.sub("", word.casefold()) for word in _WORD.findall(text))
    return tuple(dict.fromkeys(word for word in bare if len(word) > 2 and word not in _STOP_WORDS and not word.isdigit()))


def _people(words: Sequence[str], names: Sequence[str]) -> frozenset[str]:
    """Return those of *names* that seem to stand for people: "Ann" and "Ann's", but not "in Paris" or "the Grand Canyon"."""
    people: set[str] = set()
    for before, word in pairwise(words):
        bare = _POSSESSIVE.sub("", word)
        if bare not in names:
            continue
        if before in people or (before not in names and (bare != word or before.casefold() not in _NO_PERSON)):
            people.add(bare)
    return frozenset(people)


def _asked_role(text: str) -> MessageRole | None:
    # what comes before the last sentence tells why somebody asks
    asked = _FRAME.sub("", _SENTENCE.split(text.strip())[-1])
    if _ABOUT_ASSISTANT.search(asked):
        return MessageRole.ASSISTANT
    if _ABOUT_ASKER.search(asked):
        return MessageRole.USER
    if _ABOUT_TALK.search(text):
        return MessageRole.ASSISTANT
    return MessageRole.USER if _ABOUT_ASKER.search(_FRAME.sub("", text)) else None
