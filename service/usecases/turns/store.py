"""Store a turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

from service.domain.errors import SessionNotWritable
from service.domain.ids import SessionId, parse_session_id
from service.domain.ports.stores import TurnStore
from service.domain.sessions import MessageRole, NewMessage
from service.usecases.turns.places import Places, PlaceWanted


class ReplyEnd(StrEnum):
    """How a reply came to its end."""

    COMPLETE = "complete"
    INTERRUPTED = "interrupted"
    TRUNCATED = "truncated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """
    What was said: by the user since the last reply, and by the model, if it has replied.

    *user_key* and *reply_key* name the two parts within the session.
    """

    user_messages: Sequence[str]
    user_key: str
    reply: str | None
    reply_key: str
    reply_end: ReplyEnd


class StoreTurn:
    """Appends a turn to its session, each part once."""

    def __init__(self, places: Places, turns: TurnStore) -> None:
        """Keep what finds the place, and the store."""
        self._places = places
        self._turns = turns

    async def __call__(self, wanted: PlaceWanted, turn: Turn) -> SessionId:
        """Return the session that the turn is stored in; it is durable then. Raises UserNotFound, SessionNotFound."""
        if wanted.session_id:
            # not looked at first: a part that was stored already is found by its key, also where the session takes no more
            with suppress(SessionNotWritable):
                return await self._append(wanted, parse_session_id(wanted.session_id), turn)
        while True:
            place = await self._places.find(replace(wanted, session_id=""))
            # one that falls due between the look at it and the write is not found again
            with suppress(SessionNotWritable):
                return await self._append(wanted, place.session.session_id, turn)

    async def _append(self, wanted: PlaceWanted, session_id: SessionId, turn: Turn) -> SessionId:
        """Append both parts in one step and return where. Raises UserNotFound, SessionNotFound, SessionNotWritable."""
        parts = [(f"turn {session_id} {name}", messages) for name, messages in _parts(turn)]
        await self._turns.add(wanted.project_id, wanted.user_id, session_id, parts)
        return session_id


def _parts(turn: Turn) -> Iterator[tuple[str, Sequence[NewMessage]]]:
    """Yield what the user said and what the model replied, each with its name within the session."""
    if turn.user_messages:
        yield f"user {turn.user_key}", [NewMessage(role=MessageRole.USER, content=text) for text in turn.user_messages]
    if turn.reply is None:
        return
    if turn.reply_end is ReplyEnd.COMPLETE:
        name, text = f"reply {turn.reply_key}", turn.reply
    else:
        name, text = f"{turn.reply_end} {turn.reply_key}", f"{turn.reply} [{turn.reply_end}]"
    yield name, [NewMessage(role=MessageRole.ASSISTANT, content=text)]
