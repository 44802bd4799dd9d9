"""
Slots: attributes of a subject that hold one value at a time, and what a statement says of them.

Only these may change or be contradicted. Everything else ("likes hiking", "bought a lamp") can be true beside any other
statement, and a rule that let it supersede others by likeness alone would lose true memories.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from service.extraction.embedded.kinds import listed

MAX_VALUE_WORDS = 6
ONE = frozenset({"a", "an", "one", "ein", "eine", "einen", "un", "una", "uno", "une"})
"""The words for one, which are articles as well."""
NONE = "none"
"""The value of a claim that there is nothing of a kind."""
_ORDINAL = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)\b")
_NAME = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_RENEWED = r"(?:new|current|updated|neue\w?|aktuelle\w?|nuev[oa]|nouve\w+|actuel\w*)"
_KIND = re.compile(r"\{K:(\w+)\}")
_CLAUSE_START = r"(?:^|(?<=[.,;:!?\"] )|(?<=\band )|(?<=\bthat )|(?<=\"))"
ANNOTATION = re.compile(r"\((?:19|20)\d\d[^()]{0,30}\)")
"""A date that was put behind the words that meant it."""
_STOP_SIGNS = r"[,;:!?()\"]|\.(?=\s|$)|\s[\u2013\u2014-]\s"
_QUOTED = re.compile(r'^(?P<speaker>[^":]{1,60}?) (?:said|answered|recommended|was told)\b[^"]*: ?"(?P<words>.*)"', re.DOTALL)


class SlotMode(StrEnum):
    """What a second value means."""

    CHANGING = "changing"
    """It takes the place of the first: people move and change jobs."""
    FIXED = "fixed"
    """It contradicts the first, unless the statement says that something changed."""
    CUED = "cued"
    """It is another thing of the kind, unless the statement says that something changed."""
    ANY = "any"
    """It says that there is something of a kind, or nothing ("no siblings"), and only these two exclude each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """
    That *subject* has *value* in *slot*; *key* tells slots of one kind apart, such as the favourite what. All normalised.
    *told* is the part of the text that says so.
    """

    subject: str
    slot: str
    key: str
    value: str
    mode: SlotMode
    told: str = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    """
    One line of the table. *core* is the part of the *pattern* after the subject, which is quick to look for. *value* and *key*
    are those of every match, None where the pattern has a group for them.
    """

    name: str
    mode: SlotMode
    pattern: re.Pattern[str]
    core: re.Pattern[str]
    value: str | None
    key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotTable:
    """
    The slots of one language, the words that stand for the speaker, where a value ends, and the *vague* words ("you", "it") that
    are neither a subject nor a value. *claims* are the slots that say only whether there is anything of a kind.
    """

    slots: Sequence[_Slot]
    claims: Sequence[_Slot]
    self_words: re.Pattern[str]
    possessive: re.Pattern[str]
    stop: re.Pattern[str]
    vague: re.Pattern[str]


def compile_slots(raw: Mapping[str, Any]) -> SlotTable:
    """Return the table that the `[slots]` part of a language file describes."""
    adverbs = rf"(?:(?:{raw['adverbs']})\s+)*"
    owner = rf"(?:{raw['possessive']}|[^\W_][\w.'-]*(?: [^\W_][\w.'-]*){{0,3}}'s)"
    holes = {"{V}": r".{1,80}", "{N}": rf"(?:{raw['count']})", "{P}": raw["possessive"]}
    before = {
        "verb": rf"{_CLAUSE_START}(?P<s>(?:{raw['subject']})??)(?:\s+|(?=')|(?<!\w)){adverbs}",
        "noun": rf"(?P<s>\b{owner})\s+(?:{_RENEWED}\s+)?",
        "free": r"(?P<s>)",
    }

    def compiled(entry: Mapping[str, str]) -> _Slot:
        pattern = _KIND.sub(lambda kind: f"(?:{'|'.join(map(re.escape, listed(kind[1])))})", entry["pattern"])
        for hole, words in holes.items():
            pattern = pattern.replace(hole, words)
        elided = entry["form"] == "verb" and pattern.startswith("(?:j')?")
        start = "" if elided or not raw.get("spaces", True) else r"(?:(?<!\w)|(?='))"
        return _Slot(
            name=entry["name"],
            mode=SlotMode(entry["mode"]),
            pattern=re.compile(before[entry["form"]] + start + pattern, re.IGNORECASE),
            core=re.compile(pattern, re.IGNORECASE),
            value=entry.get("value"),
            key=entry.get("key"),
        )

    table = [compiled(entry) for entry in raw["table"]]
    return SlotTable(
        slots=[slot for slot in table if slot.mode is not SlotMode.ANY],
        claims=[slot for slot in table if slot.mode is SlotMode.ANY],
        self_words=re.compile(rf"(?:{raw['self']})", re.IGNORECASE),
        possessive=re.compile(rf"{raw['possessive']}", re.IGNORECASE),
        vague=re.compile(rf"(?:{raw['vague']})(?: \w+)?", re.IGNORECASE),
        stop=re.compile(rf"{_STOP_SIGNS}|\s(?:{raw['stop']})(?=[\s.,;:!?\"]|$)", re.IGNORECASE),
    )


