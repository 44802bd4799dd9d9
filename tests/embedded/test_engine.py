"""The embedded vector engine keeps what it has answered, and is reached again after it was away."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from itertools import count
from typing import cast

import grpc
import pytest
from mneme.internal.v1 import vector_index_pb2 as pb
from mneme.internal.v1.vector_index_pb2_grpc import VectorIndexServiceStub

from frames.client import open_channel
from service.domain.errors import StorageUnavailable
from service.domain.ports.work import IndexedKind
from service.storage.embedded import open_index
from service.storage.embedded.client import EmbeddedIndex
from service.storage.embedded.engine.__main__ import refuse_old_library
from service.storage.embedded.process import ServerStartFailed
from service.storage.embedded.vector_engine import start_engine
from tests.contract.index.builders import DIMENSION, EAST, MODEL, found, like, point, scope, words
from tests.embedded.conftest import Home
from tests.embedded.waiting import wait_until

WRITERS = 6


@pytest.mark.parametrize("enough", [1, 20, 60, 120])
async def test_a_kill_loses_no_answered_write(home: Home, enough: int) -> None:
    """Whatever was answered before SIGKILL is there after a restart: points written, replaced and deleted."""
    written: set[str] = set()
    deleted: set[str] = set()
    async with start_engine(home.data, home.socket) as engine, open_index(home.socket) as index:
        await index.prepare(model=MODEL, dimension=DIMENSION)
        writers = [asyncio.create_task(_write(index, f"w{number}", written, deleted)) for number in range(WRITERS)]
        await wait_until(lambda: len(written) > enough, "enough writes were answered")
        os.kill(engine.pid, signal.SIGKILL)
        await engine.wait()
        # they would wait for an engine that comes back
        for writer in writers:
            writer.cancel()
        await asyncio.gather(*writers, return_exceptions=True)
    async with start_engine(home.data, home.socket), open_index(home.socket) as index:
        kept = await index.record_ids(IndexedKind.TURN, scope())
        assert (set(), set()) == (written - kept, deleted & kept)


async def _write(index: EmbeddedIndex, writer: str, written: set[str], deleted: set[str]) -> None:
    """Write points, and delete every third again, for ever."""
    for number in count():
        record_id = f"{writer}:{number}"
        await index.upsert([point(record_id)])
        written.add(record_id)
        if number % 3 == 2:
            # not expected any more before the call: a delete without an answer may have happened
            gone = f"{writer}:{number - 2}"
            written.discard(gone)
            await index.delete(IndexedKind.TURN, scope(), [gone])
            deleted.add(gone)


async def test_the_last_answered_write_survives_a_kill_in_the_next_instant(home: Home) -> None:
    """Nothing is put off until after the answer."""
    for number in range(3):
        async with start_engine(home.data, home.socket) as engine, open_index(home.socket) as index:
            await index.prepare(model=MODEL, dimension=DIMENSION)
            await index.upsert([point(f"r{number}")])
            os.kill(engine.pid, signal.SIGKILL)
            await engine.wait()
    async with start_engine(home.data, home.socket), open_index(home.socket) as index:
        assert {"r0", "r1", "r2"} == await index.record_ids(IndexedKind.TURN, scope())


async def test_points_and_words_survive_an_orderly_stop(home: Home) -> None:
    """A restart needs no `prepare` and finds by meaning and by word."""
    async with start_engine(home.data, home.socket), open_index(home.socket) as index:
        await index.prepare(model=MODEL, dimension=DIMENSION)
        await index.upsert([point("r", text="plays the theremin")])
    async with start_engine(home.data, home.socket), open_index(home.socket) as index:
        assert ["r"] == await found(index, like(EAST))
        assert ["r"] == await found(index, words("theremin"))


async def test_a_search_waits_for_an_engine_that_comes_back(home: Home) -> None:
    """A caller does not notice a restart but by the time it takes."""
    async with open_index(home.socket, search_seconds=20) as index:
        async with start_engine(home.data, home.socket) as engine:
            await index.prepare(model=MODEL, dimension=DIMENSION)
            await index.upsert([point("r")])
            os.kill(engine.pid, signal.SIGKILL)
            await engine.wait()
        search = asyncio.create_task(found(index, like(EAST)))
        async with start_engine(home.data, home.socket):
            assert ["r"] == await search


async def test_an_engine_that_stays_away_is_unavailable(home: Home) -> None:
    """After the call's own deadline, and with the name of the store and no path."""
    async with open_index(home.socket, search_seconds=0.3) as index:
        with pytest.raises(StorageUnavailable, match="The qdrant store is unavailable"):
            await found(index, like(EAST))


