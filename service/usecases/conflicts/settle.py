"""Do what the answers to a conflict say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from service.domain.conflicts import ANSWERED, Conflict, ConflictStatus, choices, resolved, taken_up
from service.domain.errors import ConcurrentChange, ConflictNotFound
from service.domain.ids import ChainId, Scope
from service.domain.memories import Candidate, MemoryChain, MemoryChange
from service.domain.ports.models import Clock
from service.domain.ports.stores import ConflictStore, MemoryStore
from service.domain.ports.work import CommitOutcome, Job, JobQueue
from service.usecases.conflicts.settlement import made, settled
from service.usecases.conflicts.wording import Wording
from service.usecases.memory.removal import removal

ATTEMPTS = 10
"""How often a resolution is worked out anew because the user's memories moved on meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settled:
    """The chains of a conflict before and after, None for one that goes."""

    before: dict[ChainId, MemoryChain]
    after: dict[ChainId, MemoryChain | None]


class SettleConflict:
    """Makes the memories say what the answers say, exactly once however often it is called with one job."""

    def __init__(
        self, *, conflicts: ConflictStore, memories: MemoryStore, jobs: JobQueue, wording: Wording, clock: Clock
    ) -> None:
        """Keep the ports, and what reads messages."""
        self._conflicts = conflicts
        self._memories = memories
        self._jobs = jobs
        self._wording = wording
        self._clock = clock

    async def __call__(self, job: Job) -> CommitOutcome:
        """
        Work on a claimed job and commit: COMMITTED, or STALE_JOB when the conflict is gone or was resolved by another worker.

        Raises ConcurrentChange when other writers kept winning.
        """
        for _ in range(ATTEMPTS):
            # first: whatever moves on after this makes the change stale
            revision = await self._memories.revision(job.scope)
            conflict = await self._waiting(job)
            if conflict is None:
                await self._jobs.drop(job)
                return CommitOutcome.STALE_JOB
            if conflict.status is ConflictStatus.IN_QUEUE:
                await self._take_up(job.scope, conflict, revision)
                continue
            outcome = await self._jobs.commit_resolution(job, await self._change(job.scope, conflict, revision))
            if outcome is not CommitOutcome.STALE_MEMORIES:
                return outcome
        raise ConcurrentChange

    async def _waiting(self, job: Job) -> Conflict | None:
        """Return the conflict of a job, None when it does not wait for its resolution any more."""
        if job.conflict_id is None:
            return None
        try:
            conflict = await self._conflicts.get(job.scope, job.conflict_id)
        except ConflictNotFound:
            return None
        return conflict if conflict.status in ANSWERED else None

    async def _take_up(self, scope: Scope, conflict: Conflict, revision: int) -> None:
        """Mark the conflict as being resolved. Whether it works is seen when it is read again."""
        try:
            await self._memories.apply(scope, MemoryChange(revision=revision, put_conflicts=(taken_up(conflict),)))
        except ConcurrentChange:
            return

    async def _change(self, scope: Scope, conflict: Conflict, revision: int) -> MemoryChange:
        """Return the change that resolves the conflict."""
        now = self._clock.now()
        done = await self._settle(scope, conflict, now)
        gone = {chain_id for chain_id, chain in done.after.items() if chain is None}
        others = [each for each in await self._conflicts.every(scope) if each.conflict_id != conflict.conflict_id]
        change = await removal(
            self._memories, scope, others, revision=revision, before=list(done.before.values()), after=done.after
        )
        new = [memory for chain_id, before in done.before.items() for memory in made(before, done.after[chain_id])]
        # what is gone is named no more
        there = tuple(memory for memory in conflict.conflicting if memory.chain_id not in gone)
        ended = replace(resolved(conflict, new, now), conflicting=there)
        return replace(change, put_conflicts=(*change.put_conflicts, ended))

    async def _settle(self, scope: Scope, conflict: Conflict, now: datetime) -> _Settled:
        """Return what the answers make of the chains that the conflict is about."""
        meant = choices(conflict)
        found = await self._memories.chains(scope, list(meant))
        before = {chain.chain_id: chain for chain in found if chain is not None}
        after = {}
        for chain_id, chain in before.items():
            choice, message = meant[chain_id]
            wording: Candidate | None = await self._wording(conflict, chain.current.content, message)
            after[chain_id] = settled(conflict, chain, choice, wording, now)
        return _Settled(before=before, after=after)
