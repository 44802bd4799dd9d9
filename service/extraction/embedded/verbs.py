"""English verbs, as far as it takes to say in the third person what somebody said in the first."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_IRREGULAR = {"have": "has", "do": "does", "go": "goes", "be": "is", "am": "is", "don't": "doesn't", "haven't": "hasn't"}


@cache
def _listed() -> Mapping[str, frozenset[str]]:
    text = (files("service.extraction.embedded") / "words" / "en.toml").read_text("utf-8")
    return {name: frozenset(words.split()) for name, words in tomllib.loads(text)["verbs"].items()}


def is_adverb(word: str) -> bool:
    """Return whether *word* may stand between a subject and its verb without changing either."""
    lowered = word.lower()
    like_one = lowered.endswith("ly") and len(lowered) > 4 and lowered not in _listed()["no_adverbs"]
    return like_one or lowered in _listed()["adverbs"]


def is_past(word: str) -> bool:
    """Return whether *word* is a past form, which is the same for every person."""
    lowered = word.lower()
    if lowered in _listed()["present_in_ed"]:
        return False
    in_ed = lowered.endswith("ed") and len(lowered) > 3
    return in_ed or lowered in _listed()["past"] or lowered in _listed()["same_in_past"]


def is_modal(word: str) -> bool:
    """Return whether *word* is a modal verb, which is the same for every person."""
    return word.lower() in _listed()["modals"]


def is_participle(word: str) -> bool:
    """Return whether *word* can follow a contracted "had"."""
    return word.lower() in _listed()["participles"]


def shares_subject(word: str) -> bool:
    """Return whether *word* after "and" goes on with the subject before it; never a word that is a noun too."""
    return word.lower() in _listed()["coordinated"]


def is_going_on(word: str) -> bool:
    """Return whether *word*, at the beginning of a chat's sentence, says what its writer is about to do or is doing."""
    return word.lower() in _listed()["going_on"]


def is_about_another(word: str) -> bool:
    """Return whether the past form *word*, that begins a sentence, tells of something else, of a mood or a task."""
    return word.lower() in _listed()["about_another"]


def third_person(verb: str) -> str:
    """Return the third person singular of the base form *verb*; past forms and modals come back as they are."""
    lowered = verb.lower()
    if is_past(lowered) or is_modal(lowered):
        return verb
    if verb.isupper():
        verb = lowered
    if lowered in _IRREGULAR:
        return _IRREGULAR[lowered]
    if re.search(r"(?:s|x|z|ch|sh|o)$", lowered):
        return f"{verb}es"
    if re.search(r"[^aeiou]y$", lowered):
        return f"{verb[:-1]}ies"
    return f"{verb}s"
