"""Store a turn."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from service.domain.errors import IdempotencyKeyReused, SessionNotWritable
from service.domain.ids import Scope, SessionId, parse_session_id
from service.domain.ports.stores import SessionStore
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

    def __init__(self, places: Places, sessions: SessionStore) -> None:
        """Keep what finds the place, and the store."""
        self._places = places
        self._sessions = sessions

    async def __call__(self, wanted: PlaceWanted, turn: Turn) -> SessionId:
        """Return the session that the turn is stored in; it is durable then. Raises UserNotFound, SessionNotFound."""
        user, _ = await self._places.user(wanted)
        if wanted.session_id:
            # not looked at first: a part that was stored already is found by its key, also where the session takes no more
            with suppress(SessionNotWritable):
                return await self._append(user.scope, parse_session_id(wanted.session_id), turn)
        while True:
            session, _ = await self._places.resume(user, wanted.inactivity)
            # one that falls due between the look at it and the write is not found again
            with suppress(SessionNotWritable):
                return await self._append(user.scope, session.session_id, turn)

    async def _append(self, scope: Scope, session_id: SessionId, turn: Turn) -> SessionId:
        """Append both parts and return where. Raises SessionNotFound, SessionNotWritable."""
        said = [NewMessage(role=MessageRole.USER, content=text) for text in turn.user_messages]
        await self._append_once(scope, session_id, said, f"user {turn.user_key}")
        if turn.reply is None:
            return session_id
        if turn.reply_end is ReplyEnd.COMPLETE:
            text, key = turn.reply, f"reply {turn.reply_key}"
        else:
            text, key = f"{turn.reply} [{turn.reply_end}]", f"{turn.reply_end} {turn.reply_key}"
        await self._append_once(scope, session_id, [NewMessage(role=MessageRole.ASSISTANT, content=text)], key)
        return session_id

    async def _append_once(self, scope: Scope, session_id: SessionId, messages: Sequence[NewMessage], key: str) -> None:
        """Append messages unless some with this key were appended before. Raises SessionNotWritable."""
        if messages:
            # two answers to one question: the first is kept
            with suppress(IdempotencyKeyReused):
                await self._sessions.add_messages(scope, session_id, messages, idempotency_key=f"turn {session_id} {key}")
