"""What is new in a request: every request of a chat repeats all that was said before."""

from __future__ import annotations

from collections.abc import Sequence

from service.domain.sessions import MessageRole
from service.usecases.interactions.texts import Said


def without_beginning(said: Sequence[Said], reply: str) -> tuple[Sequence[Said], str]:
    """Return what was said before the reply, and the whole reply, whose beginning may be the end of the request."""
    end = len(said)
    while end and said[end - 1].role is MessageRole.ASSISTANT:
        end -= 1
    if end == len(said) or end == 0:
        return said, reply
    return said[:end], "".join([*(each.text for each in said[end:]), reply])


def newest(said: Sequence[Said], stored: Sequence[Said]) -> Sequence[Said]:
    """
    Return what of *said* comes after what is *stored* of the conversation.

    What the user says since the last reply is new. What was said before is new as far as nothing behind it is stored, and only if
    something before it is: a history that nobody reported belongs to another time.
    """
    turn = _turn(said)
    history, latest = said[:turn], said[turn:]
    known = {(before.text if before else None, each) for before, each in _pairs(stored)}
    texts = set(stored)
    for place, (before, each) in reversed(list(enumerate(_pairs(history)))):
        if (before.text, each) in known if before else each in texts:
            return [*history[place + 1 :], *latest]
    return latest[_repeated(latest, stored) :]


def _turn(said: Sequence[Said]) -> int:
    """Return where the newest turn begins: behind the last reply."""
    return next((place + 1 for place in reversed(range(len(said))) if said[place].role is MessageRole.ASSISTANT), 0)


def _pairs(said: Sequence[Said]) -> Sequence[tuple[Said | None, Said]]:
    """Return each message with the one before it, by which the same words at two places are told apart."""
    return list(zip([None, *said], said, strict=False))


def _repeated(latest: Sequence[Said], stored: Sequence[Said]) -> int:
    """Return how many messages at the beginning of the newest turn are stored: of a user who was not answered yet. Never all."""
    unanswered = list(stored[_turn(stored) :])
    return next((n for n in range(min(len(unanswered), len(latest) - 1), 0, -1) if unanswered[-n:] == list(latest[:n])), 0)
