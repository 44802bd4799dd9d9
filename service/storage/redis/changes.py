"""
Changes of a user's memories, worked out here into plain writes.

A script makes the writes only if the memories are still at the revision that the change was worked out from, so what is read here
is what the script finds, and Lua need not understand memories.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.domain.conflicts import Conflict
from service.domain.ids import ChainId, Scope
from service.domain.memories import MemoryChain, MemoryChange
from service.domain.ports.work import IndexedKind
from service.storage.redis.codec import micros, read_chain, write_chain
from service.storage.redis.conflict_codec import read_conflict, write_conflict
from service.storage.redis.database import Database
from service.storage.redis.events import Events
from service.storage.redis.intents import Intent, Settler
from service.storage.redis.keys import Keyspace, UserKeys
from service.storage.redis.names import quoted
from service.storage.redis.writes import Writes

SEPARATOR = ":"
READ = 1_000
"""Chains that are read in one round trip: more would hold up everybody else."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The writes that make a change, whether the memories change at all (1 or 0), and what follows in other slots."""

    writes: Writes
    changes: int
    intent: Intent | None


@dataclass(frozen=True, slots=True)
class MemoryChanges:
    """Works out changes of memories."""

    database: Database
    keyspace: Keyspace
    settler: Settler
    events: Events

    async def plan(self, scope: Scope, change: MemoryChange, *, chains: Writes | None = None) -> Plan:
        """
        Return the writes that make *change*, worked out against the chains as they are now. Those of the chains go into *chains*,
        if it is given: of them there may be many.
        """
        keys, writes = self.keyspace.user(scope), Writes()
        await self._put_conflicts(writes, keys, change.put_conflicts)
        for conflict_id in change.drop_conflicts:
            writes.add("HDEL", keys.conflicts, conflict_id)
            writes.add("SREM", keys.open_conflicts, conflict_id)
        if change.drop_conflicts:
            await self.events.withdraw(writes, scope, change.drop_conflicts)
        if not change.put and not change.drop:
            return Plan(writes=writes, changes=int(bool(writes.keys)), intent=None)
        changing = self._put_and_drop(writes if chains is None else chains, keys, change)
        _, known = await asyncio.gather(changing, self.database.get("SMEMBERS", keys.categories))
        named = {name for chain in change.put for version in chain.versions for name in version.categories}
        intent = self._name(writes, keys, sorted(named - set(known)))
        return Plan(writes=writes, changes=1, intent=intent)

    async def _put_and_drop(self, writes: Writes, keys: UserKeys, change: MemoryChange) -> None:
        """Turn chains as they are now into what they are to be."""
        new: list[tuple[ChainId, MemoryChain | None]] = [(chain.chain_id, chain) for chain in change.put]
        new += [(chain_id, None) for chain_id in change.drop]
        # some at a time, since others want the event loop
        for start in range(0, len(new), READ):
            some = new[start : start + READ]
            before = await read_chains(self.database, keys, [chain_id for chain_id, _ in some])
            for (chain_id, chain), old in zip(some, before, strict=True):
                if chain is None:
                    _drop(writes, keys, chain_id, old)
                else:
                    put_chain(writes, keys, chain, old)

    async def settle(self, plan: Plan) -> None:
        """Write what follows a committed plan in other slots."""
        if plan.intent is not None:
            await self.settler.settle(plan.intent)

    async def _put_conflicts(self, writes: Writes, keys: UserKeys, conflicts: Sequence[Conflict]) -> None:
        """Store conflicts as they are now, and tell of those whose status is another than before."""
        if not conflicts:
            return
        ids = [conflict.conflict_id for conflict in conflicts]
        teller, texts = await self.events.teller(keys.scope), await self.database.get("HMGET", keys.conflicts, *ids)
        for conflict, text in zip(conflicts, texts, strict=True):
            put_conflict(writes, keys, conflict)
            teller.conflict(writes, read_conflict(conflict.conflict_id, text).status if text else None, conflict)

    def _name(self, writes: Writes, keys: UserKeys, categories: list[str]) -> Intent | None:
        """Note categories that the user's memories never had, and the intent to note them for the project."""
        if not categories:
            return None
        scope = keys.scope
        intent = Intent(kind="categories", project_id=scope.project_id, user_key=scope.user_key, categories=tuple(categories))
        writes.add("SADD", keys.categories, *categories)
        # due at once: a worker may settle it as well, to the same effect
        writes.add("ZADD", keys.bucket.intents, 0, intent.text)
        return intent


