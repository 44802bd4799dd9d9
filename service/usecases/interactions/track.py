"""Track an interaction."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from service.domain.errors import IdempotencyKeyReused, SessionNotWritable
from service.domain.ids import ProjectId, Scope
from service.domain.ports.stores import SessionStore, UserStore
from service.domain.sessions import MessageRole, NewMessage, NewSession, Session, SessionOrigin
from service.domain.users import NewUser, User, UserUpdate
from service.domain.values import JsonObject, PageRequest
from service.usecases.interactions.newest import newest
from service.usecases.interactions.reading import Interaction
from service.usecases.interactions.texts import Said
from service.usecases.users.ensure import ensured

COMPARED = 200
"""How many of a session's newest messages a conversation is compared with."""
EVER = timedelta(days=36_500)
"""A named conversation is never over: it goes on in a session of the same thread."""
_MOST_MESSAGES = 1000


class TrackInteraction:
    """Stores what is new in an interaction as messages of its user, once."""

    def __init__(self, users: UserStore, sessions: SessionStore) -> None:
        """Keep the stores."""
        self._users = users
        self._sessions = sessions

    async def __call__(self, project_id: ProjectId, interaction: Interaction) -> Sequence[NewMessage]:
        """Return the messages that are new; they are durable then. A repeat of a named interaction adds nothing."""
        user = await self._user(project_id, interaction)
        name = f"interaction {interaction.format} {interaction.name}" if interaction.name else None
        # before a session: a repeat that comes when its session was processed would open one for nothing
        if not (interaction.said or interaction.reply) or (name and await self._sessions.added(user.scope, name)):
            return ()
        while True:
            session, created = await self._session(user.scope, interaction)
            # one message alone is new whatever is stored
            stored = () if created or len(interaction.said) < 2 else await self._stored(user.scope, session)
            messages = _messages(interaction, newest(interaction.said, stored))
            # one that falls due between the look at it and the write is not found again
            with suppress(SessionNotWritable):
                await self._append(user.scope, session, messages, name)
                return messages

    async def _user(self, project_id: ProjectId, interaction: Interaction) -> User:
        """Return the user, made or brought up to date with what the interaction tells about it."""
        new = NewUser(user_id=interaction.user_id, metadata=interaction.profile, merge_conflict_enabled=None)
        user, created = await ensured(self._users, project_id, new)
        metadata = {**user.metadata, **interaction.profile}
        if created or metadata == user.metadata:
            return user
        return await self._users.update(project_id, user.user_id, UserUpdate(new_metadata=metadata))

    async def _session(self, scope: Scope, interaction: Interaction) -> tuple[Session, bool]:
        """Return the session that the interaction is part of and False, or a new one and True."""
        new = NewSession(
            metadata=_about(interaction),
            auto_process_after=interaction.timeout,
            created_at=interaction.requested_at,
            origin=SessionOrigin(thread=interaction.thread),
        )
        timeout = EVER if interaction.thread else interaction.timeout
        return await self._sessions.resume(scope, timeout, new, at=interaction.requested_at)

    async def _stored(self, scope: Scope, session: Session) -> Sequence[Said]:
        """Return the newest messages of a session."""
        page = PageRequest(offset=max(0, session.message_count - COMPARED), limit=COMPARED)
        messages = (await self._sessions.messages(scope, session.session_id, page)).items
        return [Said(role=message.role, text=message.content) for message in messages]

    async def _append(self, scope: Scope, session: Session, messages: Sequence[NewMessage], name: str | None) -> None:
        """Append messages unless an interaction of this *name* was tracked meanwhile. Raises SessionNotWritable."""
        # a repeat that finds more to compare with has other messages, and is a repeat all the same
        with suppress(IdempotencyKeyReused):
            await self._sessions.add_messages(scope, session.session_id, messages, idempotency_key=name)


def _messages(interaction: Interaction, said: Sequence[Said]) -> Sequence[NewMessage]:
    """Return what is to be stored: what was *said* and the reply, each at its time."""
    messages = [
        NewMessage(role=each.role, content=each.text, timestamp=interaction.requested_at)
        for each in said[-(_MOST_MESSAGES - 1) :]
    ]
    if interaction.reply:
        reply = NewMessage(role=MessageRole.ASSISTANT, content=interaction.reply, timestamp=interaction.answered_at)
        messages.append(reply)
    return messages


def _about(interaction: Interaction) -> JsonObject:
    """Return the metadata of a session that begins with an interaction."""
    told = {"format": interaction.format, "type": interaction.kind, "model": interaction.model}
    return {name: value for name, value in told.items() if value}
