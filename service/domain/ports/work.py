"""
Work that outlives a request: sessions to process, conflicts to resolve and index entries to bring up to date.

Delivery is at least once; the effects are exactly once, because each effect is committed together with the end of its job and
is refused when the session has moved on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from service.domain.ids import ConflictId, Scope, SessionId
from service.domain.memories import MemoryChange, SessionCommit


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """
    One session to process or, with a *conflict_id*, one conflict of that session to resolve.

    *generation* is the fencing token: the commit of a job whose session has a newer generation is refused. *attempt* counts
    from 1. *bucket* and *entry_id* tell the queue where the job lies.
    """

    bucket: int
    entry_id: str
    scope: Scope
    session_id: SessionId
    generation: int
    attempt: int
    conflict_id: ConflictId | None = None


class CommitOutcome(StrEnum):
    """What became of a commit."""

    COMMITTED = "committed"
    STALE_JOB = "stale_job"
    """What it is about was deleted, changed or committed by another worker; the job is gone from the queue."""
    STALE_MEMORIES = "stale_memories"
    """The user's memories moved on: decide again from what they are now and commit again."""


class JobQueue(Protocol):
    """The durable queue of work, fed by `start_processing`, by inactivity timers and by answers to conflicts."""

    async def fire_due_timers(self) -> int:
        """Turn every session whose timer is due into a job, and return how many. A timer of an empty session never fires."""
        ...

    async def claim(self, consumer: str, limit: int) -> Sequence[Job]:
        """Return up to *limit* jobs that are new or whose lease ran out, now leased to *consumer*. Does not wait."""
        ...

    async def renew(self, consumer: str, job: Job) -> bool:
        """Extend the lease; False when it was lost."""
        ...

    async def commit(self, job: Job, commit: SessionCommit) -> CommitOutcome:
        """Store the result, mark the session as processed, queue index entries and end the job, in one step."""
        ...

    async def commit_resolution(self, job: Job, change: MemoryChange) -> CommitOutcome:
        """Make the *change* that resolves the conflict of a job, queue index entries and end the job, in one step."""
        ...

    async def drop(self, job: Job) -> None:
        """Take a job that nothing is to be done for out of the queue."""
        ...

    async def fail(self, job: Job, error: str, *, max_attempts: int, retry_after: timedelta) -> bool:
        """
        End an attempt that did not work: True when the job will be tried again after *retry_after*, False when it was the last
        one, the session or conflict is now failed and the job lies in the dead-letter stream with *error*.
        """
        ...

    async def load_step(self, job: Job, step: str) -> bytes | None:
        """Return the kept result of a *step* of this session and generation, so that a repeat need not pay for it again."""
        ...

    async def save_step(self, job: Job, step: str, result: bytes) -> None:
        """Keep the result of a *step* for a day, unless the session has moved on."""
        ...

    async def depth(self) -> QueueDepth:
        """Return how much is waiting."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDepth:
    """How much is waiting: jobs, index entries, dead letters."""

    jobs: int
    outbox: int
    dead: int


class IndexedKind(StrEnum):
    """What an index entry stands for, and the collection that it lies in."""

    MEMORY = "memories"
    SUMMARY = "summaries"
    TURN = "turns"
    CHUNK = "chunks"


CHUNKS_OF_ENTRY = 32
"""Chunks of a document that one index entry stands for, at the most: what is embedded well within the lease of an entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxEntry:
    """
    A record whose index entry has to be brought up to date. It says which record changed, not how: whoever works on it reads
    the truth, writes or deletes the point, and reads the truth again before retiring the entry.

    *record_id* is a chain id, a session id, `<session id>:<message index>`, or `<upload id>:<first>-<last>` for chunks of a
    document by their places; empty means everything under the scope, which was deleted; `<session id>:*` means every turn of a
    deleted session, `<upload id>:*` every chunk of an upload that is gone.
    """

    bucket: int
    entry_id: str
    scope: Scope
    kind: IndexedKind
    record_id: str


class Outbox(Protocol):
    """The durable list of index entries to bring up to date."""

    async def claim(self, consumer: str, limit: int) -> Sequence[OutboxEntry]:
        """Return up to *limit* entries that are new or whose lease ran out, oldest first. Does not wait."""
        ...

    async def retire(self, entries: Sequence[OutboxEntry]) -> None:
        """Remove entries whose effect is durable in the index."""
        ...

    async def pending(self, scope: Scope, kind: IndexedKind) -> Sequence[str]:
        """
        Return the ids of the records of a user whose index entry may trail the truth: queued or claimed, not retired yet.

        Read before a search, this and the hits of the search together miss no record that was committed before.
        """
        ...

    async def held(self, scope: Scope) -> frozenset[str]:
        """Return the ids of a user's entries that a worker is at: claimed, within their lease, and not retired yet."""
        ...

    async def enqueue_all(self) -> int:
        """Queue an entry for every record there is, and return how many: the whole index will be rebuilt."""
        ...
