"""What a request says, in the same words for every provider, and which part of it is new."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import orjson

MAX_TEXT_BYTES = 1_000_000
"""The most bytes of UTF-8 that are kept of what a user says in one turn, and of one reply."""

_LONG = 128
_MAX_MESSAGES = 1000
# what was recalled is not said by anyone, also when a client sends it back
_RECALLED = re.compile(
    r"(?:# Memory\n\nNow: [^\n]*\n\n)?(?:## [^\n]*\n\n)?<memory-data id=\"([^\"]*)\">.*?(?:</memory-data id=\"\1\">|\Z)",
    re.DOTALL,
)


class UnknownShape(Exception):
    """The request is none that memory can be put into."""


class Speaker(Enum):
    """Who speaks. TOOLS is an assistant that calls tools and has not replied yet, and whatever tools answer."""

    USER = auto()
    ASSISTANT = auto()
    TOOLS = auto()
    SYSTEM = auto()


@dataclass(frozen=True, slots=True)
class Said:
    """One entry of a conversation. *mark* stands for everything in it that is no text."""

    speaker: Speaker
    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """
    A conversation as a request holds it.

    *place* is the index of the entry before which new memory goes. *origin* names what the provider keeps of it, if it does.
    """

    said: Sequence[Said]
    place: int
    origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTurn:
    """
    What is new in a conversation: the user's messages since the last reply, oldest first.

    *user_key* and *reply_key* are digests of the conversation up to the user's last words and up to its end: the same for a
    client that retries, and for each step of a loop of tool calls the user's part is the same.
    """

    user_messages: tuple[str, ...]
    user_key: str
    reply_key: str


def conversation_of(said: Sequence[Said], *, origin: str = "") -> Conversation:
    """Return the conversation; memory goes before a reply that the model is to go on with."""
    place = len(said)
    while place and said[place - 1].speaker is Speaker.ASSISTANT:
        place -= 1
    return Conversation(said=said, place=place or len(said), origin=origin)


def new_words(conversation: Conversation) -> tuple[str, ...]:
    """Return what the user has said since the last reply, oldest first, the newest of it when it is very much."""
    return _within_limit(_newest(conversation))


def new_turn(conversation: Conversation, words: tuple[str, ...]) -> NewTurn:
    """Return what is new in *conversation*, of which *words* are the user's."""
    said = conversation.said
    digest = hashlib.sha256(conversation.origin.encode())
    last = max((index for index, each in enumerate(said) if each.speaker is Speaker.USER and each.text), default=-1)
    user_digest = digest.copy()
    for index, each in enumerate(said):
        digest.update(orjson.dumps([each.speaker.name, each.text, each.mark]))
        if index == last:
            user_digest = digest.copy()
    return NewTurn(user_messages=words, user_key=user_digest.hexdigest(), reply_key=digest.hexdigest())


def _newest(conversation: Conversation) -> list[str]:
    """Return what the user said since the last reply, newest first."""
    texts: list[str] = []
    for each in reversed(conversation.said[: conversation.place]):
        if each.speaker is Speaker.ASSISTANT:
            break
        text = without_recalled(each.text) if each.speaker is Speaker.USER else ""
        if text.strip():
            texts.append(text)
    return texts


def _within_limit(newest_first: Iterable[str]) -> tuple[str, ...]:
    """Return the texts, oldest first, as many of the newest as the limit holds."""
    kept: list[str] = []
    room = MAX_TEXT_BYTES
    for text in newest_first:
        if room <= 0 or len(kept) == _MAX_MESSAGES:
            break
        kept.append(cut(text, room))
        room -= len(kept[-1].encode())
    return tuple(reversed(kept))


def cut(text: str, limit: int) -> str:
    """Return as much of the beginning of *text* as *limit* bytes hold."""
    return text.encode()[:limit].decode(errors="ignore")


def without_recalled(text: str) -> str:
    """Return *text* without what was recalled for an earlier request."""
    return _RECALLED.sub("", text).strip() if "<memory-data" in text else text


def mark_of(block: Any) -> str:
    """Return what tells one block that is no text from another: its structure and short values, the ends of long ones."""
    if isinstance(block, Mapping):
        # a cache marker moves from message to message
        return "{" + ",".join(f"{key}:{mark_of(value)}" for key, value in block.items() if key != "cache_control") + "}"
    if isinstance(block, list):
        return "[" + ",".join(map(mark_of, block)) + "]"
    text = str(block)
    return text if len(text) <= _LONG else f"{len(text)}:{text[:64]}{text[-64:]}"


def text_of_blocks(content: Any, kinds: frozenset[str]) -> tuple[str, str]:
    """
    Return the text of *content*, a string or a list of blocks of which those of *kinds* hold text, and a mark of the rest.

    UnknownShape for anything else.
    """
    if isinstance(content, str):
        return content, ""
    if content is None:
        return "", ""
    if not isinstance(content, list):
        raise UnknownShape
    texts: list[str] = []
    rest: list[str] = []
    for block in content:
        if isinstance(block, str):
            texts.append(block)
        elif isinstance(block, Mapping) and block.get("type") in kinds and isinstance(block.get("text"), str):
            texts.append(block["text"])
        else:
            rest.append(mark_of(block))
    return "\n".join(texts), "".join(rest)
