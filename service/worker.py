"""
The worker: fires timers, processes sessions, resolves conflicts, keeps the index up to date, delivers webhook events.

Any number of workers may run. Work is leased, so what a dead worker had begun is taken up by another, and every effect is
committed with the end of its job, so doing it again changes nothing.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import uuid4

from prometheus_client import CollectorRegistry, Gauge, Histogram
from prometheus_client import Counter as Metric

from service.domain.errors import StorageUnavailable
from service.domain.ports.models import Clock
from service.domain.ports.webhooks import DeliveryQueue
from service.domain.ports.work import Job, JobQueue
from service.domain.webhooks import Delivery
from service.usecases.conflicts.settle import SettleConflict
from service.usecases.indexing.sync import BATCH, SyncIndex
from service.usecases.processing.process_session import ProcessSession
from service.usecases.projects.retain import ApplyRetention
from service.usecases.webhooks.deliver import DeliverEvent
from service.usecases.webhooks.expire import ExpireDeliveries

_TIMER_PAUSE = 0.25
_JOB_PAUSE = 0.1
# a message must be searchable well within a second, but not at once: those that come in quick succession change the entries of
# their neighbours, and are embedded once when one pass takes them all
_OUTBOX_PAUSE = 0.05
_WEBHOOK_PAUSE = 0.25
_DEPTH_PAUSE = 5.0
# retention counts in days
_RETENTION_PAUSE = 3600.0
_DELIVERIES = 64
"""Webhook events that one process delivers at once."""
_DELIVERIES_OF_ONE = 8
"""Of them those of one project, so that an endpoint that answers slowly leaves room for the others."""
_RENEWAL_PAUSE = 10.0
_FIRST_BACKOFF = 0.1
_LONGEST_BACKOFF = 5.0
_RETRY_AFTER = timedelta(seconds=2)
_LONGEST_RETRY = timedelta(minutes=10)


class Logger(Protocol):
    """What the worker wants of a logger."""

    def info(self, event: str, **fields: object) -> None:
        """Write what is worth knowing."""
        ...

    def warning(self, event: str, **fields: object) -> None:
        """Write what mends itself."""
        ...

    def error(self, event: str, **fields: object) -> None:
        """Write what is broken; `exc_info` carries an exception."""
        ...


class WorkerMetrics:
    """What the worker does and what waits for it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the metrics."""
        self.jobs = Histogram(
            "mneme_job_seconds", "Duration of attempts at a session or conflict.", ("outcome",), registry=registry
        )
        self.indexed = Metric("mneme_index_entries", "Index entries brought up to date.", registry=registry)
        self.fired = Metric("mneme_timers_fired", "Sessions whose inactivity timer fell due.", registry=registry)
        self.failures = Metric("mneme_worker_failures", "Steps of a loop that failed.", ("loop",), registry=registry)
        self.waiting = Gauge(
            "mneme_waiting", "What waits: jobs, index entries, dead letters, users with events.", ("queue",), registry=registry
        )
        self.webhooks = Histogram(
            "mneme_webhook_seconds", "Duration of attempts to deliver an event.", ("outcome",), registry=registry
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """How one worker works."""

    concurrency: int
    max_attempts: int


class Worker:
    """Loops that run until they are told to stop."""

    def __init__(
        self,
        *,
        jobs: JobQueue,
        process_session: ProcessSession,
        settle_conflict: SettleConflict,
        sync_index: SyncIndex,
        sync_bulk: SyncIndex,
        apply_retention: ApplyRetention,
        deliveries: DeliveryQueue,
        deliver_event: DeliverEvent,
        expire_deliveries: ExpireDeliveries,
        clock: Clock,
        log: Logger,
        metrics: WorkerMetrics,
        options: WorkerOptions,
    ) -> None:
        """Keep the queue, the use cases and what to report to."""
        self._jobs = jobs
        self._process_session = process_session
        self._settle_conflict = settle_conflict
        self._sync_index = sync_index
        self._sync_bulk = sync_bulk
        self._apply_retention = apply_retention
        self._deliveries = deliveries
        self._deliver_event = deliver_event
        self._expire_deliveries = expire_deliveries
        self._clock = clock
        self._log = log
        self._metrics = metrics
        self._options = options
        # leases are held in this name
        self._consumer = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
        self._stopping = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._delivering: dict[asyncio.Task[None], Delivery] = {}

    def stop(self) -> None:
        """Claim nothing more; what is begun is finished."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until `stop`, then finish what is begun."""
        try:
            async with asyncio.TaskGroup() as loops:
                loops.create_task(self._loop("timers", self._fire_timers, _TIMER_PAUSE))
                loops.create_task(self._loop("jobs", self._claim_jobs, _JOB_PAUSE))
                loops.create_task(self._loop("webhooks", self._claim_deliveries, _WEBHOOK_PAUSE))
                loops.create_task(self._loop("outbox", lambda: self._sync(self._sync_index, BATCH), _OUTBOX_PAUSE))
                loops.create_task(self._loop("bulk", lambda: self._sync(self._sync_bulk, 1), _OUTBOX_PAUSE))
                loops.create_task(self._loop("depth", self._measure, _DEPTH_PAUSE))
                loops.create_task(self._loop("retention", self._retain, _RETENTION_PAUSE))
            if begun := [*self._running, *self._delivering]:
                await asyncio.wait(begun)
        finally:
            for task in (*self._running, *self._delivering):
                task.cancel()

    async def _loop(self, name: str, step: Callable[[], Awaitable[bool]], idle: float) -> None:
        """Repeat *step*, at once while it finds work, else after *idle* seconds, and after a failure later and later."""
        backoff = _FIRST_BACKOFF
        while not self._stopping.is_set():
            try:
                busy = await step()
            except StorageUnavailable as error:
                self._log.warning("storage unavailable", loop=name, store=error.metadata["store"])
            except Exception as error:  # noqa: BLE001 - the loop outlives whatever one step runs into
                self._log.error("worker step failed", loop=name, exc_info=error)
            else:
                backoff = _FIRST_BACKOFF
                # 0 gives way to other tasks
                await self._pause(0 if busy else idle)
                continue
            self._metrics.failures.labels(name).inc()
            await self._pause(backoff)
            backoff = min(backoff * 2, _LONGEST_BACKOFF)

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond a stop; jittered, so that workers do not march in step."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds * random.uniform(0.8, 1.2)):  # noqa: S311 - no secret
                await self._stopping.wait()

    async def _fire_timers(self) -> bool:
        fired = await self._jobs.fire_due_timers()
        self._metrics.fired.inc(fired)
        return False

    async def _sync(self, sync: SyncIndex, enough: int) -> bool:
        """Bring the index up to date with what waits, and tell whether that was *enough* to go on at once."""
        done = await sync(self._consumer)
        self._metrics.indexed.inc(done)
        return done >= enough

    async def _retain(self) -> bool:
        if removed := await self._apply_retention():
            self._log.info("sessions removed after their retention", sessions=removed)
        await self._expire_deliveries()
        return False

    async def _measure(self) -> bool:
        depth = await self._jobs.depth()
        self._metrics.waiting.labels("jobs").set(depth.jobs)
        self._metrics.waiting.labels("outbox").set(depth.outbox)
        self._metrics.waiting.labels("dead").set(depth.dead)
        self._metrics.waiting.labels("webhooks").set(await self._deliveries.waiting())
        return False

    async def _claim_jobs(self) -> bool:
        free = self._options.concurrency - len(self._running)
        if not free:
            await asyncio.wait(self._running, timeout=_JOB_PAUSE, return_when=asyncio.FIRST_COMPLETED)
            return True
        jobs = await self._jobs.claim(self._consumer, free)
        for job in jobs:
            task = asyncio.create_task(self._work(job))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return bool(jobs)

    async def _work(self, job: Job) -> None:
        """Make one attempt at a session or conflict, and see to it that the attempt ends one way or another."""
        kind, work = ("session", self._process_session) if job.conflict_id is None else ("conflict", self._settle_conflict)
        log = {"session_id": job.session_id, "conflict_id": job.conflict_id, "generation": job.generation, "attempt": job.attempt}
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with self._leased(job):
                outcome: str = await work(job)
        except StorageUnavailable as error:
            # the lease runs out, and the job is claimed again when the store is back
            self._log.warning("storage unavailable", loop="jobs", store=error.metadata["store"], **log)
            outcome = "storage_unavailable"
        except Exception as error:  # noqa: BLE001 - whatever it is, the attempt is over and the queue must know
            self._log.error(f"{kind} not processed", exc_info=error, **log)
            outcome = await self._fail(job, error)
        self._metrics.jobs.labels(outcome).observe(loop.time() - started)
        self._log.info(kind, outcome=outcome, milliseconds=round((loop.time() - started) * 1000), **log)

    async def _claim_deliveries(self) -> bool:
        """Begin to deliver what is due; the first event of each user, and of no project too many."""
        free = _DELIVERIES - len(self._delivering)
        busy = Counter(delivery.scope.project_id for delivery in self._delivering.values())
        limits = {project_id: _DELIVERIES_OF_ONE - count for project_id, count in busy.items()}
        claimed = await self._deliveries.claim(self._clock.now(), limits, limit=free, each=_DELIVERIES_OF_ONE)
        for delivery in claimed:
            task = asyncio.create_task(self._deliver(delivery))
            self._delivering[task] = delivery
            task.add_done_callback(self._delivering.pop)
        if self._delivering and not claimed:
            # the end of one may make the next one of its user due
            await asyncio.wait(self._delivering, timeout=_WEBHOOK_PAUSE, return_when=asyncio.FIRST_COMPLETED)
        return bool(self._delivering)

    async def _deliver(self, delivery: Delivery) -> None:
        """Make one attempt at a delivery. One that breaks off is made again when its lease is over."""
        event = delivery.event
        log = {"event_id": event.event_id, "type": event.type, "project_id": event.project_id}
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            outcome: str = await self._deliver_event(delivery)
        except StorageUnavailable as error:
            self._log.warning("storage unavailable", loop="webhooks", store=error.metadata["store"], **log)
            outcome = "storage_unavailable"
        except Exception as error:  # noqa: BLE001 - one event that cannot be sent holds up nobody else's
            self._log.error("event not delivered", exc_info=error, **log)
            outcome = "broken"
        self._metrics.webhooks.labels(outcome).observe(loop.time() - started)
        self._log.info("webhook", outcome=outcome, attempt=delivery.attempts.count + 1, **log)

    async def _fail(self, job: Job, error: Exception) -> str:
        retry_after = min(_RETRY_AFTER * 2 ** (job.attempt - 1), _LONGEST_RETRY)
        try:
            again = await self._jobs.fail(
                job, type(error).__name__, max_attempts=self._options.max_attempts, retry_after=retry_after
            )
        except StorageUnavailable:
            return "storage_unavailable"
        return "retried" if again else "failed"

    @asynccontextmanager
    async def _leased(self, job: Job) -> AsyncIterator[None]:
        """Keep the lease of a job while it is worked on, and stop the work when another worker has it."""
        work = asyncio.current_task()
        ended = False

        async def renew() -> None:
            held = True
            # not until cancelled: a client whose answer comes at the same moment can lose the cancellation
            while held and not ended:
                await asyncio.sleep(_RENEWAL_PAUSE)
                try:
                    held = await self._jobs.renew(self._consumer, job)
                except StorageUnavailable:
                    continue
            if work is not None and not ended:
                self._log.warning("lease lost", session_id=job.session_id, attempt=job.attempt)
                work.cancel()

        renewal = asyncio.create_task(renew())
        try:
            yield
        finally:
            ended = True
            renewal.cancel()


@asynccontextmanager
async def working(worker: Worker, *, grace: timedelta) -> AsyncIterator[None]:
    """Let a worker run beside the block. When the block is left it claims nothing more and has *grace* to finish."""
    running = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        # what is cut off is leased, and taken up again later
        with suppress(TimeoutError):
            async with asyncio.timeout(grace.total_seconds()):
                await running