async def test_concurrent_writes_are_all_kept(home: Home) -> None:
    """Writes that share one flush are each answered and each there."""
    async with start_engine(home.data, home.socket), open_index(home.socket) as index:
        await index.prepare(model=MODEL, dimension=DIMENSION)
        await asyncio.gather(*(index.upsert([point(f"r{number}")]) for number in range(200)))
        assert 200 == await index.count(IndexedKind.TURN)


async def test_a_vector_of_a_wrong_length_is_refused_and_nothing_written(home: Home) -> None:
    """Not even the good points of the same call, and the engine goes on."""
    async with start_engine(home.data, home.socket), open_index(home.socket) as index:
        await index.prepare(model=MODEL, dimension=DIMENSION)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await index.upsert([point("good"), point("bad", vector=(1.0, 0.0))])
        assert grpc.StatusCode.INVALID_ARGUMENT == caught.value.code()
        assert 0 == await index.count(IndexedKind.TURN)


async def test_an_unknown_kind_is_refused(home: Home) -> None:
    """A kind that this release does not know is an error of the caller."""
    async with start_engine(home.data, home.socket), open_channel(home.socket) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await VectorIndexServiceStub(cast("grpc.aio.Channel", channel)).Count(pb.CountRequest())
        assert grpc.StatusCode.INVALID_ARGUMENT == caught.value.code()


async def test_an_index_that_was_never_prepared_says_so(home: Home) -> None:
    """It does not answer as if it were empty."""
    async with start_engine(home.data, home.socket), open_index(home.socket) as index:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await index.upsert([point("r")])
        assert grpc.StatusCode.FAILED_PRECONDITION == caught.value.code()


async def test_a_reset_that_a_crash_cut_short_is_made_good(home: Home) -> None:
    """Collections without the note of their model are not trusted: they are made anew."""
    async with start_engine(home.data, home.socket), open_index(home.socket) as index:
        await index.prepare(model=MODEL, dimension=DIMENSION)
        await index.upsert([point("r")])
    (home.data / "model.json").unlink()
    async with start_engine(home.data, home.socket), open_index(home.socket) as index:
        await index.prepare(model="other-model", dimension=2)
        assert 0 == await index.count(IndexedKind.TURN)


async def test_a_kind_that_is_new_is_made_beside_the_others(home: Home) -> None:
    """Data of a release that did not know it is kept, and a start that was cut short leaves nothing in its place."""
    async with start_engine(home.data, home.socket), open_index(home.socket) as index:
        await index.prepare(model=MODEL, dimension=DIMENSION)
        await index.upsert([point("r")])
    shutil.rmtree(home.data / "chunks")
    (home.data / "chunks.draft").mkdir()
    async with start_engine(home.data, home.socket), open_index(home.socket) as index:
        await index.prepare(model=MODEL, dimension=DIMENSION)
        await index.upsert([point("c", kind=IndexedKind.CHUNK)])
        assert [{"r"}, {"c"}] == [await index.record_ids(kind, scope()) for kind in (IndexedKind.TURN, IndexedKind.CHUNK)]


async def test_broken_files_stop_the_start(home: Home) -> None:
    """The error carries what the engine said last."""
    async with start_engine(home.data, home.socket), open_index(home.socket) as index:
        await index.prepare(model=MODEL, dimension=DIMENSION)
    (home.data / "turns" / "edge_config.json").write_text("{")
    with pytest.raises(ServerStartFailed, match="Traceback"):
        async with start_engine(home.data, home.socket):
            pass


async def test_an_engine_that_cannot_reach_its_disk_ends_and_loses_nothing_answered(home: Home) -> None:
    """It does not go on with what is in memory: the next start is at what is on disk."""
    log, aside = home.data / "turns" / "wal", home.data / "aside"
    async with start_engine(home.data, home.socket) as engine, open_index(home.socket) as index:
        await index.prepare(model=MODEL, dimension=DIMENSION)
        await index.upsert([point("before")])
        log.rename(aside)
        unanswered = asyncio.create_task(index.upsert([point("after")]))
        assert 1 == await engine.wait()
        unanswered.cancel()
    aside.rename(log)
    async with start_engine(home.data, home.socket), open_index(home.socket) as index:
        assert {"before"} == await index.record_ids(IndexedKind.TURN, scope()) - {"after"}


@pytest.mark.parametrize("version", ["0.8.0", "0.7.2"])
def test_a_library_that_loses_data_is_refused(version: str) -> None:
    """Versions before 0.9.0 never read the log that they write."""
    with pytest.raises(SystemExit, match=f"qdrant-edge-py {version} loses data"):
        refuse_old_library(version)


@pytest.mark.parametrize("version", ["0.9.0", "0.10.1", "1.0.0", "1.0.0rc1"])
def test_a_newer_library_is_taken(version: str) -> None:
    """Versions are compared as numbers."""
    refuse_old_library(version)
