"""Whatever happens between, nothing shows what was forgotten, and every receipt counts what a plain model counts."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple, TypeVar, cast
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from service.domain.deletions import DeletedCounts, ForgetFilter
from service.domain.documents import Chunk, ChunkRules, NewDocument
from service.domain.ids import DocumentId, ProjectId, SessionId, UploadId, UserId
from service.domain.memories import MemoryFilter, Source
from service.domain.ports.index import SPARSE_VECTORS, IndexQuery, VectorIndex
from service.domain.ports.models import Embedder
from service.domain.ports.work import Job
from service.domain.projects import ProjectSettings
from service.domain.recall import StrategyName
from service.domain.sessions import MessageRole, NewMessage, NewSession, SessionOrigin
from service.domain.users import NewUser, User
from service.storage.redis import RedisStores, open_stores
from service.wiring import build_application
from tests.conftest import Engines, FakeClock
from tests.usecases.conftest import DATABASE
from tests.usecases.interruptions import NEVER, Crash, Interruption
from tests.usecases.plain import TOPICS, fact
from tests.usecases.shown import everything_shown
from tests.usecases.workers import Bench, indexer, processor
from tests.usecases.world import EVERYTHING, World

T = TypeVar("T")

START = datetime(2024, 1, 1, tzinfo=UTC)
HOURS = 12
THREADS = ("", "a", "b")
USER = UserId("user")
picks = st.integers(0, 100)
hours = st.integers(0, HOURS)
said = st.lists(st.tuples(st.sampled_from(TOPICS), st.integers(0, 3), hours), min_size=1, max_size=3)


class Said(NamedTuple):
    """A message: the text, the word in it that is found nowhere else but in others of its value, and its time."""

    text: str
    word: str
    time: datetime
    thread: str


class Noted(NamedTuple):
    """A document of one chunk: the word in it, and its thread."""

    word: str
    thread: str


@dataclass(slots=True)
class Model:
    """What was said and what of it is forgotten."""

    messages: dict[Source, Said] = field(default_factory=dict)
    forgotten: set[Source] = field(default_factory=set)
    documents: dict[DocumentId, Noted] = field(default_factory=dict)
    dropped: set[DocumentId] = field(default_factory=set)
    replaced: set[str] = field(default_factory=set)
    """Words of uploads that newer ones replaced: nobody asked to forget them, so their points may go when a worker comes."""

    def covered(self, wanted: ForgetFilter) -> set[Source]:
        """Return the messages that are not forgotten yet and that meet every condition."""
        return {
            source
            for source, one in self.messages.items()
            if source not in self.forgotten
            and wanted.thread in {None, one.thread}
            and wanted.session_id in {None, source.session_id}
            and (wanted.from_time is None or wanted.from_time <= one.time)
            and (wanted.to_time is None or one.time < wanted.to_time)
        }

    def covered_documents(self, wanted: ForgetFilter) -> set[DocumentId]:
        """Return the documents that are there and that meet every condition: all were uploaded after any span of time."""
        if wanted.session_id is not None or wanted.to_time is not None:
            return set()
        return {id_ for id_, one in self.documents.items() if id_ not in self.dropped and wanted.thread in {None, one.thread}}

    def secret_words(self) -> set[str]:
        """Return the words that only forgotten messages and documents hold."""
        known = {one.word for source, one in self.messages.items() if source not in self.forgotten}
        known |= {one.word for id_, one in self.documents.items() if id_ not in self.dropped}
        gone = {self.messages[one].word for one in self.forgotten} | {self.documents[one].word for one in self.dropped}
        return gone - known


class Histories(RuleBasedStateMachine):
    """One user's history. Rules run in a thread of Hypothesis, what they do in the loop of the engines' clients."""

    def __init__(self, bench: Bench, impatient: RedisStores) -> None:
        """Begin with nothing. For *impatient* stores every intent is one whose writer died."""
        super().__init__()
        self.bench = bench
        self.impatient = impatient
        self.model = Model()
        self.open: list[SessionId] = []
        self.held: list[Job] = []
        self.receipts = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something real."""
        return asyncio.run_coroutine_threadsafe(work, self.bench.loop).result()

    @initialize(first=said, second=said)
    def begin(self, first: Sequence[tuple[str, int, int]], second: Sequence[tuple[str, int, int]]) -> None:
        """Make a user who was remembered."""
        self.run(self._begin([first, second]))

    @rule(said=said, thread=st.sampled_from(THREADS), over=st.booleans())
    def speak(self, said: Sequence[tuple[str, int, int]], thread: str, over: bool) -> None:  # noqa: FBT001 - Hypothesis names it
        """Say something in a new session, and maybe ask for it to be processed."""
        self.run(self._speak(said, thread, over=over))

    @rule(said=said, pick=picks)
    def go_on(self, said: Sequence[tuple[str, int, int]], pick: int) -> None:
        """Say something more in an open session."""
        if self.open:
            self.run(self._say(self.open[pick % len(self.open)], said))

    @rule(topic=st.sampled_from(TOPICS), number=st.integers(0, 3), thread=st.sampled_from(THREADS), again=picks)
    def upload(self, topic: str, number: int, thread: str, again: int) -> None:
        """Upload a document, in the place of an older one maybe."""
        self.run(self._upload(topic, number, thread, again))

    @rule(pick=picks, at=st.integers(0, 12), what=st.sampled_from(["nothing", "crash", "forget"]), first=hours, last=hours)
    def work(self, pick: int, at: int, what: str, first: int, last: int) -> None:
        """Work on a job, again maybe, while the worker dies or something is forgotten."""
        self.run(self._work(pick, at, what, _span(first, last)))

    @rule(crash=st.integers(0, 8))
    def index(self, crash: int) -> None:
        """Bring the index up to date, until the worker dies maybe."""
        self.run(self._index(crash))

    @rule(thread=st.sampled_from([None, *THREADS[1:]]), first=hours, last=hours, everything=st.booleans())
    def forget(self, thread: str | None, first: int, last: int, everything: bool) -> None:  # noqa: FBT001 - as above
        """Forget a thread or not, a span of time or not."""
        span = ForgetFilter() if everything else _span(first, last)
        self.run(self._forget(ForgetFilter(thread=thread, from_time=span.from_time, to_time=span.to_time)))

    @rule(pick=picks, crash=st.integers(0, 3))
    def forget_session(self, pick: int, crash: int) -> None:
        """Forget a session; whoever does it may die, and the workers finish it."""
        self.run(self._forget_and_die(pick, crash))

    def teardown(self) -> None:
        """Finish all work and compare everything."""
        self.run(self._finish())

    @property
    def scope(self) -> Any:
        """The user's scope."""
        return self.user.scope

    async def _begin(self, history: Sequence[Sequence[tuple[str, int, int]]]) -> None:
        stores = self.bench.stores
        await stores.users.database.get("FLUSHDB")
        await stores.jobs.streams.prepare()
        await stores.outbox.streams.prepare()
        await stores.bulk.streams.prepare()
        project = await self.bench.application.projects.create(None, name="test", settings=ProjectSettings())
        self.project_id: ProjectId = project.project_id
        new = NewUser(user_id=USER, metadata={}, merge_conflict_enabled=False)
        self.user: User = await self.bench.application.users.create(self.project_id, new, idempotency_key=None)
        for number, said in enumerate(history):
            await self._speak(said, THREADS[number], over=True)
            await self._work(0, 0, "nothing", ForgetFilter())

    async def _speak(self, said: Sequence[tuple[str, int, int]], thread: str, *, over: bool) -> None:
        new = NewSession(metadata={}, auto_process_after=None, origin=SessionOrigin(thread=thread))
        session = await self.bench.stores.sessions.create(self.scope, new)
        self.open.append(session.session_id)
        await self._say(session.session_id, said)
        if over:
            self.open.remove(session.session_id)
            await self.bench.stores.sessions.start_processing(self.scope, session.session_id)

    async def _say(self, session_id: SessionId, said: Sequence[tuple[str, int, int]]) -> None:
        thread = (await self.bench.stores.sessions.get(self.scope, session_id)).origin.thread
        ones = [
            Said(fact(topic, f"{topic}{number}"), f"{topic}{number}", START + timedelta(hours=hour), thread)
            for topic, number, hour in said
        ]
        messages = [NewMessage(role=MessageRole.USER, content=one.text, timestamp=one.time) for one in ones]
        stored = await self.bench.stores.sessions.add_messages(self.scope, session_id, messages)
        for message, one in zip(stored, ones, strict=True):
            self.model.messages[Source(session_id=session_id, message_index=message.index)] = one

    async def _upload(self, topic: str, number: int, thread: str, again: int) -> None:
        there = [id_ for id_ in self.model.documents if id_ not in self.model.dropped]
        document_id = there[again % len(there)] if there and again % 2 else DocumentId(str(uuid4()))
        upload_id, word = UploadId(str(uuid4())), f"{topic}{number}"
        new = NewDocument(
            document_id=document_id,
            name="notes",
            origin=SessionOrigin(thread=thread),
            rules=ChunkRules(),
            size_bytes=1,
            sections=(),
            chunks=[Chunk(upload_id=upload_id, place=0, start=0, title=None, text=fact(topic, word))],
            upload_id=upload_id,
        )
        if document_id in self.model.documents:
            self.model.replaced.add(self.model.documents[document_id].word)
        await self.bench.stores.documents.put(self.scope, new)
        self.model.documents[document_id] = Noted(word, thread)

    async def _work(self, pick: int, at: int, what: str, span: ForgetFilter) -> None:
        self.held = [*self.held[-3:], *await self.bench.stores.jobs.claim(str(uuid4()), 100)]
        if not self.held:
            return
        first = (lambda: self._forget(span)) if what == "forget" else None
        interruption = Interruption(at, crash=what == "crash", before=bool(pick % 2), first=first)
        with suppress(Crash):
            await processor(self.bench, interruption)(self.held[pick % len(self.held)])

    async def _index(self, crash: int) -> None:
        with suppress(ExceptionGroup, Crash):
            await indexer(self.bench, Interruption(crash, crash=True))(str(uuid4()))
        if crash % 2:
            await self._index_chunks()

    async def _index_chunks(self) -> None:
        while await self.bench.application.sync_bulk("test"):
            pass
        self.model.replaced.clear()

    async def _forget(self, wanted: ForgetFilter) -> None:
        expected = await self._expected(wanted)
        receipt = await self.bench.application.deletions.forget(self.project_id, USER, wanted)
        self._forgotten(wanted)
        assert expected == receipt.deletion.counts
        await self._compare()

    async def _forget_and_die(self, pick: int, crash: int) -> None:
        # in the order in which they were opened: their ids differ from run to run
        sessions = list(dict.fromkeys(source.session_id for source in self.model.messages))
        wanted = ForgetFilter(session_id=sessions[pick % len(sessions)])
        expected = await self._expected(wanted)
        forget = self._world().forgetting(self.bench.clock, Interruption(crash, crash=True, before=bool(pick % 2)))
        with suppress(Crash):
            await forget(self.project_id, USER, wanted)
        while await self.bench.application.sync_index("test"):
            pass
        await self.impatient.jobs.fire_due_timers()
        receipts = await self.bench.stores.receipts.list(self.project_id, EVERYTHING)
        if receipts.total == self.receipts:
            # it died before anything was done
            assert expected == await self._expected(wanted)
        else:
            self._forgotten(wanted)
            assert expected == receipts.items[0].deletion.counts
        await self._compare()

    def _forgotten(self, wanted: ForgetFilter) -> None:
        self.model.forgotten |= self.model.covered(wanted)
        self.model.dropped |= self.model.covered_documents(wanted)
        self.receipts += 1

    async def _expected(self, wanted: ForgetFilter) -> DeletedCounts:
        """Count what is there and has to go."""
        covered = self.model.covered(wanted)
        chains = (await self.bench.stores.memories.list(self.scope, EVERYTHING, MemoryFilter())).items
        tainted = [[not covered.isdisjoint(version.sources) for version in chain.versions] for chain in chains]
        sessions = sorted({source.session_id for source in covered})
        summaries = sum(one is not None for one in await self.bench.stores.sessions.summaries(self.scope, sessions))
        chunks = len(self.model.covered_documents(wanted))
        return DeletedCounts(
            chunks=chunks,
            messages_forgotten=len(covered),
            summaries=summaries,
            memory_versions=sum(map(sum, tainted)),
            points=len(covered) + summaries + sum(versions[-1] for versions in tainted) + chunks,
        )

    async def _compare(self) -> None:
        """Look for what was forgotten wherever something is shown."""
        strategy = list(StrategyName)[len(self.model.messages) % len(StrategyName)]
        shown = await everything_shown(self._world(), [strategy])
        secret = self.model.secret_words()
        assert set() == {word for word in secret if f" {word}." in shown}
        assert set() == await self._points(sorted(secret - self.model.replaced))
        verdict = await self.bench.application.deletions.verify_receipts(self.project_id)
        assert (self.receipts, None) == (verdict.length, verdict.broken)

    async def _points(self, words: Sequence[str]) -> set[tuple[str, str]]:
        """Return what the index finds by any of *words*."""
        kinds = [(kind, name) for kind, names in SPARSE_VECTORS.items() for name in names]
        queries = [IndexQuery(kind=kind, name=name, text=word) for word in words for kind, name in kinds]
        found = await self.bench.application.index.search(self.scope, queries) if queries else []
        return {(query.text or "", hit.record_id) for query, hits in zip(queries, found, strict=True) for hit in hits}

    async def _finish(self) -> None:
        """Do all work there is: what is not forgotten is remembered, with its message, and nothing else is."""
        while jobs := await self.bench.stores.jobs.claim("test", 100):
            for job in jobs:
                await processor(self.bench, NEVER)(job)
        while await self.bench.application.sync_index("test"):
            pass
        await self._index_chunks()
        await self._compare()
        chains = (await self.bench.stores.memories.list(self.scope, EVERYTHING, MemoryFilter())).items
        remembered = {(source, version.content) for chain in chains for version in chain.versions for source in version.sources}
        expected = {
            (source, one.text)
            for source, one in self.model.messages.items()
            if source not in self.model.forgotten and source.session_id not in self.open
        }
        assert expected == remembered

    def _world(self) -> World:
        return World(application=self.bench.application, project_id=self.project_id, user=self.user)


