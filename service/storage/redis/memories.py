"""Memories of a user."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from service.domain.errors import ConcurrentChange, MemoryNotFound
from service.domain.ids import ChainId, MemoryId, ProjectId, Scope, SessionId
from service.domain.memories import MemoryChain, MemoryChange, MemoryFilter
from service.domain.sessions import SessionFilter
from service.domain.values import Page, PageRequest
from service.storage.redis.changes import SEPARATOR, MemoryChanges, read_chains
from service.storage.redis.database import Command, Database, span
from service.storage.redis.keys import Keyspace, ProjectKeys, UserKeys
from service.storage.redis.names import quoted
from service.storage.redis.parts import UNDER_WAY, Parts
from service.storage.redis.sessions import RedisSessions

EVERYTHING = PageRequest(offset=0, limit=1_000_000_000)


@dataclass(frozen=True, slots=True)
class RedisMemories:
    """
    Implements `MemoryStore`.

    A connection is stored with the chain that has it and left there when the other chain is dropped; every read leaves out the
    connections to chains that are gone.
    """

    database: Database
    keyspace: Keyspace
    changes: MemoryChanges
    parts: Parts
    sessions: RedisSessions

    async def revision(self, scope: Scope) -> int:
        """
        Return the revision of the user's memories: 0 at first, one more with each change. Of a change that is made in parts, what
        is left is made first.
        """
        keys = self.keyspace.user(scope)
        while (revision := int(await self.database.get("GET", keys.revision) or 0)) >= UNDER_WAY:
            await self.parts.finish(keys)
        return revision

    async def chains(self, scope: Scope, chain_ids: Sequence[ChainId]) -> Sequence[MemoryChain | None]:
        """Return chains, None where there is none (any more), in the same order, in one round trip (two if any is connected)."""
        if not chain_ids:
            return []
        keys = self.keyspace.user(scope)
        found = await read_chains(self.database, keys, chain_ids)
        others = sorted({other for chain in found if chain for other in chain.connections})
        if not others:
            return found
        scores = await self.database.get("ZMSCORE", keys.heads, *others)
        gone = {other for other, score in zip(others, scores, strict=True) if score is None}
        return [chain and _without_connections(chain, gone) for chain in found]

    async def chain_of(self, scope: Scope, memory_id: MemoryId) -> MemoryChain:
        """Return the chain that holds a version. Raises MemoryNotFound."""
        chain_id = await self.database.get("HGET", self.keyspace.user(scope).versions, memory_id)
        if chain_id:
            (chain,) = await self.chains(scope, [ChainId(chain_id)])
            if chain is not None and chain.position(memory_id) is not None:
                return chain
        raise MemoryNotFound(memory_id=memory_id)

    async def chains_of_session(self, scope: Scope, session_id: SessionId) -> Sequence[MemoryChain]:
        """Return every chain with a version that the session created or that has a source in it."""
        return await self.chains_of_sessions(scope, [session_id])

    async def chains_of_sessions(self, scope: Scope, session_ids: Sequence[SessionId]) -> Sequence[MemoryChain]:
        """Return every chain with a version that any of the sessions created or that has a source in any, each once."""
        return await self._existing(scope, await self._grouped(self.keyspace.user(scope).by_session, session_ids))

    async def list(self, scope: Scope, page: PageRequest, wanted: MemoryFilter) -> Page[MemoryChain]:
        """Return one page of chains, newest current version first."""
        keys = self.keyspace.user(scope)
        if wanted.session_ids or wanted.session_metadata:
            matching = await self._of_sessions(scope, wanted)
            return Page(items=matching[page.offset : page.offset + page.limit], offset=page.offset, total=len(matching))
        if wanted.categories:
            ids = await self._newest_first(keys, await self._grouped(keys.by_category, map(quoted, wanted.categories)))
            shown, total = ids[page.offset : page.offset + page.limit], len(ids)
        else:
            total, shown = await self.database.send(
                ("ZCARD", keys.heads), ("ZREVRANGE", keys.heads, *span(page.offset, page.limit))
            )
        return Page(items=await self._existing(scope, shown), offset=page.offset, total=total)

    async def categories_in_use(self, project_id: ProjectId) -> frozenset[str]:
        """Return the names of the categories that any memory of the project has had."""
        return frozenset(await self.database.get("SMEMBERS", ProjectKeys(project_id).categories))

    async def apply(self, scope: Scope, change: MemoryChange) -> None:
        """Make *change* and queue index entries, in one step. Raises ConcurrentChange when the memories moved on."""
        keys, plan = self.keyspace.user(scope), await self.changes.plan(scope, change)
        made = await self.database.run(
            "change_memories",
            [keys.record, keys.revision, *plan.writes.keys],
            [change.revision, plan.changes, *plan.writes.arguments],
        )
        if not made:
            raise ConcurrentChange
        await self.changes.settle(plan)

    async def _of_sessions(self, scope: Scope, wanted: MemoryFilter) -> Sequence[MemoryChain]:
        """Return the chains whose current version was created by a wanted session, newest first."""
        sessions = set(wanted.session_ids)
        if wanted.session_metadata:
            page = await self.sessions.list(scope, EVERYTHING, SessionFilter(metadata=wanted.session_metadata))
            having = {session.session_id for session in page.items}
            sessions = sessions & having if sessions else having
        found = await self.chains_of_sessions(scope, sorted(sessions))
        matching = [
            chain
            for chain in found
            if chain.current.session_id in sessions
            and (not wanted.categories or wanted.categories.intersection(chain.current.categories))
        ]
        return sorted(matching, key=lambda chain: (chain.current.created_at, chain.chain_id), reverse=True)

    async def _grouped(self, key: str, groups: Iterable[str]) -> Sequence[ChainId]:
        """Return the chains that a sorted set holds for any of the groups, each once."""
        reads: list[Command] = [("ZRANGEBYLEX", key, f"[{group}{SEPARATOR}", f"({group}{_AFTER}") for group in sorted(groups)]
        members = [member for answer in await self.database.send(*reads) for member in answer]
        return list(dict.fromkeys(ChainId(member.rpartition(SEPARATOR)[2]) for member in members))

    async def _newest_first(self, keys: UserKeys, chain_ids: Sequence[ChainId]) -> Sequence[ChainId]:
        scores: list[Any] = await self.database.get("ZMSCORE", keys.heads, *chain_ids) if chain_ids else []
        ranked = [(score, id_) for score, id_ in zip(scores, chain_ids, strict=True) if score is not None]
        return [id_ for _, id_ in sorted(ranked, reverse=True)]

    async def _existing(self, scope: Scope, chain_ids: Sequence[ChainId]) -> Sequence[MemoryChain]:
        return [chain for chain in await self.chains(scope, chain_ids) if chain is not None]


_AFTER = chr(ord(SEPARATOR) + 1)
"""The character after the separator: the open end of a prefix."""


def _without_connections(chain: MemoryChain, gone: set[ChainId]) -> MemoryChain:
    if gone.isdisjoint(chain.connections):
        return chain
    return replace(chain, connections=tuple(other for other in chain.connections if other not in gone))
