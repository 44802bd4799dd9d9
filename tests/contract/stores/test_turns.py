"""Turns: user and session in one step, both parts of a turn in another."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from service.domain.errors import SessionNotFound, UserNotFound
from service.domain.ids import SessionId, UserId
from service.domain.sessions import MessageRole, NewMessage
from service.domain.users import UserUpdate
from tests.contract.stores.makers import ACME, FIRST_PAGE, World, new_session, new_user, said

HOUR = timedelta(hours=1)
BEN = UserId("ben")
PARTS = [("user 1", said("One", "Two")), ("reply 1", [NewMessage(role=MessageRole.ASSISTANT, content="Three")])]


async def texts(world: World, session_id: SessionId) -> list[str]:
    """Return what a session of the world's user holds."""
    page = await world.stores.sessions.messages(world.scope, session_id, FIRST_PAGE)
    return [message.content for message in page.items]


async def test_a_turn_opens_a_session_and_the_next_one_finds_it(world: World) -> None:
    """Both with the user as it is then."""
    user, session, opened = await world.stores.turns.resume(ACME, world.user.user_id, HOUR, new_session())
    again = await world.stores.turns.resume(ACME, world.user.user_id, HOUR, new_session())
    assert opened
    assert (replace(world.user, last_active_at=user.last_active_at), session, False) == again
    assert user.last_active_at == session.created_at


async def test_a_session_that_is_found_is_the_session_as_it_is(world: World) -> None:
    """Messages and all."""
    session = await world.session("x")
    _, found, _ = await world.stores.turns.resume(ACME, world.user.user_id, HOUR, new_session())
    assert found == await world.stores.sessions.get(world.scope, session.session_id)


async def test_an_unknown_user_has_no_turn(world: World) -> None:
    """Neither to open nor to store."""
    for call in (
        world.stores.turns.resume(ACME, BEN, HOUR, new_session()),
        world.stores.turns.add(ACME, BEN, SessionId("x"), PARTS),
    ):
        with pytest.raises(UserNotFound):
            await call


async def test_an_id_that_went_to_another_user_leads_to_that_one(world: World) -> None:
    """Although the process has seen the first one under it."""
    users, turns, ann = world.stores.users, world.stores.turns, world.user.user_id
    _, session, _ = await turns.resume(ACME, ann, HOUR, new_session())
    await users.update(ACME, ann, UserUpdate(new_user_id=BEN))
    second = await users.create(ACME, new_user(ann))
    user, other, opened = await turns.resume(ACME, ann, HOUR, new_session())
    assert (second.user_key, True) == (user.user_key, opened)
    with pytest.raises(SessionNotFound):
        await turns.add(ACME, ann, session.session_id, PARTS)
    await turns.add(ACME, BEN, session.session_id, PARTS)
    assert ["One", "Two", "Three"] == await texts(world, session.session_id)
    assert 0 == (await world.stores.sessions.get(second.scope, other.session_id)).message_count


async def test_each_part_of_a_turn_is_stored_once(world: World) -> None:
    """Alone, together with a new one, and again."""
    session = await world.session("Before")
    for parts in (PARTS[:1], PARTS, PARTS[1:], [*PARTS, ("user 2", said("Four"))]):
        await world.stores.turns.add(ACME, world.user.user_id, session.session_id, parts)
    assert ["Before", "One", "Two", "Three", "Four"] == await texts(world, session.session_id)


async def test_the_first_of_two_texts_under_one_name_is_kept(world: World) -> None:
    """The other part that comes with the second is stored."""
    session = await world.session("Before")
    await world.stores.turns.add(ACME, world.user.user_id, session.session_id, PARTS[:1])
    await world.stores.turns.add(ACME, world.user.user_id, session.session_id, [("user 1", said("Other")), PARTS[1]])
    assert ["Before", "One", "Two", "Three"] == await texts(world, session.session_id)


async def test_a_turn_queues_each_index_entry_once(world: World) -> None:
    """Those of its messages and of two before them."""
    session = await world.session("1", "2", "3")
    await world.stores.outbox.retire(await world.stores.outbox.claim("w", 100))
    await world.stores.turns.add(ACME, world.user.user_id, session.session_id, PARTS)
    entries = await world.stores.outbox.claim("w", 100)
    assert [f"{session.session_id}:{index}" for index in range(1, 6)] == sorted(entry.record_id for entry in entries)
