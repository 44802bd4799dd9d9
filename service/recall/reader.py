"""
Reading what a recall may show: messages, and the memories that come from them. Each is read once, and only when it is needed.

The index proposed all of it. What the record stores no longer hold, and what the query may not show, does not come back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from service.domain.ids import ChainId
from service.domain.memories import MemoryChain, Source
from service.domain.ports.stores import MemoryStore, SessionStore
from service.domain.recall import RecalledKind, RecallQuery
from service.domain.sessions import Message

CHAINS_PER_TURN = 3
"""How many of the memories of one turn are read: the best ones by meaning and word."""


class Reader:
    """Reads turns for one query; *chains* are the memories that were read so far, by turn."""

    def __init__(
        self, sessions: SessionStore, memories: MemoryStore, query: RecallQuery, proposed: Mapping[Source, Sequence[ChainId]]
    ) -> None:
        """Begin with nothing read. *proposed* are the memories that may come from a turn, best first."""
        self._sessions = sessions
        self._memories = memories
        self._query = query
        self._proposed = proposed
        self._asked: set[ChainId] = set()
        self._whole: set[Source] = set()
        self._messages: dict[Source, Message | None] = {}
        self.chains: dict[Source, list[MemoryChain]] = {}

    def knows(self, turn: Source) -> bool:
        """Return whether the message of a *turn* was read."""
        return turn in self._messages

    def knows_all(self, turn: Source) -> bool:
        """Return whether all of a *turn* was read that may be shown."""
        return turn in self._whole

    def message(self, turn: Source) -> Message | None:
        """Return the message of a *turn*, None for one that is gone, or that was not read because a memory stands for it."""
        return self._messages.get(turn)

    def is_gone(self, turn: Source) -> bool:
        """Return whether the message of a *turn* was looked for in vain."""
        return turn in self._messages and self._messages[turn] is None

    async def read_messages(self, turns: Iterable[Source]) -> None:
        """Read the messages of *turns*. One round trip. Raises StorageUnavailable."""
        unread = [turn for turn in turns if turn not in self._messages]
        if unread:
            self._messages |= zip(unread, await self._sessions.messages_at(self._query.scope, unread), strict=True)

    async def read(self, turns: Sequence[Source], *, messages: int = 0) -> None:
        """
        Read of *turns* what may be shown: a memory that comes from this turn alone, or else the message; of the first so many
        *messages* both. One round trip, two when memories are gone. Raises StorageUnavailable.
        """
        told = [turn for turn in turns if turn in self._proposed] if RecalledKind.MEMORY in self._query.kinds else []
        untold = set(turns).difference(told)
        await asyncio.gather(
            self.read_messages(turn for place, turn in enumerate(turns) if place < messages or turn in untold),
            self._read_chains(chain for turn in told for chain in self._proposed[turn][:CHAINS_PER_TURN]),
        )
        await self.read_messages(turn for turn in told if not self._is_told(turn))
        self._whole.update(turns)

    def join(self, other: Reader) -> None:
        """Take in what *other* has read and what was proposed to it."""
        self._proposed = {**other._proposed, **self._proposed}
        self._messages = {**other._messages, **self._messages}
        self._whole |= other._whole
        self._asked |= other._asked
        for turn, found in other.chains.items():
            known = self.chains.setdefault(turn, [])
            known += [chain for chain in found if all(chain.chain_id != one.chain_id for one in known)]

    def _is_told(self, turn: Source) -> bool:
        """Return whether a memory was read that comes from this *turn* alone, and so is shown in its place."""
        return any(chain.current.sources == (turn,) for chain in self.chains.get(turn, ()))

    async def _read_chains(self, wanted: Iterable[ChainId]) -> None:
        unread = [chain for chain in dict.fromkeys(wanted) if chain not in self._asked]
        if not unread:
            return
        self._asked.update(unread)
        for found in await self._memories.chains(self._query.scope, unread):
            chain = None if found is None else self._query.narrowed(found)
            if chain is not None:
                for source in self._query.sources_of(chain.current):
                    self.chains.setdefault(source, []).append(chain)
