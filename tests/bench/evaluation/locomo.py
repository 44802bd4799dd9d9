"""Reads conversations with questions in the LoCoMo format."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

CATEGORIES = (1, 2, 3, 4)
"""Several pieces of evidence, dates, open inference, single facts. Category 5 has no answer and no evidence to find."""

_SESSION = re.compile(r"session_(\d+)")
_EVIDENCE = re.compile(r"D\s*:?\s*(\d+)\s*:\s*(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Turn:
    """The place of a message: number of its session as in the file, index in it from 0."""

    session: int
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, and the turns that answer it, never none."""

    text: str
    category: int
    evidence: tuple[Turn, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One session: when it took place and its messages, each a role and a text."""

    number: int
    begun: datetime
    messages: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One conversation with its questions. *skipped* counts evidence that names no turn of it."""

    name: str
    sessions: Sequence[Session]
    questions: Sequence[Question]
    skipped: int

    def texts(self) -> dict[Turn, str]:
        """Return every message by its place, in order."""
        return {
            Turn(session=session.number, index=index): text
            for session in self.sessions
            for index, (_, text) in enumerate(session.messages)
        }


def read_conversations(path: Path) -> list[Conversation]:
    """Return the conversations of the file, in their order."""
    return [_conversation(entry, place) for place, entry in enumerate(json.loads(path.read_text(encoding="utf-8")))]


def _conversation(entry: Mapping[str, Any], place: int) -> Conversation:
    talk = entry["conversation"]
    numbers = sorted(int(match[1]) for key in talk if (match := _SESSION.fullmatch(key)) and talk[key])
    places = {
        turn["dia_id"]: Turn(session=number, index=index)
        for number in numbers
        for index, turn in enumerate(talk[f"session_{number}"])
    }
    questions, skipped = _questions(entry["qa"], places)
    return Conversation(
        name=str(entry.get("sample_id", place)),
        sessions=[_session(talk, number) for number in numbers],
        questions=questions,
        skipped=skipped,
    )


def _session(talk: Mapping[str, Any], number: int) -> Session:
    messages = [
        ("user" if turn["speaker"] == talk["speaker_a"] else "assistant", _text(turn)) for turn in talk[f"session_{number}"]
    ]
    return Session(number=number, begun=read_date(talk[f"session_{number}_date_time"]), messages=messages)


def _text(turn: Mapping[str, str]) -> str:
    image = f" [shared image: {turn['blip_caption']}]" if turn.get("blip_caption") else ""
    return f"{turn['speaker']}: {turn['text']}{image}"


def read_date(text: str) -> datetime:
    """Return the time that a text such as `1:56 pm on 8 May, 2023` says, as UTC."""
    return datetime.strptime(" ".join(text.upper().split()), "%I:%M %p ON %d %B, %Y").replace(tzinfo=UTC)


def _questions(entries: Sequence[Mapping[str, Any]], places: Mapping[str, Turn]) -> tuple[list[Question], int]:
    """Return the questions that have evidence, and how many pieces of evidence name no turn."""
    questions, skipped = [], 0
    for entry in entries:
        if entry["category"] not in CATEGORIES:
            continue
        evidence, unknown = read_evidence(entry.get("evidence", ()), places)
        skipped += unknown
        if evidence:
            questions.append(Question(text=entry["question"], category=entry["category"], evidence=evidence))
    return questions, skipped


def read_evidence(texts: Sequence[str], places: Mapping[str, Turn]) -> tuple[tuple[Turn, ...], int]:
    """
    Return the turns that evidence *texts* name, each once, and how many names stand for no turn.

    Reads what is in the data: several in one text (`D8:6; D9:17`), a stray colon (`D:11:26`), leading zeros (`D30:05`).
    """
    found: dict[Turn, None] = {}
    unknown = 0
    for text in texts:
        names = [f"D{int(session)}:{int(turn)}" for session, turn in _EVIDENCE.findall(text)]
        unknown += not names
        for name in names:
            if name in places:
                found[places[name]] = None
            else:
                unknown += 1
    return tuple(found), unknown
