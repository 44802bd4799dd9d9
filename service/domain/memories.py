"""
Memories: chains of versions of one statement about a user.

The newest version of a chain is current. Public ids name versions; a chain has an id of its own that never leaves the service.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from service.domain.ids import ChainId, ConflictId, MemoryId, SessionId
from service.domain.sessions import Message, Summary
from service.domain.values import JsonObject

if TYPE_CHECKING:
    # a conflict holds a candidate, and a change holds conflicts
    from service.domain.conflicts import Conflict


class VersionReason(StrEnum):
    """Why a version exists; the values are the wire spellings."""

    INITIAL_MEMORY = "INITIAL_MEMORY"
    ADDITION_TO_EXISTING_MEMORY = "ADDITION_TO_EXISTING_MEMORY"
    TEMPORAL_CONFLICT = "TEMPORAL_CONFLICT"
    MERGE_CONFLICT = "MERGE_CONFLICT"


class Source(NamedTuple):
    """One message that something comes from. A tuple, because a recall makes, compares and looks up hundreds of them."""

    session_id: SessionId
    message_index: int


def source_of(message: Message) -> Source:
    """Return a message as what something comes from."""
    return Source(message.session_id, message.index)


def sources_from(pairs: Iterable[tuple[SessionId, int]]) -> list[Source]:
    """Return sources made from pairs, in a third of the time that their constructor takes: it is for hundreds of them."""
    return [tuple.__new__(Source, pair) for pair in pairs]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryVersion:
    """
    One version of a statement. Times are UTC.

    *sources* is never empty; *session_id* is the session that created the version. *entities* are the people, places and
    things that it names, as written. *expired_at* and *merge_conflict_id* are set when a newer version takes its place.
    """

    memory_id: MemoryId
    content: str
    categories: tuple[str, ...]
    entities: tuple[str, ...]
    event_start: datetime
    event_end: datetime
    created_at: datetime
    reason: VersionReason
    session_id: SessionId
    sources: tuple[Source, ...]
    expired_at: datetime | None = None
    merge_conflict_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryChain:
    """A memory: its *versions*, oldest first, never empty, and the chains that it is connected to, strongest first."""

    chain_id: ChainId
    versions: tuple[MemoryVersion, ...]
    connections: tuple[ChainId, ...] = ()

    @property
    def current(self) -> MemoryVersion:
        """The newest version."""
        return self.versions[-1]

    def position(self, memory_id: MemoryId) -> int | None:
        """Return the place of a version, 0 = oldest, or None."""
        return next((i for i, version in enumerate(self.versions) if version.memory_id == memory_id), None)

    def extended(self, version: MemoryVersion) -> MemoryChain:
        """Return the chain with *version* as its newest; what was newest expires when *version* was created."""
        expired = replace(self.current, expired_at=version.created_at, merge_conflict_id=version.merge_conflict_id)
        return replace(self, versions=(*self.versions[:-1], expired, replace(version, merge_conflict_id=None)))

    def without(self, removed: frozenset[MemoryId]) -> MemoryChain | None:
        """
        Return the chain without the versions *removed*, or None when nothing is left.

        The version before a removed one is joined to the version after it, and expires when that one was created; when the newest
        goes, the newest that is left is current again.
        """
        places = [place for place, version in enumerate(self.versions) if version.memory_id not in removed]
        if not places:
            return None
        left = [self._joined(place, successor) for place, successor in pairwise(places)]
        last = replace(self.versions[places[-1]], expired_at=None, merge_conflict_id=None)
        return replace(self, versions=(*left, last))

    def _joined(self, place: int, successor: int) -> MemoryVersion:
        """Return the version at *place* as it is when the one at *successor* follows it."""
        version = self.versions[place]
        if successor == place + 1:
            return version
        # the conflict that ended it was settled by a version that is gone
        return replace(version, expired_at=self.versions[successor].created_at, merge_conflict_id=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryFilter:
    """
    Which memories are wanted, judged by their current version: in any of *categories*, created by any of *session_ids*,
    created by a session whose metadata contains *session_metadata*. Empty or None means all.
    """

    categories: frozenset[str] = frozenset()
    session_ids: frozenset[SessionId] = frozenset()
    session_metadata: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryView:
    """
    A version of a chain as it is shown, with the current versions of the chains that it is connected to; *disputed* says whether
    an open conflict is about it.
    """

    chain: MemoryChain
    memory_id: MemoryId
    connected: Sequence[MemoryVersion] = ()
    disputed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryChange:
    """
    A change of a user's memories, and of the conflicts about them, that is made whole or not at all.

    *revision* is the revision of the user's memories that the change was worked out from; when they have moved on since, the
    change is refused with ConcurrentChange and worked out again.
    """

    revision: int
    put: tuple[MemoryChain, ...] = ()
    drop: tuple[ChainId, ...] = ()
    put_conflicts: tuple[Conflict, ...] = ()
    drop_conflicts: tuple[ConflictId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCommit:
    """
    All that processing a session brings about, committed together with the end of its job. *remembered_at* is the time as of
    which its statements were written down.
    """

    memories: MemoryChange
    summary: Summary | None
    remembered_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """
    A statement that an extractor found in a session and that has been compared with nothing yet. *corrects* means that somebody
    took an earlier one back with it, so that it contradicts nothing.
    """

    content: str
    categories: tuple[str, ...]
    entities: tuple[str, ...]
    event_start: datetime
    event_end: datetime
    sources: tuple[Source, ...]
    corrects: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """What an extractor found in a session: the statements worth keeping, in their order, and a summary (may be empty)."""

    candidates: tuple[Candidate, ...]
    summary: str


class DecisionKind(StrEnum):
    """What is to be done with a candidate."""

    NEW = "new"
    DUPLICATE = "duplicate"
    ADDITION = "addition"
    CHANGE = "change"
    CONTRADICTION = "contradiction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """
    What is to be done with a candidate, and to which chain; *chain_id* is None for NEW alone. *content* is the text of the
    version that comes of it: normally the candidate's own, for an addition both statements in one.
    """

    kind: DecisionKind
    content: str
    chain_id: ChainId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """An existing memory near a candidate; *similarity* is the cosine of their embeddings."""

    chain: MemoryChain
    similarity: float
