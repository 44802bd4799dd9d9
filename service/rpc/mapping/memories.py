"""Memories."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from mneme.v1 import memory_pb2
from mneme.v1 import memory_service_pb2 as pb

from service.domain.ids import SessionId
from service.domain.memories import MemoryChain, MemoryFilter, MemoryVersion, MemoryView, Source, VersionReason
from service.rpc.mapping.values import from_optional_struct, to_timestamp

REASONS: Mapping[VersionReason, memory_pb2.VersionReason.ValueType] = {
    VersionReason.INITIAL_MEMORY: memory_pb2.VERSION_REASON_INITIAL_MEMORY,
    VersionReason.ADDITION_TO_EXISTING_MEMORY: memory_pb2.VERSION_REASON_ADDITION_TO_EXISTING_MEMORY,
    VersionReason.TEMPORAL_CONFLICT: memory_pb2.VERSION_REASON_TEMPORAL_CONFLICT,
    VersionReason.MERGE_CONFLICT: memory_pb2.VERSION_REASON_MERGE_CONFLICT,
}


def to_sources(sources: Iterable[Source]) -> Iterable[memory_pb2.Source]:
    """Return sources in their order."""
    return (memory_pb2.Source(session_id=source.session_id, message_index=source.message_index) for source in sources)


def from_sources(sources: Iterable[memory_pb2.Source]) -> tuple[Source, ...]:
    """Return sources in their order."""
    return tuple(Source(session_id=SessionId(one.session_id.lower()), message_index=one.message_index) for one in sources)


def to_memory(view: MemoryView, *, previous_versions: bool, connected_memories: bool) -> memory_pb2.Memory:
    """Return the version that is shown, with the versions before it and the memories it is connected to if asked for."""
    chain = view.chain
    place = [version.memory_id for version in chain.versions].index(view.memory_id)
    version = chain.versions[place]
    memory = memory_pb2.Memory(
        memory_id=version.memory_id,
        categories=version.categories,
        content=version.content,
        event_date_start=to_timestamp(version.event_start),
        event_date_end=to_timestamp(version.event_end),
        created_at=to_timestamp(version.created_at),
        version_number=place + 1,
        total_versions=len(chain.versions),
        has_previous_versions=len(chain.versions) > 1,
        merge_conflict_in_progress=view.disputed,
        merge_conflict_id=version.merge_conflict_id,
        session_id=version.session_id,
        sources=to_sources(version.sources),
    )
    if version is not chain.current:
        memory.expired_at.CopyFrom(to_timestamp(_expired_at(chain, place)))
        memory.expiration_reason = REASONS[chain.versions[place + 1].reason]
    if previous_versions:
        memory.previous_versions.SetInParent()
        memory.previous_versions.versions.extend(_to_version(chain, older) for older in reversed(range(place)))
    if connected_memories:
        memory.connected_memories.SetInParent()
        memory.connected_memories.memories.extend(_to_connected(other) for other in view.connected)
    return memory


def from_memory_filter(request: pb.ListMemoriesRequest) -> MemoryFilter:
    """Return which memories are wanted."""
    return MemoryFilter(
        categories=frozenset(request.categories),
        # ids are stored in lower case; one that is no UUID matches nothing
        session_ids=frozenset(SessionId(session_id.lower()) for session_id in request.session_id_filter),
        session_metadata=from_optional_struct(request, "session_metadata_filter"),
    )


def _to_version(chain: MemoryChain, place: int) -> memory_pb2.MemoryVersion:
    version = chain.versions[place]
    return memory_pb2.MemoryVersion(
        memory_id=version.memory_id,
        version_number=place + 1,
        content=version.content,
        event_date_start=to_timestamp(version.event_start),
        event_date_end=to_timestamp(version.event_end),
        created_at=to_timestamp(version.created_at),
        expired_at=to_timestamp(_expired_at(chain, place)),
        expiration_reason=REASONS[chain.versions[place + 1].reason],
        merge_conflict_id=version.merge_conflict_id,
    )


def _expired_at(chain: MemoryChain, place: int) -> datetime:
    return chain.versions[place].expired_at or chain.versions[place + 1].created_at


def _to_connected(version: MemoryVersion) -> memory_pb2.ConnectedMemory:
    return memory_pb2.ConnectedMemory(memory_id=version.memory_id, content=version.content)