async def read_chains(database: Database, keys: UserKeys, chain_ids: Sequence[ChainId]) -> list[MemoryChain | None]:
    """Return chains as they are stored, None where there is none, in the same order: many in several round trips."""
    found: list[MemoryChain | None] = []
    for start in range(0, len(chain_ids), READ):
        ids = chain_ids[start : start + READ]
        texts = await database.get("HMGET", keys.chains, *ids)
        found += [read_chain(id_, text) if text else None for id_, text in zip(ids, texts, strict=True)]
    return found


def put_conflict(writes: Writes, keys: UserKeys, conflict: Conflict) -> None:
    """Store a conflict as it is now, and tell nobody."""
    writes.add("HSET", keys.conflicts, conflict.conflict_id, write_conflict(conflict))
    writes.add("SADD" if conflict.is_open else "SREM", keys.open_conflicts, conflict.conflict_id)


def put_chain(writes: Writes, keys: UserKeys, chain: MemoryChain, old: MemoryChain | None) -> None:
    """Store a chain in place of what it was, None when it is new."""
    writes.add("HSET", keys.chains, chain.chain_id, write_chain(chain))
    if old is not None and old.versions == chain.versions:
        # most changes are of connections alone, which stand nowhere else and not in the index
        return
    writes.add("ZADD", keys.heads, micros(chain.current.created_at), chain.chain_id)
    _update(writes, keys.versions, _versions(old), _versions(chain))
    _move(writes, keys.by_session, _sessions(old), _sessions(chain), chain.chain_id)
    _move(writes, keys.by_category, _categories(old), _categories(chain), chain.chain_id)
    writes.index_entry(keys, IndexedKind.MEMORY, chain.chain_id)


def _drop(writes: Writes, keys: UserKeys, chain_id: ChainId, old: MemoryChain | None) -> None:
    writes.add("HDEL", keys.chains, chain_id)
    writes.add("ZREM", keys.heads, chain_id)
    _update(writes, keys.versions, _versions(old), {})
    _move(writes, keys.by_session, _sessions(old), frozenset(), chain_id)
    _move(writes, keys.by_category, _categories(old), frozenset(), chain_id)
    writes.index_entry(keys, IndexedKind.MEMORY, chain_id)


def _update(writes: Writes, key: str, old: Mapping[str, str], new: Mapping[str, str]) -> None:
    """Turn the part *old* of a hash into *new*."""
    for name in sorted(old.keys() - new.keys()):
        writes.add("HDEL", key, name)
    for name in sorted(new.keys() - old.keys()):
        writes.add("HSET", key, name, new[name])


def _move(writes: Writes, key: str, old: frozenset[str], new: frozenset[str], chain_id: ChainId) -> None:
    """Move a chain from the groups *old* of a sorted set to the groups *new*."""
    for group in sorted(old - new):
        writes.add("ZREM", key, f"{group}{SEPARATOR}{chain_id}")
    for group in sorted(new - old):
        writes.add("ZADD", key, 0, f"{group}{SEPARATOR}{chain_id}")


def _versions(chain: MemoryChain | None) -> dict[str, str]:
    return {} if chain is None else {version.memory_id: chain.chain_id for version in chain.versions}


def _sessions(chain: MemoryChain | None) -> frozenset[str]:
    if chain is None:
        return frozenset()
    sources = (source.session_id for version in chain.versions for source in version.sources)
    return frozenset([*(version.session_id for version in chain.versions), *sources])


def _categories(chain: MemoryChain | None) -> frozenset[str]:
    return frozenset() if chain is None else frozenset(map(quoted, chain.current.categories))
