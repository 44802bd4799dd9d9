"""A session as a language model reads it: pieces of messages, in chunks that fit into one question."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from service.domain.sessions import MessageRole, Transcript
from service.extraction.fences import without_fenced

MAX_SESSION_CHARACTERS = 400_000
"""What is read of a session at most; the newest messages count."""
MAX_MESSAGE_CHARACTERS = 20_000
"""What is read of one message at most."""
_LEAST_CHARACTERS = 200
"""A piece this short is not divided any more."""

CountTokens = Callable[[str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A message or a part of one. *context* says that it was read before and is only there to understand the others."""

    index: int
    role: MessageRole
    at: datetime
    text: str
    context: bool = False

    def line(self) -> str:
        """Return the piece as a line of JSON: whatever its text is, it cannot end the line or pass for another message."""
        shown = {"index": self.index, "role": self.role.value, "at": stamp(self.at), "text": self.text}
        return json.dumps(shown | ({"context": True} if self.context else {}), ensure_ascii=False)


Chunk = tuple[Piece, ...]
"""Pieces for one question: first those that are context, then those to be read."""


def stamp(moment: datetime) -> str:
    """Return a moment with its weekday, from which "last Friday" can be counted."""
    return f"{moment:%A %Y-%m-%d %H:%M}"


def pieces_of(transcript: Transcript) -> tuple[Sequence[Piece], bool]:
    """
    Return what is read of a session, and whether that is all of it.

    Recalled text that came back in a message is taken out, and messages without text are left out.
    """
    pieces: list[Piece] = []
    room = MAX_SESSION_CHARACTERS
    whole = True
    for message in reversed(transcript.messages):
        text = without_fenced(message.content).strip()
        whole = whole and len(text) <= min(room, MAX_MESSAGE_CHARACTERS)
        text = text[:MAX_MESSAGE_CHARACTERS]
        room -= len(text)
        if room < 0:
            break
        if text:
            pieces.append(Piece(index=message.index, role=message.role, at=message.timestamp, text=text))
    return pieces[::-1], whole


def chunks_of(pieces: Sequence[Piece], count_tokens: CountTokens, *, most: int, overlap: int) -> Sequence[Chunk]:
    """
    Divide *pieces* into chunks of at most *most* tokens, each but the first beginning with up to *overlap* tokens of context.

    A piece that is too long by itself is divided too.
    """
    chunks: list[Chunk] = []
    context: list[Piece] = []
    own: list[Piece] = []
    used = 0
    for piece in _fitting(pieces, count_tokens, most - overlap):
        tokens = count_tokens(piece.line())
        if own and used + tokens > most:
            chunks.append((*context, *own))
            context = _tail(own, count_tokens, overlap)
            own, used = [], sum(count_tokens(one.line()) for one in context)
        own.append(piece)
        used += tokens
    return [*chunks, (*context, *own)] if own else chunks


def halves(chunk: Chunk, count_tokens: CountTokens, *, overlap: int) -> tuple[Chunk, Chunk] | None:
    """Divide a chunk that was too long after all, or return None when there is too little of it."""
    context = [piece for piece in chunk if piece.context]
    own = [piece for piece in chunk if not piece.context]
    if len(own) == 1:
        parts = _split(own[0])
        if parts is None:
            return None
        # the context goes: one message is already more than fits
        first, second = parts
        return (first,), (replace(first, context=True, text=first.text[-_LEAST_CHARACTERS:]), second)
    middle = len(own) // 2
    return (*context, *own[:middle]), (*_tail(own[:middle], count_tokens, overlap), *own[middle:])


def _fitting(pieces: Sequence[Piece], count_tokens: CountTokens, most: int) -> Sequence[Piece]:
    fitting: list[Piece] = []
    waiting = list(reversed(pieces))
    while waiting:
        piece = waiting.pop()
        parts = _split(piece) if count_tokens(piece.line()) > most else None
        if parts is None:
            fitting.append(piece)
        else:
            waiting += reversed(parts)
    return fitting


def _split(piece: Piece) -> tuple[Piece, Piece] | None:
    """Divide a piece near its middle, between words where there are any."""
    if len(piece.text) <= _LEAST_CHARACTERS:
        return None
    middle = len(piece.text) // 2
    space = piece.text.rfind(" ", middle // 2, middle)
    at = space if space > 0 else middle
    return replace(piece, text=piece.text[:at].rstrip()), replace(piece, text=piece.text[at:].lstrip())


def _tail(pieces: Sequence[Piece], count_tokens: CountTokens, overlap: int) -> list[Piece]:
    tail: list[Piece] = []
    for piece in reversed(pieces):
        overlap -= count_tokens(piece.line())
        if overlap < 0:
            break
        tail.append(replace(piece, context=True))
    return tail[::-1]