def split_speaker(content: str) -> tuple[str, str]:
    """
    Return who speaks in a memory and the words that say what: of the quoted form the speaker and the quotation, else the user
    or the first word, and the whole.
    """
    quoted = _QUOTED.match(content)
    if quoted:
        return _normal(quoted["speaker"]), quoted["words"].strip()
    if re.search(r"\bUser\b", content):
        return "user", content
    first = re.match(r"[^\W_]+(?:[-.][^\W_]+)*", content)
    return _normal(first.group()) if first else "", content


def find_facts(content: str, table: SlotTable) -> list[Fact]:
    """Return what the text of a memory says of slots, the first value of each."""
    return _found(content, table, table.slots)


def find_claims(content: str, table: SlotTable) -> list[Fact]:
    """Return what the text of a memory says of whether there is anything of some kinds."""
    return _found(content, table, table.claims)


def denies_any(content: str, table: SlotTable) -> bool:
    """Return whether the text of a memory says that there is nothing of some kind."""
    return any(claim.value == NONE for claim in find_claims(content, table))


def _found(content: str, table: SlotTable, slots: Sequence[_Slot]) -> list[Fact]:
    speaker, words = split_speaker(content)
    text = " ".join(ANNOTATION.sub(" ", words).split())[:600]
    facts: dict[tuple[str, str, str], Fact] = {}
    for slot in slots:
        match = slot.pattern.search(text) if slot.core.search(text) else None
        fact = _fact(slot, match, speaker, table) if match else None
        if fact is not None:
            facts.setdefault((fact.subject, fact.slot, fact.key), fact)
    return list(facts.values())


def _fact(slot: _Slot, match: re.Match[str], speaker: str, table: SlotTable) -> Fact | None:
    groups = match.groupdict()
    value = slot.value or _until_stop(groups["v"], table)
    value = "1" if value in ONE else value
    key = slot.key or _until_stop(f"{groups.get('k') or ''} {groups.get('unit') or ''}", table)
    if not value or (slot.value and not key):
        return None
    if table.vague.fullmatch(key or value):
        return None
    subject = _subject(groups["s"] or "", speaker, table)
    if table.vague.fullmatch(subject.split()[-1] if subject else ""):
        return None
    last = "k" if slot.value else "v"
    told = match.string[match.start() : _told_until(match, last, table) if last in groups else match.end()]
    return Fact(subject=subject, slot=slot.name, key=key, value=value, mode=slot.mode, told=told)


def _subject(text: str, speaker: str, table: SlotTable) -> str:
    words = [word for word in _NAME.findall(text.lower()) if word not in {"and", "but", "so", "well", "yes", "no", "that"}]
    if not words:
        return speaker
    if words[-1] == "their" or table.self_words.fullmatch(words[-1]) or table.possessive.fullmatch(words[-1]):
        return speaker
    return _normal(" ".join(table.possessive.sub(speaker, word) if table.possessive.fullmatch(word) else word for word in words))


def _told_until(match: re.Match[str], group: str, table: SlotTable) -> int:
    stop = table.stop.search(f"{match[group]} ")
    return max(match.start(group) + stop.start(), match.start(group)) if stop and match.end(group) == match.end() else match.end()


def _until_stop(text: str, table: SlotTable) -> str:
    cut = table.stop.split(f" {text} ", maxsplit=1)[0] if not re.search(r"\d|@", text) else re.split(r"[,;!?()]| and ", text)[0]
    return _normal(" ".join(cut.split()[:MAX_VALUE_WORDS]))


def _normal(text: str) -> str:
    lowered = re.sub(r"^(?:the|a|an|der|die|das|ein|eine|el|la|los|las|un|una|le|les|une)\s+", "", text.lower().strip(" .'\""))
    return _ORDINAL.sub(r"\1", re.sub(r"'s\b", "", lowered)).strip(" .")
