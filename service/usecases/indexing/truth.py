"""Reading the records that index entries stand for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from service.domain.documents import Passage
from service.domain.ids import ChainId, Scope, SessionId
from service.domain.memories import MemoryChain, Source
from service.domain.ports.documents import DocumentStore
from service.domain.ports.stores import MemoryStore, SessionStore
from service.domain.ports.work import IndexedKind
from service.domain.sessions import Message, Summary
from service.recall.indexing import home_of, parse_turn_id, turn_window


class Record(NamedTuple):
    """What an index entry stands for, within one scope."""

    kind: IndexedKind
    record_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A message and the *window* of those around it that there are, itself among them."""

    message: Message
    window: tuple[Message, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """A memory, and the message *said* that it speaks for, None when that is gone."""

    chain: MemoryChain
    said: Message | None


Truth: TypeAlias = Turn | Memory | Summary | Passage


class TruthReader:
    """Reads records as they are now, each kind in one round trip, memories in two."""

    def __init__(self, sessions: SessionStore, memories: MemoryStore, documents: DocumentStore) -> None:
        """Keep the stores."""
        self._sessions = sessions
        self._memories = memories
        self._documents = documents

    async def __call__(self, scope: Scope, records: Collection[Record]) -> Mapping[Record, Truth | None]:
        """Return each record as it is, None where there is none (any more)."""
        by_kind = {kind: [record for record in records if record.kind is kind] for kind in IndexedKind}
        truth: dict[Record, Truth | None] = {}
        truth |= await self._turns(scope, by_kind[IndexedKind.TURN])
        truth |= await self._chains(scope, by_kind[IndexedKind.MEMORY])
        truth |= await self._summaries(scope, by_kind[IndexedKind.SUMMARY])
        truth |= await self._chunks(scope, by_kind[IndexedKind.CHUNK])
        return truth

    async def _turns(self, scope: Scope, records: Sequence[Record]) -> Mapping[Record, Truth | None]:
        if not records:
            return {}
        places = {record: parse_turn_id(record.record_id) for record in records}
        wanted = sorted({_source(session_id, i) for session_id, index in places.values() for i in turn_window(index)})
        found = await self._sessions.messages_at(scope, wanted)
        by_source = {source: message for source, message in zip(wanted, found, strict=True) if message is not None}
        return {record: _turn(by_source, session_id, index) for record, (session_id, index) in places.items()}

    async def _chains(self, scope: Scope, records: Sequence[Record]) -> Mapping[Record, Truth | None]:
        if not records:
            return {}
        found = await self._memories.chains(scope, [ChainId(record.record_id) for record in records])
        homes = {record: home_of(chain.current) for record, chain in zip(records, found, strict=True) if chain is not None}
        said = dict(zip(homes, await self._sessions.messages_at(scope, list(homes.values())), strict=True))
        return {
            record: None if chain is None else Memory(chain=chain, said=said[record])
            for record, chain in zip(records, found, strict=True)
        }

    async def _summaries(self, scope: Scope, records: Sequence[Record]) -> Mapping[Record, Truth | None]:
        if not records:
            return {}
        found = await self._sessions.summaries(scope, [SessionId(record.record_id) for record in records])
        return dict(zip(records, found, strict=True))

    async def _chunks(self, scope: Scope, records: Sequence[Record]) -> Mapping[Record, Truth | None]:
        if not records:
            return {}
        found = await self._documents.passages(scope, [record.record_id for record in records])
        return dict(zip(records, found, strict=True))


def _source(session_id: SessionId, index: int) -> Source:
    return Source(session_id=session_id, message_index=index)


def _turn(messages: Mapping[Source, Message], session_id: SessionId, index: int) -> Turn | None:
    window = tuple(messages[source] for i in turn_window(index) if (source := _source(session_id, i)) in messages)
    message = messages.get(_source(session_id, index))
    return Turn(message=message, window=window) if message is not None else None
