"""Process a session."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from weakref import WeakValueDictionary

from service.domain.errors import ConcurrentChange, SessionNotFound, UserNotFound
from service.domain.ids import Scope
from service.domain.memories import Candidate, Extraction, MemoryChange, SessionCommit
from service.domain.ports.models import Clock, Extractor
from service.domain.ports.stores import MemoryStore, ProjectStore, SessionStore, UserStore
from service.domain.ports.work import CommitOutcome, Job, JobQueue
from service.domain.projects import DEFAULT_CATEGORIES
from service.domain.sessions import Session, Summary, Transcript
from service.usecases.processing.again import missing_of
from service.usecases.processing.company import company_of
from service.usecases.processing.merge import Origin
from service.usecases.processing.plan import Planner
from service.usecases.processing.steps import EXTRACTION, decode_extraction, encode_extraction
from service.usecases.transcripts import all_messages

ATTEMPTS = 10
"""How often a session is compared anew because the user's memories moved on meanwhile."""


class ProcessSession:
    """Turns the messages of a session into memories and a summary, exactly once however often it is called with one job."""

    def __init__(
        self,
        *,
        projects: ProjectStore,
        users: UserStore,
        sessions: SessionStore,
        memories: MemoryStore,
        jobs: JobQueue,
        extractor: Extractor,
        planner: Planner,
        clock: Clock,
    ) -> None:
        """Keep the ports, and the planner of changes."""
        self._projects = projects
        self._users = users
        self._sessions = sessions
        self._memories = memories
        self._jobs = jobs
        self._extractor = extractor
        self._planner = planner
        self._clock = clock
        self._turns: WeakValueDictionary[Scope, asyncio.Lock] = WeakValueDictionary()

    async def __call__(self, job: Job) -> CommitOutcome:
        """
        Work on a claimed job and commit the result: COMMITTED, or STALE_JOB when the session is gone or has moved on.

        Raises ConcurrentChange when other writers kept winning.
        """
        try:
            session = await self._sessions.get(job.scope, job.session_id)
            if session.generation != job.generation:
                return await self._drop(job)
            extraction = await self._extraction(job, session)
            # what is processed again was settled before: it finds its place in history, and nobody is asked
            asks = session.missing is None and await self._asks(job.scope)
        except (SessionNotFound, UserNotFound):
            return await self._drop(job)
        summary = _summary(session, extraction)
        # in turn, because of two sessions of one user compared at once the second is always stale; other processes do collide
        turn = self._turns.setdefault(job.scope, asyncio.Lock())
        async with turn:
            for _ in range(ATTEMPTS):
                candidates = await self._candidates(job.scope, session, extraction)
                origin = Origin(session_id=session.session_id, generation=session.generation, now=self._now(session))
                company = await company_of(self._sessions, job.scope, session.origin)
                change = await self._planner(job.scope, origin, candidates, company=company, asks=asks)
                commit = SessionCommit(memories=change, summary=summary, remembered_at=origin.now)
                outcome = await self._jobs.commit(job, commit)
                if outcome is not CommitOutcome.STALE_MEMORIES:
                    return outcome
        raise ConcurrentChange

    async def _drop(self, job: Job) -> CommitOutcome:
        # the commit of a stale job changes nothing and takes the job out of the queue
        return await self._jobs.commit(job, SessionCommit(memories=MemoryChange(revision=0), summary=None))

    async def _asks(self, scope: Scope) -> bool:
        """Return whether somebody is to be asked about contradictions: as the user says, else as the project says."""
        user = await self._users.of(scope)
        if user.merge_conflict_enabled is not None:
            return user.merge_conflict_enabled
        return (await self._projects.get(scope.project_id)).settings.merge_conflict_enabled

    async def _extraction(self, job: Job, session: Session) -> Extraction:
        """Return what the session says; kept, because a language model that reads it must be paid."""
        if not session.remembered_count:
            return Extraction(candidates=(), summary="")
        kept = await self._jobs.load_step(job, EXTRACTION)
        if kept is not None:
            return decode_extraction(kept)
        messages = await all_messages(self._sessions, job.scope, job.session_id)
        mined = [message for message in messages if message.is_mined]
        if not mined:
            # nobody's words; or all were forgotten since the session was read, then the commit will be refused
            return Extraction(candidates=(), summary="")
        now = session.created_at if session.custom_created_at else messages[-1].timestamp
        project = await self._projects.get(job.scope.project_id)
        extraction = await self._extractor.extract(
            Transcript(session_id=session.session_id, now=now, messages=mined),
            project.settings.categories or DEFAULT_CATEGORIES,
            project.settings.guidance,
        )
        await self._jobs.save_step(job, EXTRACTION, encode_extraction(extraction))
        return extraction

    async def _candidates(self, scope: Scope, session: Session, extraction: Extraction) -> Sequence[Candidate]:
        """Return the statements to make memories of: all, or in a session that is processed again those that are missing."""
        if session.missing is None:
            return extraction.candidates
        chains = await self._memories.chains_of_session(scope, session.session_id)
        return missing_of(extraction.candidates, chains, session.missing)

    def _now(self, session: Session) -> datetime:
        """
        Return the time at which new versions are created. In imported history it is its own, so that histories read right, and in
        what is processed again that of the first time: what later sessions changed stays changed.
        """
        if session.custom_created_at:
            return session.created_at
        again = session.remembered_at or session.processed_at if session.missing is not None else None
        return again or self._clock.now()


def _summary(session: Session, extraction: Extraction) -> Summary | None:
    if not extraction.summary:
        return None
    return Summary(
        session_id=session.session_id,
        content=extraction.summary,
        created_at=session.created_at,
        message_count=session.remembered_count,
    )
