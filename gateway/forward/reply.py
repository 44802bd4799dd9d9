"""What a model replies, gathered beside the relay."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from gateway.forward.conversation import MAX_TEXT_BYTES, cut


class Ending(Enum):
    """How far a reply has come. Each kind of answer has its end; only the first two are worth keeping."""

    COMPLETE = auto()
    """The model said all it wanted, or all it may."""
    TOOLS = auto()
    """The model waits for tools, or works on; its reply comes with a later answer."""
    UNFINISHED = auto()
    """The answer broke off."""
    REFUSED = auto()
    """The model or a filter refused."""
    FAILED = auto()
    """The provider gave up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A reply. *truncated* says that *text* is only the beginning of it."""

    text: str
    ending: Ending
    truncated: bool = False


class ReplyText:
    """Gathers the text of a reply, up to MAX_TEXT_BYTES."""

    __slots__ = ("_pieces", "_room", "truncated")

    def __init__(self) -> None:
        """Begin with nothing."""
        self._pieces: list[str] = []
        self._room = MAX_TEXT_BYTES
        self.truncated = False

    def add(self, piece: Any) -> None:
        """Take a *piece*; what is no text is passed over."""
        if not isinstance(piece, str) or not piece:
            return
        size = len(piece.encode())
        if size > self._room:
            piece, self.truncated = cut(piece, self._room), True
        self._room = max(0, self._room - size)
        self._pieces.append(piece)

    def __str__(self) -> str:
        """Return what was gathered."""
        return "".join(self._pieces)

    def reply(self, ending: Ending) -> Reply:
        """Return the reply as it stands."""
        return Reply(text=str(self), ending=ending, truncated=self.truncated)
