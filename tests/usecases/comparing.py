"""Comparing the records of a user with the plain model."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from service.domain.conflicts import ANSWERED
from service.domain.ids import Scope
from service.domain.memories import MemoryChain, MemoryFilter
from service.domain.values import PageRequest
from service.storage.redis import RedisStores
from tests.usecases.plain import PlainUser, fact, plain, read

EVERYTHING = PageRequest(offset=0, limit=1000)


async def all_chains(stores: RedisStores, scope: Scope) -> Sequence[MemoryChain]:
    """Return every memory of a user."""
    return (await stores.memories.list(scope, EVERYTHING, MemoryFilter())).items


async def compare_records(stores: RedisStores, scope: Scope, model: PlainUser) -> None:
    """Compare all records of a user."""
    chains = await all_chains(stores, scope)
    await _compare_conflicts(stores, scope, model, chains)
    assert len(chains) == len({plain(chain)[0] for chain in chains})
    assert model.memories == dict(plain(chain) for chain in chains)
    for chain in chains:
        assert chain.current.expired_at is None
        assert all(older.expired_at == newer.created_at for older, newer in pairwise(chain.versions))
        for version in chain.versions:
            assert chain == await stores.memories.chain_of(scope, version.memory_id)
    await _compare_sessions(stores, scope, model)


async def _compare_sessions(stores: RedisStores, scope: Scope, model: PlainUser) -> None:
    for session_id, expected in model.sessions.items():
        session = await stores.sessions.get(scope, session_id)
        page = await stores.sessions.messages(scope, session_id, EVERYTHING)
        assert (expected.status, [fact(*one) for one in expected.said]) == (
            session.status,
            [message.content for message in page.items],
        )
    summaries = await stores.sessions.summaries(scope, list(model.sessions))
    assert model.summarised() == {summary.session_id for summary in summaries if summary is not None}


async def _compare_conflicts(stores: RedisStores, scope: Scope, model: PlainUser, chains: Sequence[MemoryChain]) -> None:
    """Settled conflicts are not in the model: they must name what is there, and be there where a version names them."""
    conflicts = await stores.conflicts.every(scope)
    stored = {read(conflict.candidate.content): conflict for conflict in conflicts if conflict.is_open}
    expected = {(conflict.topic, conflict.value): conflict for conflict in model.conflicts}
    assert (len(expected), set(expected)) == (sum(conflict.is_open for conflict in conflicts), set(stored))
    for said, conflict in expected.items():
        conflict.found = found = conflict.found or stored[said]
        assert (found.conflict_id, conflict.session_id, conflict.sources, conflict.choice is not None) == (
            stored[said].conflict_id,
            stored[said].session_id,
            stored[said].candidate.sources,
            stored[said].status in ANSWERED,
        )
    there = {version.memory_id for chain in chains for version in chain.versions}
    assert all(conflict.memory_ids <= there for conflict in conflicts)
    named = {version.merge_conflict_id for chain in chains for version in chain.versions} - {None}
    assert named <= {conflict.conflict_id for conflict in conflicts}
