"""A user, what was said to it, and the worker's part done by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from service.domain.ids import ProjectId, Scope, SessionId
from service.domain.memories import Candidate, Decision, Extraction, MemoryChain, MemoryFilter, Neighbour
from service.domain.ports.deletions import DocumentEraser, ForgetStore
from service.domain.ports.index import VectorIndex
from service.domain.ports.models import Clock, Extractor
from service.domain.ports.work import CommitOutcome, Job
from service.domain.projects import Category, Guidance
from service.domain.sessions import MessageRole, NewMessage, NewSession, Transcript
from service.domain.users import User
from service.domain.values import PageRequest
from service.extraction.embedded import EmbeddedExtractor
from service.usecases.deletions.forget import Forget
from service.usecases.deletions.holds import Holds
from service.usecases.deletions.plan import ForgetPlanner
from service.usecases.indexing.points import PointMaker
from service.usecases.indexing.sync import SyncIndex
from service.usecases.indexing.truth import TruthReader
from service.usecases.processing.plan import Planner
from service.usecases.processing.process_session import ProcessSession
from service.wiring import Application
from tests.usecases.interruptions import NEVER, Interrupted, Interruption

EVERYTHING = PageRequest(offset=0, limit=200)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One user and all that can be done with it."""

    application: Application
    project_id: ProjectId
    user: User

    @property
    def scope(self) -> Scope:
        """The user's scope."""
        return self.user.scope

    async def say(self, *texts: str, at: datetime | None = None) -> SessionId:
        """Open a session, at a time of its own if *at* is given, in which the user says *texts*."""
        new = NewSession(metadata={}, auto_process_after=None, created_at=at)
        calls, user_id = self.application.sessions, self.user.user_id
        _, session = await calls.create(self.project_id, user_id, new, idempotency_key=None)
        if texts:
            messages = [NewMessage(role=MessageRole.USER, content=text) for text in texts]
            await calls.add_messages(self.project_id, user_id, session.session_id, messages, idempotency_key=None)
        return session.session_id

    async def start(self, session_id: SessionId) -> Job:
        """Queue a session and claim its job."""
        await self.application.sessions.process(self.project_id, self.user.user_id, session_id)
        return await self.claim()

    async def claim(self) -> Job:
        """Claim the one job there is."""
        (job,) = await self.application.stores.jobs.claim("test", 10)
        return job

    async def process(self, session_id: SessionId) -> CommitOutcome:
        """Queue a session and process it."""
        return await self.application.process_session(await self.start(session_id))

    async def remember(self, *texts: str, at: datetime | None = None) -> SessionId:
        """Let the user say *texts* in a session and process it."""
        session_id = await self.say(*texts, at=at)
        assert CommitOutcome.COMMITTED == await self.process(session_id)
        return session_id

    async def sync(self) -> int:
        """Bring the index up to date and return how many entries that took."""
        done = 0
        while count := await self.application.sync_index("test"):
            done += count
        return done

    async def chains(self) -> Sequence[MemoryChain]:
        """Return every memory, newest first."""
        return (await self.application.stores.memories.list(self.scope, EVERYTHING, MemoryFilter())).items

    async def contents(self) -> list[str]:
        """Return what the memories say now, in the order of the alphabet."""
        return sorted(chain.current.content for chain in await self.chains())

    async def forget_session(self, session_id: SessionId) -> None:
        """Delete a session."""
        await self.application.sessions.delete(self.project_id, self.user.user_id, session_id)

    def processor(self, extractor: Extractor, clock: Clock) -> ProcessSession:
        """Return the use case with another extractor."""
        application, stores = self.application, self.application.stores
        planner = Planner(
            memories=stores.memories,
            conflicts=stores.conflicts,
            index=application.index,
            outbox=stores.outbox,
            embedder=application.embedder,
            extractor=extractor,
        )
        return ProcessSession(
            projects=stores.projects,
            users=stores.users,
            sessions=stores.sessions,
            memories=stores.memories,
            jobs=stores.jobs,
            extractor=extractor,
            planner=planner,
            clock=clock,
        )

    def forgetting(
        self,
        clock: Clock,
        interruption: Interruption = NEVER,
        *,
        index: VectorIndex | None = None,
        documents: DocumentEraser | None = None,
    ) -> Forget:
        """
        Return the use case that forgets, with an index of its own or *index*, steps that can be interrupted, and *documents* to
        erase those.
        """
        application, stores = self.application, self.application.stores
        sync = SyncIndex(
            outbox=stores.outbox,
            index=index or application.index,
            reader=TruthReader(stores.sessions, stores.memories, stores.documents),
            points=PointMaker(stores.sessions, application.embedder),
        )
        return Forget(
            users=stores.users,
            forgets=cast(ForgetStore, Interrupted(stores.forgets, interruption)),
            receipts=stores.receipts,
            planner=ForgetPlanner(stores.sessions, stores.memories, stores.conflicts),
            holds=Holds(stores.sessions),
            sync=cast(SyncIndex, Interrupted(sync, interruption)),
            clock=clock,
            documents=documents,
        )


class Watched:
    """The real extractor, counted, with a chance to step in before each decision."""

    def __init__(self, world: World) -> None:
        """Count from nothing."""
        self._extractor = EmbeddedExtractor(world.application.embedder)
        self.extractions = 0
        self.decisions = 0

    async def extract(self, transcript: Transcript, categories: Sequence[Category], guidance: Guidance) -> Extraction:
        """Extract as always."""
        self.extractions += 1
        return await self._extractor.extract(transcript, categories, guidance)

    async def decide(self, candidate: Candidate, neighbours: Sequence[Neighbour]) -> Decision:
        """Decide as always, after `step_in`."""
        self.decisions += 1
        await self.step_in()
        return await self._extractor.decide(candidate, neighbours)

    async def decide_ahead(self, pairs: Sequence[tuple[Candidate, Sequence[Neighbour]]]) -> None:
        """Do as always."""
        await self._extractor.decide_ahead(pairs)

    async def step_in(self) -> None:
        """Do nothing."""
