"""The query of a context recall, which no caller states: it is read off the session's own newest messages."""

from __future__ import annotations

from collections.abc import Sequence

from service.domain.sessions import Message, MessageRole

SHORT_WORDS = 5
"""A message of at most this many words ("and hers?") rarely says what it is about without the one before it."""

QUERY_CHARS = 2_000
"""How much of a message counts: embedders read no more, and what is asked stands at the end."""


def context_query(messages: Sequence[Message]) -> str:
    """
    Return the text to recall by, given the newest *messages* of a session, oldest first; empty when no user wrote any.

    It is the user's newest message, after the user's message before it when the newest is short.
    """
    said = [message.content.strip() for message in messages if message.role is MessageRole.USER and message.content.strip()]
    if not said:
        return ""
    newest = said[-1][-QUERY_CHARS:]
    if len(newest.split()) > SHORT_WORDS or len(said) == 1:
        return newest
    return f"{said[-2][-QUERY_CHARS:]}\n{newest}"
