"""Works out what forgetting some messages does to a user's memories and sessions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from service.domain.deletions import DeletedCounts, Deletion, Forgetting, ForgottenSession
from service.domain.event_errors import LegalHold
from service.domain.ids import Scope, SessionId
from service.domain.memories import MemoryChain, MemoryChange, Source
from service.domain.ports.stores import ConflictStore, MemoryStore, SessionStore
from service.domain.sessions import Session, SessionStatus
from service.usecases.deletions.coverage import Coverage, Covered
from service.usecases.memory.removal import removal


@dataclass(frozen=True, slots=True, kw_only=True)
class _Removed:
    """The change of the memories, the messages whose statements go along without being covered, and what it comes to."""

    change: MemoryChange
    lost: Mapping[SessionId, frozenset[int]]
    versions: int
    points: int


class ForgetPlanner:
    """
    Works out a forgetting from the truth as it is.

    Every memory version with a covered message among its sources goes, and so does every conflict about such a statement. What
    other messages had added to them is lost with them: their sessions are processed again, for what is missing alone.
    """

    def __init__(self, sessions: SessionStore, memories: MemoryStore, conflicts: ConflictStore) -> None:
        """Keep the stores."""
        self._sessions = sessions
        self._memories = memories
        self._conflicts = conflicts
        self._coverage = Coverage(sessions)

    async def __call__(self, scope: Scope, deletion: Deletion) -> Forgetting:
        """Return what *deletion* does, with its counts. Raises LegalHold when it covers a message that is held."""
        # first: whatever moves on after this makes the plan stale
        revision = await self._memories.revision(scope)
        held = await self._sessions.held(scope)
        covered = await self._coverage(scope, deletion.wanted)
        if any(not held.get(one.session.session_id, frozenset()).isdisjoint(one.indexes) for one in covered):
            raise LegalHold
        removed = await self._removed(scope, covered, revision)
        summaries = await self._sessions.summaries(scope, [one.session.session_id for one in covered])
        summarised = {summary.session_id for summary in summaries if summary is not None}
        touched = [
            _touched(one, removed.lost.get(one.session.session_id, frozenset()), summarised=one.session.session_id in summarised)
            for one in covered
        ]
        others = removed.lost.keys() - {one.session.session_id for one in covered}
        touched += [_bereft(one, removed.lost[one.session_id]) for one in await self._coverage.read(scope, frozenset(others))]
        messages = sum(len(one.indexes) for one in covered)
        touched = [replace(one, held=held.get(one.session_id, frozenset())) for one in touched]
        counts = DeletedCounts(
            messages_forgotten=messages,
            summaries=len(summarised),
            memory_versions=removed.versions,
            conflicts=len(removed.change.drop_conflicts),
            chunks=deletion.counts.chunks,
            points=messages + len(summarised) + removed.points + deletion.counts.chunks,
        )
        return Forgetting(deletion=replace(deletion, counts=counts), memories=removed.change, sessions=tuple(touched))

    async def _removed(self, scope: Scope, covered: Sequence[Covered], revision: int) -> _Removed:
        sources = frozenset[Source]().union(*(one.sources for one in covered))
        chains = await self._memories.chains_of_sessions(scope, [one.session.session_id for one in covered])
        tainted = {
            version.memory_id: version
            for chain in chains
            for version in chain.versions
            if not sources.isdisjoint(version.sources)
        }
        before = [chain for chain in chains if any(version.memory_id in tainted for version in chain.versions)]
        gone = frozenset(tainted)
        after = {chain.chain_id: chain.without(gone) for chain in before}
        conflicts = await self._conflicts.every(scope)
        about = [conflict for conflict in conflicts if not sources.isdisjoint(conflict.candidate.sources)]
        change = await removal(
            self._memories,
            scope,
            conflicts,
            revision=revision,
            before=before,
            after=after,
            dropped=frozenset(conflict.conflict_id for conflict in about),
        )
        # what somebody has settled is settled
        stated = [conflict.candidate.sources for conflict in about if conflict.is_open]
        along = frozenset(source for one in (*(version.sources for version in tainted.values()), *stated) for source in one)
        return _Removed(
            change=change,
            lost=_by_session(along - sources),
            versions=len(tainted),
            points=sum(map(_restated, before, after.values())),
        )


def _restated(before: MemoryChain, after: MemoryChain | None) -> bool:
    """Return whether what the index knows of a memory is gone."""
    return after is None or after.current.memory_id != before.current.memory_id


def _by_session(sources: frozenset[Source]) -> Mapping[SessionId, frozenset[int]]:
    found: dict[SessionId, set[int]] = defaultdict(set)
    for source in sources:
        found[source.session_id].add(source.message_index)
    return {session_id: frozenset(indexes) for session_id, indexes in found.items()}


def _touched(covered: Covered, lost: frozenset[int], *, summarised: bool) -> ForgottenSession:
    """Return what becomes of a session with covered messages."""
    session = covered.session
    gone = frozenset(covered.indexes)
    # what is left of it is worth a summary of its own
    worth = bool(lost) or (summarised and covered.newest_left is not None)
    return replace(
        _bereft(session, lost, gone=gone, worth=worth),
        indexes=covered.indexes,
        had_summary=summarised,
        newest_left=covered.newest_left,
    )


def _bereft(
    session: Session, lost: frozenset[int], *, gone: frozenset[int] = frozenset(), worth: bool = True
) -> ForgottenSession:
    """Return what becomes of a session whose messages at the places *lost* are to be made memories of again."""
    again = session.status is SessionStatus.PROCESSING or (session.status is SessionStatus.PROCESSED and worth)
    missing = None if session.missing is None else (session.missing - gone) | lost
    if session.status is SessionStatus.PROCESSED and again:
        missing = lost
    return ForgottenSession(
        session_id=session.session_id,
        status=session.status,
        missing=session.missing,
        message_count=session.message_count,
        indexes=(),
        had_summary=False,
        newest_left=None,
        again=again,
        still_missing=missing,
    )
