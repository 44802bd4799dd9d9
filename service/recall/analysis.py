"""
What a query says about what it looks for, read off by rules: its content words, whom it names, whether it asks for a time or a
number, and who said what it asks for. English rules; a query in another language yields no hints and loses nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

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
_ABOUT_ASSISTANT = re.compile(
    r"\byou(?:r| (?:\w+ )?(?:advise|gave|give|list|mention|propose|provide|recommend|said|say|suggest|tell|told|wr[io]te)\w*)\b",
    re.IGNORECASE,
)
_ABOUT_ASKER = re.compile(r"\b(?:I|I['\u2019](?:m|d|ve|ll)|my|me|mine|myself|the user(?:['\u2019]s)?)\b")

_AUXILIARIES = r"(?:is|are|was|were|do|does|did|has|have|had|will|would|could|should|can|may|might)"
_LEADING_AUXILIARY = re.compile(rf"{_AUXILIARIES} +(?=\w)", re.IGNORECASE)
_QUESTION_WORDS = re.compile(
    r"(?:(?:in|at|on|for|to|from|with|by) )?(?:what|which|who|whom|whose|when|where|why|how)\b"
    r"(?: (?:many|much|long|often|old)\b)?(?: (?:kind|type|sort)s? of\b)? *",
    re.IGNORECASE,
)
_POSSESSIVE_PRONOUN = re.compile(r"\b(?:his|her|their)\b")
_PERSONAL_PRONOUN = re.compile(r"\b(?:he|she|they)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryHints:
    """
    *keywords* are the content words, as written, in their order; *words* all words, case-folded and without possessive;
    *names* the capitalised ones that do not begin the query. *role* is who wrote what is asked for, None when that is not said.
    """

    keywords: tuple[str, ...]
    words: frozenset[str]
    names: tuple[str, ...]
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
    return QueryHints(
        keywords=keywords,
        words=frozenset(word.casefold() for word in bare),
        names=names,
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


def statement_of(text: str, hints: QueryHints) -> str:
    """
    Return the query turned towards how an answer would be put: without its question words, and, when it names one person, said
    by that person. "When did Ann adopt her dog?" becomes "Ann: I adopt my dog".
    """
    statement = text.strip().rstrip("?!. ")
    for leading in (_QUESTION_WORDS, _LEADING_AUXILIARY):
        match = leading.match(statement)
        statement = statement[match.end() :] if match else statement
    if len(hints.names) != 1:
        return statement
    (name,) = hints.names
    own = re.sub(rf"\b{re.escape(name)}['\u2019]s?\b", "my", statement)
    own = re.sub(rf"\b(?:{_AUXILIARIES} +)?{re.escape(name)}\b", "I", own)
    own = _POSSESSIVE_PRONOUN.sub("my", own)
    return f"{name}: {_PERSONAL_PRONOUN.sub('I', own)}"


def _asked_role(text: str) -> MessageRole | None:
    if _ABOUT_ASSISTANT.search(text):
        return MessageRole.ASSISTANT
    return MessageRole.USER if _ABOUT_ASKER.search(text) else None
