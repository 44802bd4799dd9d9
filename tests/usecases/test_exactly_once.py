"""
Processing is exactly once in effect.

Hypothesis makes up a history: messages, calls to process, timers, deletions, contradictions that the user is asked about and
answers, workers that work on a job again or at the same time, and that die or are overtaken at any call of any port. After each
step the records must be what a plain model says, and whenever the outbox is empty the index too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, TypeAlias, TypeVar, cast
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from service.domain.conflicts import ANSWERED, Answer, Choice, ConflictStatus
from service.domain.ids import ConflictId, ProjectId, Scope, SessionId, UserId
from service.domain.memories import MemoryChain
from service.domain.ports.index import DENSE, IndexQuery, VectorIndex
from service.domain.ports.models import Embedder
from service.domain.ports.work import CommitOutcome, IndexedKind, Job, QueueDepth
from service.domain.projects import ProjectSettings
from service.domain.sessions import MessageRole, NewMessage, NewSession, SessionStatus
from service.domain.users import NewUser, User
from service.storage.redis import open_stores
from service.wiring import build_application
from tests.conftest import Engines, FakeClock
from tests.usecases.comparing import all_chains, compare_records
from tests.usecases.interruptions import Crash, Interruption
from tests.usecases.plain import TOPICS, VALUES, PlainSession, PlainUser, fact, plain
from tests.usecases.workers import Bench, indexer, processor, settler

T = TypeVar("T")
Act: TypeAlias = Callable[[], Awaitable[None]]

DATABASE = 9
SAME = 0.999
"""The least cosine of a text to itself."""

# a run makes 10 to 30 calls of ports
places = st.integers(0, 25)
picks = st.integers(0, 1000)
facts = st.lists(st.tuples(st.sampled_from(TOPICS), st.sampled_from(VALUES)), min_size=1, max_size=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """
    What happens at call number *at* of a port: the worker dies `before` or `after` it, `another` one works on a job, or somebody
    does what `_meddle` does for a number from 0 to 4. *pick* chooses among what there is.
    """

    at: int
    what: str | int
    pick: int


events = st.builds(Event, at=places, what=st.sampled_from(["before", "after", "another", 0, 1, 2, 3, 4]), pick=picks)


class Histories(RuleBasedStateMachine):
    """One user's history. Rules run in a thread of Hypothesis, what they do in the loop of the engines' clients."""

    def __init__(self, bench: Bench) -> None:
        """Begin with nothing."""
        super().__init__()
        self.bench = bench
        self.model = PlainUser()
        self.held: list[Job] = []
        self.gone: list[Scope] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something real."""
        return asyncio.run_coroutine_threadsafe(work, self.bench.loop).result()

    @initialize(history=st.lists(facts, min_size=1, max_size=5))
    def begin(self, history: Sequence[Sequence[tuple[str, str]]]) -> None:
        """Make a project that asks about contradictions, and its user, who has a past."""
        self.run(self._begin(history))

    @rule(said=facts, timed=st.booleans(), over=st.booleans())
    def open_session(self, said: Sequence[tuple[str, str]], timed: bool, over: bool) -> None:  # noqa: FBT001 - Hypothesis names it
        """Open a session, say something in it, and maybe ask for it to be processed."""
        self.run(self._open(said, timed=timed, over=over))

    @precondition(lambda self: self.having(SessionStatus.PENDING))
    @rule(pick=picks, said=facts)
    def say(self, pick: int, said: Sequence[tuple[str, str]]) -> None:
        """Say something in a session that is open."""
        self.run(self._say(self.picked(SessionStatus.PENDING, pick), said))

    @rule()
    def fire(self) -> None:
        """Let the timers fire that are due."""
        self.run(self._fire())

    @precondition(lambda self: self.model.lasting())
    @rule(pick=picks, choice=st.sampled_from(Choice), event=events)
    def contradict(self, pick: int, choice: Choice, event: Event) -> None:
        """Contradict what is known, unless that was done, answer, and do what the answer says while something happens."""
        self.run(self._contradict(pick, choice, event))

    @precondition(lambda self: self.held or self.having(SessionStatus.PROCESSING) or self.model.answered())
    @rule(pick=picks, again=st.booleans(), event=events)
    def work(self, pick: int, again: bool, event: Event) -> None:  # noqa: FBT001 - Hypothesis names it
        """Work on a job, of those held from before or claimed now, whoever has them too, while something happens."""
        self.run(self._work_on(pick, again=again, event=event))

    @rule(event=events)
    def index(self, event: Event) -> None:
        """Bring the index up to date while something happens."""
        self.run(self._sync(self._interruption(event)))

    @rule(said=facts, gone=st.booleans())
    def write_late(self, said: Sequence[tuple[str, str]], gone: bool) -> None:  # noqa: FBT001 - Hypothesis names it
        """Change or remove what an indexer has read, and have another write that to the end, before the first one writes."""
        self.run(self._write_late(said, gone=gone))

    @rule(what=st.integers(0, 4), victim=picks)
    def delete(self, what: int, victim: int) -> None:
        """Delete a session, or a version; or say or answer something."""
        self.run(self._meddle(what, victim))

    @precondition(lambda self: len(self.model.sessions) > 3)
    @rule()
    def delete_user(self) -> None:
        """Delete the user and begin anew under the same id."""
        self.run(self._delete_user())

    @rule()
    def drain(self) -> None:
        """Bring the index up to date, and compare it."""
        self.run(self._drain())

    def teardown(self) -> None:
        """Finish all work and compare everything."""
        self.run(self._finish())

    def having(self, status: SessionStatus) -> list[SessionId]:
        """Return the sessions of a status, in the order in which they were opened."""
        return [id_ for id_, session in self.model.sessions.items() if session.status is status]

    def picked(self, status: SessionStatus, pick: int) -> SessionId:
        """Return one of the sessions of a status."""
        found = self.having(status)
        return found[pick % len(found)]

    async def _begin(self, history: Sequence[Sequence[tuple[str, str]]]) -> None:
        stores = self.bench.stores
        await stores.users.database.get("FLUSHDB")
        await stores.jobs.streams.prepare()
        await stores.outbox.streams.prepare()
        settings = ProjectSettings(merge_conflict_enabled=True)
        project = await self.bench.application.projects.create(None, name="test", settings=settings)
        self.project_id: ProjectId = project.project_id
        self.user: User = await self._new_user()
        for said in history:
            await self._open(said, timed=False, over=True)
            (job,) = await self._claim()
            await self._work(job, Interruption(-1))

    async def _new_user(self) -> User:
        new = NewUser(user_id=UserId("user"), metadata={}, merge_conflict_enabled=None)
        return await self.bench.application.users.create(self.project_id, new, idempotency_key=None)

    async def _open(self, said: Sequence[tuple[str, str]], *, timed: bool, over: bool) -> None:
        new = NewSession(metadata={}, auto_process_after=timedelta(0) if timed else None)
        session = await self.bench.stores.sessions.create(self.user.scope, new)
        self.model.sessions[session.session_id] = PlainSession(timed=timed)
        await self._say(session.session_id, said)
        if over:
            await self._process(session.session_id)

    async def _say(self, session_id: SessionId, said: Sequence[tuple[str, str]]) -> None:
        messages = [NewMessage(role=MessageRole.USER, content=fact(topic, value)) for topic, value in said]
        key = str(uuid4())
        first = await self.bench.stores.sessions.add_messages(self.user.scope, session_id, messages, idempotency_key=key)
        # a caller whose answer was lost sends it again
        again = await self.bench.stores.sessions.add_messages(self.user.scope, session_id, messages, idempotency_key=key)
        assert first == again
        self.model.say(session_id, said)

    async def _process(self, session_id: SessionId) -> None:
        await self.bench.application.sessions.process(self.project_id, UserId("user"), session_id)
        self.model.sessions[session_id].status = SessionStatus.PROCESSING

    async def _fire(self) -> None:
        due = [session for session in self.model.sessions.values() if session.timed and session.status is SessionStatus.PENDING]
        assert len(due) == await self.bench.stores.jobs.fire_due_timers()
        for session in due:
            session.status = SessionStatus.PROCESSING

    async def _claim(self) -> Sequence[Job]:
        """Claim every job there is. Jobs that were claimed before stay at hand: their workers may only be slow."""
        claimed = await self.bench.stores.jobs.claim(str(uuid4()), 100)
        answered = {conflict.age[1] for conflict in self.model.answered()}
        assert answered | set(self.having(SessionStatus.PROCESSING)) == {_subject(job) for job in claimed}
        self.held += [job for job in claimed if _subject(job) not in set(map(_subject, self.held))]
        return claimed

    def _interruption(self, event: Event) -> Interruption:
        match event.what:
            case "before" | "after":
                return Interruption(event.at, crash=True, before=event.what == "before")
            case "another":
                return Interruption(event.at, first=lambda: self._another(event.pick))
            case what:
                return Interruption(event.at, first=lambda: self._overtake(cast(int, what), event.pick))

    async def _overtake(self, what: int, pick: int) -> None:
        """Change something, and maybe bring the index up to date before whoever is interrupted goes on."""
        await self._meddle(what, pick)
        if pick % 2:
            await self._sync(Interruption(-1))

    async def _write_late(self, said: Sequence[tuple[str, str]], *, gone: bool) -> None:
        await self._drain()
        session_id = await self._remember(said)

        async def overtake() -> None:
            if gone:
                await self.bench.application.sessions.delete(self.project_id, UserId("user"), session_id)
                self.model.forget_session(session_id)
            else:
                # another value for every topic
                await self._remember([(topic, VALUES[VALUES.index(value) - 1]) for topic, value in said])
            while await self.bench.application.sync_index("another"):
                pass

        await self._sync(Interruption(0, named="upsert", first=overtake))
        await self._drain()

    async def _remember(self, said: Sequence[tuple[str, str]]) -> SessionId:
        """Say something in a session of its own and process it."""
        await self._open(said, timed=False, over=True)
        session_id = list(self.model.sessions)[-1]
        await self._claim()
        await self._work(next(job for job in self.held if job.session_id == session_id), Interruption(-1))
        return session_id

    async def _another(self, pick: int) -> None:
        """Let another worker do the whole of a job."""
        if self.held:
            await self._work(self.held[pick % len(self.held)], Interruption(-1))

    async def _work_on(self, pick: int, *, again: bool, event: Event) -> None:
        if not (again and self.held):
            await self._claim()
        if self.held:
            await self._work(self.held[pick % len(self.held)], self._interruption(event))

    async def _work(self, job: Job, interruption: Interruption) -> None:
        await self._observe()
        worker = processor if job.conflict_id is None else settler
        with suppress(Crash):
            assert CommitOutcome.STALE_MEMORIES != await worker(self.bench, interruption)(job)
        await self._observe()

    async def _contradict(self, pick: int, choice: Choice, event: Event) -> None:
        if not self.model.unanswered():
            topics = self.model.lasting()
            topic = topics[pick % len(topics)]
            known = self.model.memories[topic][-1].value
            await self._remember([(topic, VALUES[VALUES.index(known) - 1])])
        if self.model.unanswered():
            answered = await self._answer(pick, choice)
            await self._claim()
            await self._work(next(job for job in self.held if job.conflict_id == answered), self._interruption(event))

    async def _answer(self, pick: int, choice: Choice) -> ConflictId:
        conflicts = self.model.unanswered()
        conflict = conflicts[pick % len(conflicts)]
        found = conflict.found
        assert found is not None
        answers = [Answer(question=one.question, answer=one.options[list(Choice).index(choice)]) for one in found.questions]
        await self.bench.application.conflicts.resolve(self.project_id, UserId("user"), found.conflict_id, answers)
        conflict.choice = choice
        return found.conflict_id

    async def _observe(self) -> None:
        """Let the model follow a commit that was made, and compare."""
        stored = {one.conflict_id: one.status for one in await self.bench.stores.conflicts.every(self.user.scope)}
        for conflict in self.model.answered():
            if stored.get(ConflictId(conflict.age[1])) is ConflictStatus.RESOLVED:
                self.model.settle(conflict)
        # one that was settled may have removed what another is about, which is gone then
        assert {stored.get(ConflictId(conflict.age[1])) for conflict in self.model.answered()} <= ANSWERED
        for session_id in self.having(SessionStatus.PROCESSING):
            session = await self.bench.stores.sessions.get(self.user.scope, session_id)
            assert session.status in {SessionStatus.PROCESSING, SessionStatus.PROCESSED}
            if session.status is SessionStatus.PROCESSED:
                self.model.commit(session_id)
        await self._compare()

    async def _meddle(self, what: int, victim: int) -> None:
        """Say something, delete a session, a version, or a version and all older ones, or answer; nothing when there is none."""
        await self._observe()
        calls, user_id = self.bench.application, UserId("user")
        sessions, topics = list(self.model.sessions), sorted(self.model.memories)
        if what == 0:
            await self._open(
                [(TOPICS[victim % len(TOPICS)], VALUES[victim % len(VALUES)])], timed=bool(victim % 2), over=bool(victim % 3)
            )
        elif what == 1 and sessions:
            session_id = sessions[victim % len(sessions)]
            await calls.sessions.delete(self.project_id, user_id, session_id)
            self.model.forget_session(session_id)
        elif what == 4 and self.model.unanswered():
            await self._answer(victim, list(Choice)[victim % len(Choice)])
        elif what in {2, 3} and topics:
            topic = topics[victim % len(topics)]
            place = victim % len(self.model.memories[topic])
            (chain,) = [chain for chain in await self._chains() if plain(chain)[0] == topic]
            memory_id, with_older = chain.versions[place].memory_id, what == 3
            await calls.memory.delete(self.project_id, user_id, memory_id, with_older=with_older)
            self.model.forget_version(topic, place, with_older=with_older)
        await self._compare()

    async def _delete_user(self) -> None:
        self.gone.append(self.user.scope)
        await self.bench.application.users.delete(self.project_id, UserId("user"))
        self.user, self.model = await self._new_user(), PlainUser()

    async def _sync(self, interruption: Interruption) -> None:
        try:
            await indexer(self.bench, interruption)(str(uuid4()))
        except Crash:
            return
        except ExceptionGroup as failures:
            # each scope dies on its own
            _, others = failures.split(Crash)
            if others is not None:
                raise others from None

    async def _drain(self) -> None:
        while await self.bench.application.sync_index("test"):
            pass
        index, embedder = self.bench.application.index, self.bench.application.embedder
        chains = await self._chains()
        expected = (frozenset(chain.chain_id for chain in chains), self.model.summarised(), self.model.turns())
        for kind, ids in zip((IndexedKind.MEMORY, IndexedKind.SUMMARY, IndexedKind.TURN), expected, strict=True):
            assert ids == await index.record_ids(kind, self.user.scope)
            for scope in self.gone:
                assert frozenset() == await index.record_ids(kind, scope)
        vectors = await embedder.embed([chain.current.content for chain in chains])
        queries = [IndexQuery(kind=IndexedKind.MEMORY, name=DENSE, vector=vector) for vector in vectors]
        found = await index.search(self.user.scope, queries) if queries else []
        for chain, hits in zip(chains, found, strict=True):
            assert [chain.chain_id] == [hit.record_id for hit in hits if hit.score > SAME]

    async def _finish(self) -> None:
        while self.having(SessionStatus.PROCESSING) or self.model.answered():
            for job in await self._claim():
                await self._work(job, Interruption(-1))
        await self._drain()
        assert [] == await self.bench.stores.jobs.claim("test", 100)
        assert QueueDepth(jobs=0, outbox=0, dead=0) == await self.bench.stores.jobs.depth()
        for scope in self.gone:
            assert [] == await self.bench.stores.users.database.get("KEYS", f"*{scope.user_key}*")

    async def _chains(self) -> Sequence[MemoryChain]:
        return await all_chains(self.bench.stores, self.user.scope)

    async def _compare(self) -> None:
        """Compare the records with the model."""
        await compare_records(self.bench.stores, self.user.scope, self.model)


def _subject(job: Job) -> str:
    """Return the id of the session or conflict that a job is about."""
    return job.conflict_id or job.session_id


# a failure is made smaller again and again before it is told
@pytest.mark.timeout(600)
async def test_effects_are_exactly_once(engines: Engines, embedder: Embedder, index: VectorIndex, clock: FakeClock) -> None:
    """Nothing is lost, nothing is there twice, and the index follows. `make soak` runs it for longer."""
    url = engines.settings(database=DATABASE).redis_url or ""
    # leases end at once, so that whatever a dead worker held is there to be claimed
    async with open_stores(url, buckets=2, lease=timedelta(0)) as stores:
        application = build_application(stores, index, embedder, clock, pepper=b"pepper")
        bench = Bench(loop=asyncio.get_running_loop(), application=application, stores=stores, clock=clock)
        profile = settings(deadline=None, suppress_health_check=list(HealthCheck))
        machine = cast(type[RuleBasedStateMachine], partial(Histories, bench))
        await asyncio.to_thread(run_state_machine_as_test, machine, settings=profile)
