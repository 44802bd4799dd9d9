"""Legal holds: nothing removes what is held, until it is released."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from service.domain.deletions import DeletedCounts, Deletion, DeletionAction, ForgetFilter
from service.domain.errors import ConcurrentChange, UserNotFound
from service.domain.event_errors import LegalHold
from service.domain.ids import DocumentId, ReceiptId, SessionId, UserId
from service.domain.projects import ProjectSettings
from service.domain.sessions import HELD, MessageRole, NewMessage
from service.usecases.deletions.plan import ForgetPlanner
from tests.conftest import FakeClock
from tests.usecases.plain import fact
from tests.usecases.speaker import Speaker
from tests.usecases.test_archives import exported, imported
from tests.usecases.test_documents import upload
from tests.usecases.world import World

SECRET = fact("cat", "violet")
Deleting = Callable[[Speaker, SessionId], Awaitable[object]]


@pytest.fixture
def speaker(clock: FakeClock, world: World) -> Speaker:
    """Return the user as one who speaks."""
    return Speaker(world=world, clock=clock)


async def hold(speaker: Speaker, text: str = SECRET, *, thread: str = "") -> SessionId:
    """Say something ordinary and *text* under a legal hold, and make memories of it."""
    session_id = await speaker.say(fact("job", "old"), thread=thread)
    await add_held(speaker, session_id, text)
    job = await speaker.world.start(session_id)
    await speaker.world.processor(speaker.extractor, speaker.clock)(job)
    return session_id


async def add_held(speaker: Speaker, session_id: SessionId, text: str) -> None:
    """Say *text* under a legal hold."""
    message = NewMessage(role=MessageRole.USER, content=text, kind=HELD)
    await speaker.world.application.stores.sessions.add_messages(speaker.world.scope, session_id, [message])


async def release(speaker: Speaker, **wanted: Any) -> int:
    """End the hold of what is *wanted*."""
    world = speaker.world
    return await world.application.deletions.release_hold(world.project_id, world.user.user_id, ForgetFilter(**wanted))


async def delete_memory(speaker: Speaker, _: SessionId) -> None:
    """Delete the memory that was made of what is held."""
    world = speaker.world
    (chain,) = [chain for chain in await world.chains() if chain.current.content == SECRET]
    await world.application.memory.delete(world.project_id, world.user.user_id, chain.current.memory_id, with_older=False)


WAYS: dict[str, Deleting] = {
    "forget all": lambda speaker, _: speaker.forget(),
    "forget the session": lambda speaker, session_id: speaker.forget(session_id=session_id),
    "delete the session": lambda speaker, session_id: speaker.world.forget_session(session_id),
    "delete the memory": delete_memory,
    "delete the user": lambda speaker, _: speaker.world.application.users.delete(
        speaker.world.project_id, speaker.world.user.user_id
    ),
}


@pytest.mark.parametrize("way", WAYS)
async def test_nothing_removes_what_is_held(speaker: Speaker, way: str) -> None:
    """It is refused as a whole; when the hold is released, it is done."""
    session_id = await hold(speaker)
    before = await exported(speaker.world)
    with pytest.raises(LegalHold):
        await WAYS[way](speaker, session_id)
    assert before == await exported(speaker.world)
    assert (1, 0) == (await release(speaker), await release(speaker))
    assert before != await exported(speaker.world), "what is released is told as an ordinary message"
    await WAYS[way](speaker, session_id)
    if way != "delete the user":
        assert SECRET not in await speaker.world.contents()


async def test_retention_passes_over_what_is_held(speaker: Speaker) -> None:
    """The other sessions go."""
    world, clock = speaker.world, speaker.clock
    held, _ = await hold(speaker), await speaker.remember(fact("city", "red"))
    await world.application.projects.update(world.project_id, name=None, settings=ProjectSettings(retention=timedelta(days=30)))
    clock.time = datetime.now(UTC) + timedelta(days=31)
    assert 1 == await world.application.apply_retention()
    assert held == (await world.application.stores.sessions.get(world.scope, held)).session_id
    assert await release(speaker)
    assert 1 == await world.application.apply_retention()


async def test_what_is_not_held_can_be_forgotten(speaker: Speaker) -> None:
    """Beside it in the session, by its time, or in another thread."""
    await hold(speaker, thread="a")
    await speaker.remember(fact("city", "violet"), thread="b")
    assert 1 == (await speaker.forget(thread="b")).deletion.counts.messages_forgotten
    assert [fact("job", "old"), SECRET] == sorted(await speaker.world.contents(), reverse=True)
    (job,) = [chain for chain in await speaker.world.chains() if chain.current.content != SECRET]
    await speaker.world.application.memory.delete(
        speaker.world.project_id, speaker.world.user.user_id, job.current.memory_id, with_older=False
    )
    assert [SECRET] == await speaker.world.contents()


async def test_a_release_is_of_what_is_named(speaker: Speaker) -> None:
    """Another thread stays held."""
    await hold(speaker, thread="a")
    await hold(speaker, fact("song", "violet"), thread="b")
    assert 1 == await release(speaker, thread="a")
    assert 2 == (await speaker.forget(thread="a")).deletion.counts.messages_forgotten
    with pytest.raises(LegalHold):
        await speaker.forget()


async def test_nobody_that_is_there_has_holds_to_release(speaker: Speaker) -> None:
    """Unlike a forgetting, a release of somebody unknown is a mistake."""
    with pytest.raises(UserNotFound):
        await speaker.world.application.deletions.release_hold(speaker.world.project_id, UserId("nobody"), ForgetFilter())


async def test_what_comes_under_hold_while_a_forgetting_is_planned_is_kept(speaker: Speaker) -> None:
    """The plan is refused, and the next one sees it."""
    world, stores = speaker.world, speaker.world.application.stores
    session_id = await speaker.say(fact("cat", "red"))
    deletion = Deletion(
        receipt_id=ReceiptId(str(uuid4())),
        project_id=world.project_id,
        action=DeletionAction.FORGET,
        user_id=world.user.user_id,
        wanted=ForgetFilter(),
        requested_at=speaker.clock.now(),
        counts=DeletedCounts(),
    )
    planner = ForgetPlanner(stores.sessions, stores.memories, stores.conflicts)
    plan = await planner(world.scope, deletion)
    await add_held(speaker, session_id, SECRET)
    with pytest.raises(ConcurrentChange):
        await stores.forgets.apply(world.scope, plan)
    with pytest.raises(LegalHold):
        await planner(world.scope, deletion)


async def test_a_refused_forgetting_keeps_documents(speaker: Speaker) -> None:
    """They go first, and not when something is held."""
    world = speaker.world
    await hold(speaker)
    await upload(world, "A manual.", document_id="d1")
    with pytest.raises(LegalHold):
        await speaker.forget()
    (kept,) = await world.application.stores.documents.known(world.scope, [DocumentId("d1")])
    assert kept is not None


async def test_a_hold_moves_with_its_user(speaker: Speaker) -> None:
    """Into an archive and out of it; one that was released does not come back."""
    world = speaker.world
    await hold(speaker, thread="a")
    await hold(speaker, fact("song", "violet"), thread="b")
    await release(speaker, thread="a")
    user = await imported(world, await exported(world))
    forget = world.application.deletions.forget
    with pytest.raises(LegalHold):
        await forget(user.project_id, user.user_id, ForgetFilter())
    receipt = await forget(user.project_id, user.user_id, ForgetFilter(thread="a"))
    assert 2 == receipt.deletion.counts.messages_forgotten
    with pytest.raises(LegalHold):
        await world.application.users.delete(user.project_id, user.user_id)
