"""
What the engine answered survives a loss of power.

Power cannot be cut here. What is left after it, at worst, can be put together: the segments as they were at the last checkpoint,
which is when they were last flushed, beside the log, which is synced before each answer.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from qdrant_edge import UpdateOperation

from service.domain.ports.work import IndexedKind
from service.storage.bm25 import WordEncoder
from service.storage.embedded.encode import encode_point
from service.storage.embedded.engine.collections import Collections, sync_files
from service.storage.embedded.engine.model_file import IndexModel
from service.storage.embedded.engine.translate import to_filter, to_point
from service.storage.points import point_id, tenant_key
from tests.contract.index.builders import DIMENSION, MODEL, point, scope

TURN = IndexedKind.TURN
LOG = Path(TURN.value) / "wal"


def _write(collections: Collections, record_id: str) -> None:
    message = encode_point(point(record_id), WordEncoder())
    collections.update(TURN, UpdateOperation.upsert_points([to_point(TURN, message, DIMENSION)]))


def _records(collections: Collections) -> set[str]:
    return {record for page in collections.records(TURN, to_filter(tenant_key(scope()))) for record in page}


async def test_old_segments_and_a_newer_log_make_the_newest_state(tmp_path: Path) -> None:
    """Writes, replacements and deletes since the last checkpoint are repeated from the log."""
    live, left = tmp_path / "live", tmp_path / "left"
    live.mkdir()
    collections = Collections(live)
    collections.prepare(IndexModel(name=MODEL, dimension=DIMENSION))
    for number in range(20):
        _write(collections, f"old{number}")
    collections.flush([TURN])
    shutil.copytree(live, left)
    for number in range(20):
        _write(collections, f"new{number}")
    _write(collections, "old1")
    collections.update(TURN, UpdateOperation.delete_points([point_id(TURN, scope(), "old0")]))
    await collections.sync_logs([TURN])
    shutil.rmtree(left / LOG)
    shutil.copytree(live / LOG, left / LOG)
    expected = {f"old{number}" for number in range(1, 20)} | {f"new{number}" for number in range(20)}
    assert expected == _records(collections)
    collections.close()

    after = Collections(left)
    assert expected == _records(after)
    after.close()


def test_the_log_is_synced_while_its_files_get_their_names(tmp_path: Path) -> None:
    """A part of the log that changes its name while the log is synced does no harm."""
    for number in range(20):
        (tmp_path / f"open-{number}").touch()

    def rename() -> None:
        for number in range(500):
            draft = tmp_path / "tmp-open"
            draft.touch()
            draft.rename(tmp_path / f"open-{number % 20}")

    with ThreadPoolExecutor() as pool:
        renaming = pool.submit(rename)
        while not renaming.done():
            sync_files(tmp_path)
    assert {f"open-{number}" for number in range(20)} == {path.name for path in tmp_path.iterdir()}
