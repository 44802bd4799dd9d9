"""What is worth keeping: a score for each sentence, from what it has (a subject, a fact, a name, a date), not from its topic."""

from __future__ import annotations

import re
from dataclasses import dataclass

from service.extraction.embedded import verbs
from service.extraction.embedded.dates import find_dates
from service.extraction.embedded.entities import entities
from service.extraction.embedded.languages import Language
from service.extraction.embedded.likeness import WORD
from service.extraction.embedded.slots import denies_any, find_facts
from service.extraction.embedded.utterances import USER, Utterance

KEEP = 1.0
"""The score from which a sentence is kept that somebody writes to an assistant."""
KEEP_IN_TALK = 1.1
"""The same for talk between people, where far more is said for its own sake."""
REMEMBER = 10.0
"""The score of what somebody asked to be remembered."""

_UNPARTED = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
_NUMBER = re.compile(r"\d")
_IDENTIFIER = re.compile(r"\b[\w.+-]+@[\w-]+\.\w+|\+?\d[\d ()/-]{6,}\d|\b(?=\w*\d)(?=\w*[A-Z])[A-Z0-9-]{5,}\b")
_SUBJECT = re.compile(r"^(?:[^,]{1,40},\s+)?(?:(?:i|we)(?:'m|'ve|'ll|'d|'re)?|(?:my|our) \w+)\b(?P<rest>.{0,60})", re.IGNORECASE)
_IDENTIFIES = re.compile(
    r"^(?:(?:and|oh|no|yes|but|so),?\s+)*(?:the|her|his|their) [\w-]+(?: [\w-]+)? (?:is|was|are|were)\b", re.IGNORECASE
)
"""A sentence that says who or what somebody or something is."""
_THE_USER = re.compile(r"^(?:the )?user(?:['\u2019]s)? \S", re.IGNORECASE)
"""A sentence about the user by somebody who tells of the user, such as an application."""
_STARTING_WORD = re.compile(r"^\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """
    A sentence with its score, and whether it is *kept*. *dependent* means that it cannot be read without the one before it;
    *plain* that it says no fact and no date; *verbatim* that it is to be quoted.
    """

    text: str
    score: float
    dependent: bool
    least: float = KEEP
    plain: bool = False
    verbatim: bool = False

    @property
    def kept(self) -> bool:
        """Whether it is worth keeping."""
        return self.score >= self.least

    @property
    def joins(self) -> bool:
        """Whether it is worth keeping together with a sentence before it that is."""
        return self.dependent and self.score >= self.least / 2


def judged(sentence: str, utterance: Utterance) -> Judged:
    """Return *sentence* with its score; what asks to be remembered loses the asking."""
    language = utterance.language
    wanted = _asked_to_keep(sentence, utterance)
    if wanted is not None:
        return wanted
    corrects = language.patterns["correction_lead"].match(sentence)
    dependent = language.says("anaphor", sentence[corrects.end() :] if corrects else sentence)
    if is_question(sentence, language) or is_filler(sentence, language) or _is_request(sentence, language):
        return Judged(text=sentence, score=0.0, dependent=dependent)
    has_fact = bool(find_facts(sentence, language.slots)) or denies_any(sentence, language.slots)
    has_date = bool(find_dates(sentence, language.dates, utterance.message.timestamp))
    score = _score(sentence, utterance, has_fact=has_fact, has_date=has_date)
    if dependent and any(find_facts(_STARTING_WORD.sub(one, sentence), language.slots) for one in ("Someone", "Someone's")):
        score += KEEP / 2
        has_fact = True
    least = KEEP if utterance.speaker == USER else KEEP_IN_TALK
    told = has_fact or has_date
    # "I mean four": what it corrects stands before it
    dependent = dependent or (corrects is not None and not told)
    return Judged(text=sentence, score=score, dependent=dependent, least=least, plain=not (told or corrects))


def _asked_to_keep(sentence: str, utterance: Utterance) -> Judged | None:
    """Return *sentence* if it asks for what it says to be remembered, to be reminded, or for ways to be kept from now on."""
    patterns = utterance.language.patterns
    asked = patterns["remember"].search(sentence)
    text = sentence[asked.end() :].rstrip("?").strip() if asked else ""
    if asked and text and len(sentence) - asked.end() > 3:
        return Judged(text=text[0].upper() + text[1:], score=REMEMBER, dependent=False)
    about = patterns["remember_about"].search(sentence)
    if about:
        text = sentence[about.start("what") :]
        return Judged(text=text[0].upper() + text[1:], score=REMEMBER, dependent=False)
    asked = patterns["remember_that"].search(sentence)
    if asked and asked.start() > 3:
        return Judged(text=sentence[: asked.start()], score=REMEMBER, dependent=False)
    reminder = patterns["remind"].match(sentence)
    if reminder:
        text = f"I want to be reminded {reminder['what'].rstrip('?!. ')}." if reminder["what"] else sentence
        return Judged(text=text, score=REMEMBER, dependent=False)
    if utterance.speaker == USER and patterns["standing"].search(sentence):
        return Judged(text=sentence, score=REMEMBER, dependent=False, verbatim=True)
    return None


def _is_request(sentence: str, language: Language) -> bool:
    """Return whether *sentence* sets a task; one that gives an address or number of the speaker's is more than that."""
    if not language.patterns["request"].match(sentence):
        return False
    return not (_IDENTIFIER.search(sentence) and language.says("first_person", sentence))


def is_question(sentence: str, language: Language) -> bool:
    """Return whether *sentence* asks."""
    if sentence.rstrip("\"') ").endswith(("?", "\uff1f")):
        return True
    return not sentence.rstrip().endswith((".", "!", "\uff01")) and language.patterns["question"].match(sentence) is not None


def is_filler(sentence: str, language: Language) -> bool:
    """Return whether *sentence* is nothing but a greeting, thanks, assent or the like."""
    return language.patterns["filler"].fullmatch(sentence.strip()) is not None


def _score(sentence: str, utterance: Utterance, *, has_fact: bool, has_date: bool) -> float:
    language = utterance.language
    words = language.content_words(sentence)
    if not (words or has_fact) or _length(sentence) < 2:
        return 0.0
    score = min(len(words), 7) * 0.1
    score += _subject_score(sentence, language, utterance.speaker)
    score += 1.2 if has_fact else 0.0
    score += 0.4 if language.says("worthy", sentence) else 0.0
    names = [name for name in entities(sentence, language) if name.lower() != utterance.speaker.lower()]
    score += 0.3 if names else 0.0
    score += 0.4 if has_date else 0.0
    score += 0.8 if _IDENTIFIER.search(sentence) else 0.2 if _NUMBER.search(sentence) else 0.0
    score += 0.3 if language.says("correction", sentence) or language.says("ended", sentence) else 0.0
    return score - _discount(sentence, language, has_fact=has_fact)


def _length(sentence: str) -> int:
    """Return how many words a sentence has; where nothing parts them, two signs count as one."""
    return max(len(WORD.findall(sentence)), len(_UNPARTED.findall(sentence)) // 2)


def _discount(sentence: str, language: Language, *, has_fact: bool) -> float:
    discount = 0.0
    corrects = language.patterns["correction_lead"].match(sentence)
    if language.patterns["light"].match(sentence) and not (has_fact or corrects):
        discount += 0.8
    if language.says("second_person", sentence) and not has_fact:
        discount += 0.4 if language.says("first_person", sentence) else 1.0
    if language.says("hypothetical", sentence):
        discount += 0.4
    if language.says("anaphor", sentence) and not language.says("first_person", sentence):
        discount += 0.4
    return discount


def _subject_score(sentence: str, language: Language, speaker: str) -> float:
    """0.5 for a sentence about the speaker or what is theirs, more when it says what they do; 0.3 for one about a name."""
    if language.says("subject", sentence):
        return 0.5 + _deed(sentence, language)
    if _THE_USER.match(sentence):
        return 0.85
    if language.says("first_person", sentence):
        return 0.35
    names = entities(sentence, language)
    if names and language.code == "en" and _IDENTIFIES.match(sentence):
        return 0.35
    about_a_name = bool(names) and sentence.startswith(names[0]) and names[0].lower() != speaker.lower()
    return 0.3 if about_a_name else 0.0


def _deed(sentence: str, language: Language) -> float:
    """Return 0.35 when somebody does something, 0.1 when something only is so."""
    if language.code != "en":
        return 0.35
    match = _SUBJECT.match(sentence)
    following = [word for word in WORD.findall(match["rest"]) if not verbs.is_adverb(word)] if match else []
    return 0.35 if any(word.lower() not in language.function_words for word in following[:3]) else 0.1
