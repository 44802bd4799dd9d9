"""The queue of sessions to process and conflicts to resolve: a stream per bucket, fed by scripts and timers."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from service.domain.conflicts import ANSWERED, failed
from service.domain.ids import ConflictId, SessionId
from service.domain.memories import MemoryChange, SessionCommit
from service.domain.ports.work import CommitOutcome, IndexedKind, Job, QueueDepth
from service.domain.sessions import SessionStatus
from service.domain.webhooks import EventType
from service.storage.redis.bucket_keys import BucketKeys
from service.storage.redis.changes import MemoryChanges
from service.storage.redis.codec import MICROSECOND, micros, write_summary
from service.storage.redis.conflict_codec import read_conflict, write_conflict
from service.storage.redis.database import Argument, Command, Database
from service.storage.redis.events import Events
from service.storage.redis.intents import Settler
from service.storage.redis.keys import Keyspace, UserKeys
from service.storage.redis.names import quoted
from service.storage.redis.streams import GROUP, Entry, Streams
from service.storage.redis.writes import Writes

BATCH = 100
"""Timers, delayed jobs and intents of one bucket that one round takes up."""
DEAD_LETTERS = 10_000
"""Dead letters that a bucket keeps, the newest, give or take the server's rounding."""


@dataclass(frozen=True, slots=True)
class RedisJobs:
    """Implements `JobQueue`. `fire_due_timers` also puts back delayed jobs and carries out intents older than *patience*."""

    database: Database
    keyspace: Keyspace
    changes: MemoryChanges
    settler: Settler
    events: Events
    streams: Streams
    patience: timedelta

    async def fire_due_timers(self) -> int:
        """Turn every session whose timer is due into a job, and return how many. A timer of an empty session never fires."""
        return sum(await asyncio.gather(*(self._fire(bucket) for bucket in self.keyspace.all_buckets())))

    async def claim(self, consumer: str, limit: int) -> Sequence[Job]:
        """
        Return up to *limit* jobs that are new or whose lease ran out, now leased to *consumer*. Does not wait.

        Jobs of sessions and conflicts that were deleted or have moved on are removed instead.
        """
        entries = await self.streams.claim(consumer, limit)
        found = [_job(_user(self.keyspace, entry), entry) for entry in entries]
        jobs = []
        for job, state in zip(found, await self.database.send(*map(self._state, found)), strict=True):
            if _is_waited_for(job, state):
                jobs.append(job)
            else:
                await self.drop(job)
        return jobs

    async def renew(self, consumer: str, job: Job) -> bool:
        """Extend the lease; False when it was lost."""
        return await self.streams.renew(job.bucket, consumer, job.entry_id)

    async def commit(self, job: Job, commit: SessionCommit) -> CommitOutcome:
        """Store the result, mark the session as processed, queue index entries and end the job, in one step."""
        keys, summary = self.keyspace.user(job.scope), commit.summary
        plan = await self.changes.plan(job.scope, commit.memories)
        if summary is not None:
            plan.writes.add("HSET", keys.summaries, job.session_id, write_summary(summary))
            plan.writes.add("ZADD", keys.summary_times, micros(summary.created_at), job.session_id)
            plan.writes.index_entry(keys, IndexedKind.SUMMARY, job.session_id)
        told = await self.events.session(plan.writes, job.scope, job.session_id, EventType.SESSION_PROCESSED)
        about: list[Argument] = [commit.memories.revision, plan.changes, job.generation, GROUP, job.entry_id]
        outcome = CommitOutcome(
            await self.database.run(
                "commit_session",
                [keys.record, keys.revision, keys.session(job.session_id), keys.bucket.jobs, *plan.writes.keys],
                [*about, _micros(told), _micros(commit.remembered_at), *plan.writes.arguments],
            )
        )
        if outcome is CommitOutcome.COMMITTED:
            await self.changes.settle(plan)
        return outcome

    async def commit_resolution(self, job: Job, change: MemoryChange) -> CommitOutcome:
        """Make the *change* that resolves the conflict of a job, queue index entries and end the job, in one step."""
        keys, plan = self.keyspace.user(job.scope), await self.changes.plan(job.scope, change)
        outcome = CommitOutcome(
            await self.database.run(
                "commit_resolution",
                [keys.record, keys.revision, keys.conflicts, keys.bucket.jobs, *plan.writes.keys],
                [change.revision, plan.changes, job.conflict_id or "", GROUP, job.entry_id, *plan.writes.arguments],
            )
        )
        if outcome is CommitOutcome.COMMITTED:
            await self.changes.settle(plan)
        return outcome

    async def drop(self, job: Job) -> None:
        """Take a job that nothing is to be done for out of the queue."""
        await self.streams.retire(job.bucket, [job.entry_id])

    async def fail(self, job: Job, error: str, *, max_attempts: int, retry_after: timedelta) -> bool:
        """
        End an attempt that did not work: True when the job will be tried again after *retry_after*, False when it was the last
        one, the session or conflict is now failed and the job lies in the dead-letter stream with *error*.
        """
        keys = self.keyspace.user(job.scope)
        attempt: list[Argument] = [GROUP, job.entry_id, job.attempt, max_attempts, retry_after // MICROSECOND, error]
        about: list[Argument] = [quoted(job.scope.project_id), job.scope.user_key, _subject(job), job.generation]
        ended: list[Argument] = [*attempt, *about, DEAD_LETTERS]
        if job.conflict_id is not None:
            return await self._fail_resolution(keys, job.conflict_id, ended)
        bucket, writes = keys.bucket, Writes()
        if job.attempt >= max_attempts:
            await self.events.session(writes, job.scope, job.session_id, EventType.SESSION_FAILED)
        shared = [bucket.jobs, bucket.delayed, bucket.dead, keys.record, keys.session(job.session_id)]
        return bool(await self.database.run("fail_job", [*shared, *writes.keys], [*ended, *writes.arguments]))

    async def load_step(self, job: Job, step: str) -> bytes | None:
        """Return the kept result of a *step* of this session and generation, so that a repeat need not pay for it again."""
        keys = self.keyspace.user(job.scope)
        kept = await self.database.get("HGET", keys.steps(job.session_id), f"{job.generation}:{step}")
        return None if kept is None else base64.b64decode(kept)

    async def save_step(self, job: Job, step: str, result: bytes) -> None:
        """Keep the result of a *step* for a day."""
        keys = self.keyspace.user(job.scope)
        await self.database.run(
            "save_step",
            [keys.record, keys.session(job.session_id), keys.steps(job.session_id)],
            [f"{job.generation}:{step}", base64.b64encode(result).decode(), job.generation],
        )

    async def depth(self) -> QueueDepth:
        """Return how much is waiting."""
        buckets = self.keyspace.all_buckets()
        counts = await self.database.send(
            *(("XLEN", bucket.jobs) for bucket in buckets),
            *(("ZCARD", bucket.delayed) for bucket in buckets),
            *(("XLEN", bucket.outbox) for bucket in buckets),
            *(("XLEN", bucket.bulk) for bucket in buckets),
            *(("XLEN", bucket.dead) for bucket in buckets),
        )
        jobs, delayed, outbox, bulk, dead = (sum(counts[i : i + len(buckets)]) for i in range(0, len(counts), len(buckets)))
        return QueueDepth(jobs=jobs + delayed, outbox=outbox + bulk, dead=dead)

    async def _fail_resolution(self, keys: UserKeys, conflict_id: ConflictId, ended: Sequence[Argument]) -> bool:
        """End an attempt at a conflict; True unless it was the last one."""
        bucket = keys.bucket
        shared = [bucket.jobs, bucket.delayed, bucket.dead, keys.revision, keys.conflicts, keys.open_conflicts]
        teller, outcome = await self.events.teller(keys.scope), "stale"
        # each round that ends so was lost to another writer of this one conflict, who brought it further
        while outcome == "stale":
            text = await self.database.get("HGET", keys.conflicts, conflict_id)
            conflict = read_conflict(conflict_id, text) if text else None
            texts, writes = ["", ""], Writes()
            if conflict is not None and conflict.status in ANSWERED:
                after = failed(conflict, await self.events.now(keys.scope))
                texts = [text, write_conflict(after)]
                teller.conflict(writes, conflict.status, after)
            outcome = await self.database.run(
                "fail_resolution", [*shared, *writes.keys], [*ended, conflict_id, *texts, *writes.arguments]
            )
        return outcome != "dead"

    def _state(self, job: Job) -> Command:
        """Return the command that reads how far the subject of a job is."""
        keys = self.keyspace.user(job.scope)
        if job.conflict_id is not None:
            return "HGET", keys.conflicts, job.conflict_id
        return "HMGET", keys.session(job.session_id), "status", "generation"

    async def _fire(self, bucket: BucketKeys) -> int:
        """Take up what is due in a bucket, a batch at a time, and return how many timers became jobs."""
        fired = 0
        while True:
            timers, delayed, intents = await self.database.run(
                "overdue", [bucket.timers, bucket.delayed, bucket.intents], [BATCH, self.patience // MICROSECOND]
            )
            if timers:
                fired += await self._fire_timers(bucket, timers)
            if delayed:
                await self.database.run("revive_jobs", [bucket.delayed, bucket.jobs], [BATCH])
            await self.settler.sweep(intents)
            if max(len(timers), delayed, len(intents)) < BATCH:
                return fired

    async def _fire_timers(self, bucket: BucketKeys, timers: Sequence[str]) -> int:
        names: list[str] = []
        members: list[str] = []
        for timer in timers:
            project, user_key, session_id = timer.split(" ")
            user = self.keyspace.member(project, user_key)
            names += [user.record, user.session(SessionId(session_id)), user.pending]
            members += [timer, project, user_key, session_id]
        return int(await self.database.run("fire_timers", [bucket.timers, bucket.jobs, *names], members))


def _micros(time: datetime | None) -> str:
    return "" if time is None else str(micros(time))


def _user(keyspace: Keyspace, entry: Entry) -> UserKeys:
    return keyspace.member(entry.fields["project"], entry.fields["user"])


def _job(user: UserKeys, entry: Entry) -> Job:
    session_id, _, conflict_id = entry.fields["session"].partition("/")
    return Job(
        bucket=entry.place,
        entry_id=entry.entry_id,
        scope=user.scope,
        session_id=SessionId(session_id),
        generation=int(entry.fields["generation"]),
        attempt=int(entry.fields["attempts"]) + entry.deliveries,
        conflict_id=ConflictId(conflict_id) if conflict_id else None,
    )


def _subject(job: Job) -> str:
    return job.session_id if job.conflict_id is None else f"{job.session_id}/{job.conflict_id}"


def _is_waited_for(job: Job, state: Any) -> bool:
    """Return whether the subject of a job, given how far it is, still wants to be worked on."""
    if job.conflict_id is not None:
        return bool(state) and read_conflict(job.conflict_id, state).status in ANSWERED
    return bool(state == [SessionStatus.PROCESSING, str(job.generation)])
