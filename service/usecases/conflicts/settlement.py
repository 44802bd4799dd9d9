"""What an answer does to a memory. Pure functions: however often a conflict is worked on, it gives the same versions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid5

from service.domain.conflicts import Choice, Conflict, ResolvedMemory
from service.domain.ids import ChainId, MemoryId
from service.domain.memories import Candidate, MemoryChain, MemoryVersion, Source, VersionReason

_NAMESPACE = UUID("5a0c7f0e-3f0a-4d53-9a53-6a3f7a1d2c9b")


def begun(conflict: Conflict) -> MemoryChain:
    """Return the statement of a *conflict* as a memory of its own: there is nothing left that it contradicts."""
    return MemoryChain(chain_id=ChainId(_id(conflict, "chain")), versions=(_version(conflict, "alone", conflict.created_at),))


def joined(conflict: Conflict, chain: MemoryChain) -> MemoryChain:
    """Return a *chain* with the statement of a *conflict*, about which nobody can be asked any more: the newest one wins."""
    version = _version(conflict, chain.chain_id, max(conflict.created_at, chain.current.created_at))
    return _superseded(chain, replace(version, reason=VersionReason.TEMPORAL_CONFLICT))


def settled(
    conflict: Conflict, chain: MemoryChain, choice: Choice, wording: Candidate | None, now: datetime
) -> MemoryChain | None:
    """
    Return a *chain* of the conflict as it is after the answer, None when nothing of it survives.

    *wording*, in the person's own words, takes the place of the text that survives. What is superseded names the conflict.
    """
    current = chain.current
    if choice is Choice.KNOWN:
        return chain if wording is None else _superseded(chain, _reworded(current, wording, conflict, now))
    if choice is Choice.NEITHER:
        return _without_both(conflict, chain, wording, now)
    new = replace(
        _version(conflict, chain.chain_id, max(now, current.created_at)),
        reason=VersionReason.MERGE_CONFLICT,
        merge_conflict_id=conflict.conflict_id,
    )
    both = _union(new.sources, current.sources)
    if wording is not None:
        # the person may have spoken of either
        return _superseded(chain, replace(new, content=wording.content, entities=wording.entities, sources=both))
    if choice is Choice.BOTH and new.event_start < current.event_start:
        return _with_history(chain, new)
    sources = new.sources if conflict.proposed == conflict.candidate.content else both
    return _superseded(chain, replace(new, content=conflict.proposed, sources=sources))


def made(before: MemoryChain, after: MemoryChain | None) -> tuple[ResolvedMemory, ...]:
    """Return the versions of a chain that its settlement made."""
    known = {version.memory_id for version in before.versions}
    return tuple(
        ResolvedMemory(
            memory_id=version.memory_id,
            content=version.content,
            event_start=version.event_start,
            event_end=version.event_end,
            created_at=version.created_at,
        )
        for version in (after.versions if after is not None else ())
        if version.memory_id not in known
    )


def _superseded(chain: MemoryChain, version: MemoryVersion) -> MemoryChain:
    """Return the chain with *version* as its newest, unless it says that already: then the newest has its sources, too."""
    current = chain.current
    if current.content != version.content:
        return chain.extended(version)
    same = replace(current, sources=_union(current.sources, version.sources))
    return replace(chain, versions=(*chain.versions[:-1], same))


def _with_history(chain: MemoryChain, version: MemoryVersion) -> MemoryChain:
    """Return the chain with *version* before the current one, which took its place."""
    *older, current = chain.versions
    before = replace(version, created_at=current.created_at, expired_at=current.created_at)
    if older:
        older[-1] = replace(older[-1], expired_at=current.created_at)
    else:
        before = replace(before, reason=current.reason)
    return replace(chain, versions=(*older, before, replace(current, reason=VersionReason.MERGE_CONFLICT)))


def _without_both(conflict: Conflict, chain: MemoryChain, wording: Candidate | None, now: datetime) -> MemoryChain | None:
    """Return the chain with what is true instead, or with what held in any case; None when neither is known."""
    if wording is not None:
        return _superseded(chain, _reworded(chain.current, wording, conflict, now))
    held = conflict.proposed.removesuffix(conflict.candidate.content).strip()
    if not held or held == conflict.proposed:
        return None
    current = chain.current
    version = replace(
        current,
        memory_id=MemoryId(_id(conflict, chain.chain_id)),
        content=held,
        created_at=max(now, current.created_at),
        reason=VersionReason.MERGE_CONFLICT,
        merge_conflict_id=conflict.conflict_id,
    )
    return _superseded(chain, version)


def _reworded(current: MemoryVersion, wording: Candidate, conflict: Conflict, now: datetime) -> MemoryVersion:
    """Return a version that says what is known in other words, borne out by the messages that it comes from."""
    return replace(
        current,
        memory_id=MemoryId(_id(conflict, f"reworded {current.memory_id}")),
        content=wording.content,
        entities=wording.entities,
        created_at=max(now, current.created_at),
        reason=VersionReason.MERGE_CONFLICT,
        merge_conflict_id=conflict.conflict_id,
    )


def _version(conflict: Conflict, name: str, created_at: datetime) -> MemoryVersion:
    candidate = conflict.candidate
    return MemoryVersion(
        memory_id=MemoryId(_id(conflict, name)),
        content=candidate.content,
        categories=candidate.categories,
        entities=candidate.entities,
        event_start=candidate.event_start,
        event_end=candidate.event_end,
        created_at=created_at,
        reason=VersionReason.INITIAL_MEMORY,
        session_id=conflict.session_id,
        sources=candidate.sources,
    )


def _id(conflict: Conflict, name: str) -> str:
    return str(uuid5(_NAMESPACE, f"{conflict.conflict_id}:{name}"))


def _union(first: Iterable[Source], second: Iterable[Source]) -> tuple[Source, ...]:
    return tuple(dict.fromkeys((*first, *second)))
