"""Nobody reaches anything with another one's scope."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from service.domain.errors import DomainError, NotFound
from service.domain.ids import ChainId, MemoryId, Scope, SessionId, UserKey
from service.domain.memories import MemoryChain, MemoryChange, MemoryFilter, Source
from service.domain.sessions import Session, SessionFilter
from service.storage.redis import RedisStores
from tests.contract.stores.makers import ACME, FIRST_PAGE, GLOBEX, World, chain, commit, new_user, said, summary, version

READS: Mapping[str, Callable[[RedisStores, Scope, Session, MemoryChain], Awaitable[object]]] = {
    "session": lambda stores, scope, session, _: stores.sessions.get(scope, session.session_id),
    "sessions": lambda stores, scope, _, __: stores.sessions.list(scope, FIRST_PAGE, SessionFilter()),
    "messages": lambda stores, scope, session, _: stores.sessions.messages(scope, session.session_id, FIRST_PAGE),
    "sources": lambda stores, scope, session, _: stores.sessions.messages_at(
        scope, [Source(session_id=session.session_id, message_index=0)]
    ),
    "recent messages": lambda stores, scope, _, __: stores.sessions.recent_messages(scope, 10),
    "summaries": lambda stores, scope, session, _: stores.sessions.summaries(scope, [session.session_id]),
    "recent summaries": lambda stores, scope, _, __: stores.sessions.recent_summaries(scope, 10),
    "chains": lambda stores, scope, _, chain: stores.memories.chains(scope, [chain.chain_id]),
    "memory": lambda stores, scope, _, chain: stores.memories.chain_of(scope, chain.current.memory_id),
    "chains of a session": lambda stores, scope, session, _: stores.memories.chains_of_session(scope, session.session_id),
    "memories": lambda stores, scope, _, __: stores.memories.list(scope, FIRST_PAGE, MemoryFilter()),
    "memories by category": lambda stores, scope, _, __: stores.memories.list(
        scope, FIRST_PAGE, MemoryFilter(categories=frozenset({"food"}))
    ),
    "memories by session": lambda stores, scope, session, _: stores.memories.list(
        scope, FIRST_PAGE, MemoryFilter(session_ids=frozenset({session.session_id}))
    ),
    "revision": lambda stores, scope, _, __: stores.memories.revision(scope),
}
WRITES: Mapping[str, Callable[[RedisStores, Scope, Session, MemoryChain], Awaitable[object]]] = {
    "update": lambda stores, scope, session, _: stores.sessions.update(scope, session.session_id, {"stolen": True}),
    "delete": lambda stores, scope, session, _: stores.sessions.delete(scope, session.session_id, MemoryChange(revision=0)),
    "add": lambda stores, scope, session, _: stores.sessions.add_messages(scope, session.session_id, said("stolen")),
    "process": lambda stores, scope, session, _: stores.sessions.start_processing(scope, session.session_id),
    "change": lambda stores, scope, _, chain: stores.memories.apply(scope, MemoryChange(revision=0, drop=(chain.chain_id,))),
}


async def filled(world: World) -> tuple[Session, MemoryChain]:
    """Give the user a processed session with a memory, and return both."""
    job = await world.job("secret")
    session = await world.stores.sessions.get(world.scope, job.session_id)
    stored = chain(version(session_id=session.session_id))
    await world.stores.jobs.commit(job, commit(stored, summary=summary(session)))
    return await world.stores.sessions.get(world.scope, job.session_id), stored


async def strangers(world: World) -> list[Scope]:
    """Return scopes that are not the user's: a neighbour's, another project's, and both with the user's own uuid."""
    neighbour = await world.stores.users.create(ACME, new_user("ben"))
    elsewhere = await world.stores.users.create(GLOBEX, new_user("ann"))
    forged = Scope(project_id=GLOBEX, user_key=world.scope.user_key)
    unknown = Scope(project_id=ACME, user_key=UserKey("00000000-0000-4000-8000-000000000000"))
    return [neighbour.scope, elsewhere.scope, forged, unknown]


async def outcome(call: Awaitable[object]) -> object:
    """Return what a call answers, or the kind of its refusal."""
    try:
        return await call
    except NotFound as error:
        return type(error)


@pytest.mark.parametrize("name", READS)
async def test_a_read_finds_as_much_as_if_nothing_were_there(world: World, name: str) -> None:
    """What a stranger gets for the user's ids is what it gets for ids that do not exist."""
    session, stored = await filled(world)
    nobody = replace(session, session_id=SessionId("?"))
    nothing = MemoryChain(chain_id=ChainId("?"), versions=(version(),))
    for scope in await strangers(world):
        absent = await outcome(READS[name](world.stores, scope, nobody, nothing))
        assert absent == await outcome(READS[name](world.stores, scope, session, stored))


@pytest.mark.parametrize("name", READS)
async def test_a_read_of_the_own_scope_finds_something(world: World, name: str) -> None:
    """Otherwise the test above would prove nothing."""
    session, stored = await filled(world)
    nobody = World(world.stores, await world.stores.users.create(ACME, new_user("ben")))
    absent = await outcome(READS[name](world.stores, nobody.scope, session, stored))
    assert absent != await outcome(READS[name](world.stores, world.scope, session, stored))


@pytest.mark.parametrize("name", WRITES)
async def test_a_write_of_a_stranger_changes_nothing(world: World, name: str) -> None:
    """Whether it is refused or without effect."""
    _, stored = await filled(world)
    session = await world.session("pending")
    for scope in await strangers(world):
        with suppress(DomainError):
            await WRITES[name](world.stores, scope, session, stored)
    assert session == await world.stores.sessions.get(world.scope, session.session_id)
    assert [stored] == await world.stores.memories.chains(world.scope, [stored.chain_id])
    assert (1, {("turns", f"{session.session_id}:0")}) == (
        await world.stores.memories.revision(world.scope),
        {entry for entry in await world.drained_outbox() if session.session_id in entry[1]},
    )


async def test_memory_ids_of_strangers_are_not_found(world: World) -> None:
    """Nor are ids that nobody has."""
    with pytest.raises(NotFound):
        await world.stores.memories.chain_of(world.scope, MemoryId("00000000-0000-4000-8000-000000000000"))


async def test_timers_of_projects_with_strange_names_fire(world: World) -> None:
    """A project id may hold any character, and comes back whole with the job."""
    other = World(world.stores, await world.stores.users.create(GLOBEX, new_user()))
    await other.session("x", after=timedelta(0))
    assert 1 == await world.stores.jobs.fire_due_timers()
    (job,) = await world.stores.jobs.claim("w1", 10)
    assert other.scope == job.scope
