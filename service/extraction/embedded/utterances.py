"""Who says what in a session."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from service.domain.sessions import Message, MessageRole, Transcript
from service.extraction.embedded.cleaning import cleaned_lines
from service.extraction.embedded.languages import Language, language_of, languages, main_language
from service.extraction.embedded.splitting import sentences
from service.extraction.embedded.subjects import with_subject

USER = "User"
ASSISTANT = "Assistant"
MAX_SESSION_CHARACTERS = 400_000
"""What is read of a session at most; the newest messages count."""

_LABEL = re.compile(r"^\s*(?P<name>[^\W\d_][\w'.-]{0,30}(?: [A-ZÀ-Þ][\w'.-]{0,30}){0,2})\s*:\s+(?=\S)")
_FIRST_PERSON = re.compile(r"\b(?:i|i'm|i've|my|ich|mein\w*|mi|mis|yo|je|mon|ma)\b", re.IGNORECASE)
_ROLE_NAMES = frozenset({"user", "assistant", "human", "ai", "bot", "system", "me", "you"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """
    A message as it is read: its *sentences*, without the label of the speaker.

    *speaker* is the name that the message begins with, else "User" or "Assistant". *person* says that a person speaks: every
    message but those of an assistant without a name. *lines* are the plain lines that the sentences come from.
    """

    message: Message
    speaker: str
    person: bool
    language: Language
    lines: Sequence[str]
    sentences: Sequence[str]


def utterances(transcript: Transcript) -> list[Utterance]:
    """Return the messages of a session as they are read, oldest first; those without words are left out."""
    read = [(message, lines) for message in _newest(transcript.messages) if (lines := cleaned_lines(message.content))]
    names = _speakers(read)
    session_language = main_language([line[:200] for _, lines in read for line in lines[:5]])
    return [_utterance(message, lines, names, session_language) for message, lines in read]


def _utterance(message: Message, lines: Sequence[str], names: frozenset[str], session_language: str) -> Utterance:
    label = _label(lines)
    if label in names or label.lower() in _ROLE_NAMES:
        lines = [_LABEL.sub("", lines[0], count=1), *lines[1:]]
    named = label in names and label.lower() not in _ROLE_NAMES
    language = language_of("\n".join(lines), session_language)
    person = named or message.role is MessageRole.USER
    others = names - {label}
    return Utterance(
        message=message,
        speaker=label if named else USER if message.role is MessageRole.USER else ASSISTANT,
        person=person,
        language=language,
        lines=lines,
        sentences=[
            _said(sentence, language, others, person=person) for sentence in _own_words(sentences(lines, language.code), language)
        ],
    )


def _own_words(said: Sequence[str], language: Language) -> Sequence[str]:
    """Return the sentences before a task whose text follows, such as "Translate this: …", or all."""
    task = next((place for place, sentence in enumerate(said) if language.patterns["material"].match(sentence)), len(said))
    return said[:task]


def _said(sentence: str, language: Language, others: frozenset[str], *, person: bool) -> str:
    """Return *sentence* as it is written elsewhere: in full words, with its subject, without the name of whom it speaks to."""
    plain = _without_address(language.spelt_out(sentence), others)
    return with_subject(plain) if person and language.code == "en" else plain


def _without_address(sentence: str, names: frozenset[str]) -> str:
    """Return *sentence* without the name of whom it speaks to: "Thanks, Mel! …", "Maria, I …"; short forms of names count."""
    if not names:
        return sentence
    at_start, inside = _addresses(names)
    return inside.sub("", at_start.sub(r"\1", sentence)).strip(" ,") or sentence


@lru_cache(maxsize=256)
def _addresses(names: frozenset[str]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    forms = "|".join(re.escape(name[:3]) + r"\w*" for name in sorted(names))
    at_start = re.compile(rf"^((?:\w+[ ,]+){{0,2}}?)(?:{forms})(?:[,!]+\s*|(?=[.?]?$))")
    return at_start, re.compile(rf",\s*(?:{forms})(?=[.!?,]|\s*-|$)")


def _newest(messages: Sequence[Message]) -> Sequence[Message]:
    room = MAX_SESSION_CHARACTERS
    for index in range(len(messages) - 1, -1, -1):
        room -= min(len(messages[index].content), 20_000)
        if room < 0:
            return messages[index + 1 :]
    return messages


def _label(lines: Sequence[str]) -> str:
    match = _LABEL.match(lines[0]) if lines else None
    return match["name"] if match else ""


@lru_cache(maxsize=256)
def _is_task(label: str) -> bool:
    return any(language.patterns["material"].match(f"{label}:") for language in languages().values())


def _speakers(read: Sequence[tuple[Message, Sequence[str]]]) -> frozenset[str]:
    """
    Return the labels that are names of speakers.

    "Caroline: I went …" names who speaks, "Address: 5 Main Street" does not, nor does a task ("Translate: …"). A label is a
    name when every message of its role has one, and it begins with a capital letter.
    """
    labelled: list[tuple[str, Sequence[str]]] = []
    for role in MessageRole:
        said = [(_label(lines), lines) for message, lines in read if message.role is role]
        named = all(label[:1].isupper() and not _is_task(label) for label, _ in said)
        if said and named and len({label for label, _ in said}) <= 1 + len(said) // 2:
            labelled += said
    if len(labelled) == 1 and not _FIRST_PERSON.search(" ".join(labelled[0][1])):
        return frozenset()
    return frozenset(label for label, _ in labelled)
