"""Workers over real stores, all of whose ports can be interrupted."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from service.storage.redis import RedisStores
from service.usecases.conflicts.settle import SettleConflict
from service.usecases.conflicts.wording import Wording
from service.usecases.indexing.points import PointMaker
from service.usecases.indexing.sync import SyncIndex
from service.usecases.indexing.truth import TruthReader
from service.usecases.processing.plan import Planner
from service.usecases.processing.process_session import ProcessSession
from service.wiring import Application
from tests.conftest import FakeClock
from tests.usecases.interruptions import Interrupted, Interruption
from tests.usecases.plain import LASTING, PlainExtractor


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Everything real that the histories run on."""

    loop: asyncio.AbstractEventLoop
    application: Application
    stores: RedisStores
    clock: FakeClock


def processor(bench: Bench, interruption: Interruption) -> ProcessSession:
    """Return a worker of its own."""
    stores, calls, extractor = bench.stores, bench.application, PlainExtractor(contradicting=LASTING)

    def port(one: object) -> Any:
        return Interrupted(one, interruption)

    planner = Planner(
        memories=port(stores.memories),
        conflicts=port(stores.conflicts),
        index=port(calls.index),
        outbox=port(stores.outbox),
        embedder=port(calls.embedder),
        extractor=port(extractor),
    )
    # time goes on from version to version
    bench.clock.advance(timedelta(seconds=1))
    return ProcessSession(
        projects=port(stores.projects),
        users=port(stores.users),
        sessions=port(stores.sessions),
        memories=port(stores.memories),
        jobs=port(stores.jobs),
        extractor=port(extractor),
        planner=planner,
        clock=bench.clock,
    )


def settler(bench: Bench, interruption: Interruption) -> SettleConflict:
    """Return a worker that does what answers say."""
    stores, calls, extractor = bench.stores, bench.application, PlainExtractor()
    bench.clock.advance(timedelta(seconds=1))
    return SettleConflict(
        conflicts=cast(Any, Interrupted(stores.conflicts, interruption)),
        memories=cast(Any, Interrupted(stores.memories, interruption)),
        jobs=cast(Any, Interrupted(stores.jobs, interruption)),
        wording=Wording(extractor, calls.embedder, bench.clock),
        clock=bench.clock,
    )


def indexer(bench: Bench, interruption: Interruption) -> SyncIndex:
    """Return a worker that brings the index up to date."""
    stores, calls = bench.stores, bench.application
    sessions = cast(Any, Interrupted(stores.sessions, interruption))
    return SyncIndex(
        outbox=cast(Any, Interrupted(stores.outbox, interruption)),
        index=cast(Any, Interrupted(calls.index, interruption)),
        reader=TruthReader(sessions, cast(Any, Interrupted(stores.memories, interruption)), stores.documents),
        points=PointMaker(sessions, cast(Any, Interrupted(calls.embedder, interruption))),
    )