def _span(first: int, last: int) -> ForgetFilter:
    """Return the condition on times between two hours."""
    early, late = sorted((first, last))
    return ForgetFilter(from_time=START + timedelta(hours=early), to_time=START + timedelta(hours=late))


# a failure is made smaller again and again before it is told
@pytest.mark.timeout(600)
async def test_forgetting_is_for_good(engines: Engines, embedder: Embedder, index: VectorIndex, clock: FakeClock) -> None:
    """Nothing shows it, what was not meant is remembered, and the receipts tell of it. `make soak` runs it for longer."""
    url = engines.settings(database=DATABASE).redis_url or ""
    now = timedelta(0)
    # leases end at once, so that whatever a dead worker held is there to be claimed
    # and every change that can be made in parts is made in as many as there can be
    patient, hasty = open_stores(url, buckets=2, lease=now, part=1), open_stores(url, buckets=2, lease=now, grace=now)
    async with patient as stores, hasty as impatient:
        application = build_application(stores, index, embedder, clock, pepper=b"pepper")
        loop = asyncio.get_running_loop()
        bench = Bench(loop=loop, application=application, stores=stores, clock=clock)
        # each step looks everywhere, so there are fewer of them
        number = settings().max_examples // 7
        profile = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=number, stateful_step_count=15)
        machine = cast(type[RuleBasedStateMachine], partial(Histories, bench, impatient))
        await asyncio.to_thread(run_state_machine_as_test, machine, settings=profile)
