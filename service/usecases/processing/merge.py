"""What a decision does to a memory. Pure functions: the same job gives the same ids however often it is worked on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID, uuid5

from service.domain.ids import ChainId, ConflictId, MemoryId, SessionId
from service.domain.memories import Candidate, Decision, DecisionKind, MemoryChain, MemoryVersion, VersionReason

T = TypeVar("T")

_NAMESPACE = UUID("8d3f3b52-6c0a-4c0e-9d55-0b6f3a4e21c7")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where versions come from: one generation of a session, whose statements are written down as of *now*."""

    session_id: SessionId
    generation: int
    now: datetime

    def chain_id(self, ordinal: int) -> ChainId:
        """Return the id of the chain that the session's candidate number *ordinal* begins."""
        return ChainId(self._id("chain", ordinal))

    def memory_id(self, ordinal: int) -> MemoryId:
        """Return the id of the version that the session's candidate number *ordinal* becomes."""
        return MemoryId(self._id("version", ordinal))

    def conflict_id(self, ordinal: int) -> ConflictId:
        """Return the id of the conflict that the session's candidate number *ordinal* raises."""
        return ConflictId(self._id("conflict", ordinal))

    def _id(self, kind: str, ordinal: int) -> str:
        return str(uuid5(_NAMESPACE, f"{self.session_id}:{self.generation}:{kind}:{ordinal}"))


def begun(origin: Origin, ordinal: int, candidate: Candidate) -> MemoryChain:
    """Return the chain of a statement that is like none before it."""
    version = _version(origin, ordinal, candidate, VersionReason.INITIAL_MEMORY)
    return MemoryChain(chain_id=origin.chain_id(ordinal), versions=(version,))


def continued(origin: Origin, ordinal: int, candidate: Candidate, decision: Decision, chain: MemoryChain) -> MemoryChain:
    """Return the *chain* that a *decision* is about as it is with the candidate."""
    if decision.kind is DecisionKind.DUPLICATE:
        return _with_sources(chain, candidate)
    if decision.kind is DecisionKind.ADDITION:
        return _with_addition(chain, _version(origin, ordinal, candidate, VersionReason.ADDITION_TO_EXISTING_MEMORY), decision)
    # a contradiction that nobody is asked about is settled like a change over time: the newest statement wins
    version = _version(origin, ordinal, candidate, VersionReason.TEMPORAL_CONFLICT)
    if decision.content != candidate.content:
        # what holds in any case was taken over: the messages that said it can be forgotten, too
        version = replace(version, content=decision.content, sources=_union(version.sources, chain.current.sources))
    return placed(chain, version)


def placed(chain: MemoryChain, version: MemoryVersion) -> MemoryChain:
    """
    Return the chain with *version* at its place in time: the newest, unless an imported session tells of a time before the
    current version, which then stays current.
    """
    place = sum(existing.created_at <= version.created_at for existing in chain.versions)
    if place == len(chain.versions):
        return chain.extended(version)
    versions = list(chain.versions)
    successor = versions[place]
    if place == 0:
        versions[0] = replace(successor, reason=version.reason)
        version = replace(version, reason=VersionReason.INITIAL_MEMORY)
    else:
        versions[place - 1] = replace(versions[place - 1], expired_at=version.created_at)
    versions.insert(place, replace(version, expired_at=successor.created_at))
    return replace(chain, versions=tuple(versions))


def _version(origin: Origin, ordinal: int, candidate: Candidate, reason: VersionReason) -> MemoryVersion:
    return MemoryVersion(
        memory_id=origin.memory_id(ordinal),
        content=candidate.content,
        categories=candidate.categories,
        entities=candidate.entities,
        event_start=candidate.event_start,
        event_end=candidate.event_end,
        created_at=origin.now,
        reason=reason,
        session_id=origin.session_id,
        sources=candidate.sources,
    )


def _with_sources(chain: MemoryChain, candidate: Candidate) -> MemoryChain:
    current = replace(chain.current, sources=_union(chain.current.sources, candidate.sources))
    return replace(chain, versions=(*chain.versions[:-1], current))


def _with_addition(chain: MemoryChain, version: MemoryVersion, decision: Decision) -> MemoryChain:
    """Return the chain with a version that says what the current one and the candidate say together, so it bears both's facts."""
    current = chain.current
    both = replace(
        version,
        content=decision.content,
        categories=_union(current.categories, version.categories),
        entities=_union(current.entities, version.entities),
        event_start=min(current.event_start, version.event_start),
        event_end=max(current.event_end, version.event_end),
        # an imported session may be older than what it adds to
        created_at=max(current.created_at, version.created_at),
        sources=_union(version.sources, current.sources),
    )
    return chain.extended(both)


def _union(first: Iterable[T], second: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys((*first, *second)))
