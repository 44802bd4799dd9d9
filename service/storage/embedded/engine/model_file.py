"""The note of which embedding model the collections were made for. While there is none there are no collections."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexModel:
    """An embedding model: its *name* and the length of its vectors."""

    name: str
    dimension: int


def read_model(path: Path) -> IndexModel | None:
    """Return the model that was noted at *path*, or None."""
    try:
        return IndexModel(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None


def write_model(path: Path, model: IndexModel) -> None:
    """Note *model*, so that after a crash or a loss of power the file is whole or not there."""
    draft = path.with_suffix(".draft")
    with draft.open("w") as file:
        json.dump(asdict(model), file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    _sync_directory(path.parent)


def forget_model(path: Path) -> None:
    """Remove the note, for good."""
    path.unlink(missing_ok=True)
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
