"""The languages that are known by heart: one file of words and patterns each, compiled once."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from service.extraction.embedded.grammar import DateGrammar, compile_grammar
from service.extraction.embedded.likeness import WORD
from service.extraction.embedded.slots import SlotTable, compile_slots, find_facts

_ADDRESS = re.compile(r"\S+@\S+|https?://\S+")
_VAGUE_NUMBERS = frozenset({"few", "paar", "unos", "unas", "quelques"})
_PATTERNS = (
    "first_person",
    "subject",
    "second_person",
    "negation",
    "question",
    "small_talk_question",
    "filler",
    "light",
    "request",
    "material",
    "remember",
    "remember_about",
    "remember_that",
    "remind",
    "standing",
    "correction",
    "correction_lead",
    "change",
    "hypothetical",
    "worthy",
    "past",
    "future",
    "ahead_for_sure",
    "ask_for_advice",
    "advice",
    "adopt",
    "agreed_action",
    "anaphor",
    "ended",
    "replaced",
    "clause",
    "arranged",
    "comparison",
    "never",
    "degree",
    "region",
    "time_word",
    "recurring",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """
    What is known of a language. *letters* are those that it has beyond a to z. *patterns* are those that `words/en.toml` explains
    by example, matched without regard to case on text with straight quotes; *function_words* are lower case.
    """

    code: str
    function_words: frozenset[str]
    letters: frozenset[str]
    short_cuts: Sequence[tuple[re.Pattern[str], str]]
    patterns: Mapping[str, re.Pattern[str]]
    number_words: re.Pattern[str]
    same: Sequence[tuple[re.Pattern[str], str]]
    dates: DateGrammar
    slots: SlotTable

    def says(self, pattern: str, text: str) -> bool:
        """Return whether *pattern* is found in *text*; a pattern for a beginning says so itself."""
        return self.patterns[pattern].search(text) is not None

    def spelt_out(self, text: str) -> str:
        """Return *text* with the short cuts of chats ("im", "u") as they are written elsewhere."""
        for short, full in self.short_cuts:
            text = short.sub(full, text)
        return text

    def with_digits(self, text: str) -> str:
        """Return *text* with the words for numbers from two on as digits, so that "two kids" and "2 kids" are the same."""
        return self.number_words.sub(lambda match: str(self.dates.numbers[match.group().lower()]), text)

    def plain(self, text: str) -> str:
        """Return *text* for comparisons: numbers as digits, and one wording for what can be said in several."""
        text = self.with_digits(text)
        for wording, plain in self.same:
            text = wording.sub(plain, text)
        return text

    def content_words(self, text: str) -> list[str]:
        """Return the words of *text* that carry meaning, lower case, in order."""
        return [word for word in words(text) if word not in self.function_words and (len(word) > 1 or word.isdigit())]


def words(text: str) -> list[str]:
    """Return the words of *text*, lower case, in order."""
    return list(WORD.findall(text.lower()))


@cache
def languages() -> Mapping[str, Language]:
    """Return every known language by its code, English first. Reads and compiles the files at the first call."""
    found = {
        path.name.removesuffix(".toml"): path.read_text("utf-8")
        for path in (files("service.extraction.embedded") / "words").iterdir()
        if path.name.endswith(".toml")
    }
    return {code: _compile(code, tomllib.loads(found[code])) for code in sorted(found, key=lambda code: (code != "en", code))}


def language_of(text: str, around: str | None = None) -> Language:
    """
    Return the language of *text*: the one whose function words, letters and words for the speaker it uses most.

    A word of two languages counts half for each; so does it that *around* is the language of what surrounds the text. A
    language that is not known counts as the nearest known one: its statements are then kept by form (names, numbers, length).
    """
    known = languages()
    beginning = _ADDRESS.sub(" ", text[:2000].lower())
    found = {part for word in words(beginning) for part in (word, word.partition("'")[0])}
    shared = Counter(word for language in known.values() for word in found & language.function_words)

    def score(language: Language) -> float:
        own = sum(1 / shared[word] for word in found & language.function_words)
        letters = len(language.letters.intersection(beginning))
        return own + letters + language.says("first_person", beginning) + (0.5 if language.code == around else 0)

    scores = {code: score(language) for code, language in known.items()}
    best = max(scores.values())
    first, *others = (known[code] for code, own in scores.items() if own == best)
    # of "vivo a Torino" every word is of two languages: it is of the one in which it says something
    return next((language for language in (first, *others) if others and find_facts(beginning[:200], language.slots)), first)


def main_language(texts: Sequence[str]) -> str:
    """Return the code of the language of *texts* taken together."""
    return language_of("\n".join(texts)).code


def _compile(code: str, raw: Mapping[str, Any]) -> Language:
    return Language(
        code=code,
        function_words=frozenset(raw["function_words"].split()),
        short_cuts=[(re.compile(rf"\b{short}\b"), full) for short, full in raw.get("short_cuts", {}).items()],
        letters=frozenset(raw["letters"]),
        patterns={name: re.compile(raw[name].replace("{W}", "day"), re.IGNORECASE) for name in _PATTERNS},
        number_words=_number_words(raw["dates"]["numbers"]),
        same=[(re.compile(wording, re.IGNORECASE), plain) for wording, plain in raw.get("same", {}).items()],
        dates=compile_grammar(raw["dates"]),
        slots=compile_slots(raw["slots"]),
    )


def _number_words(numbers: Mapping[str, int]) -> re.Pattern[str]:
    exact = [word for word, number in numbers.items() if number > 1 and " " not in word and word not in _VAGUE_NUMBERS]
    return re.compile(rf"\b(?:{'|'.join(exact) or '(?!)'})\b", re.IGNORECASE)
