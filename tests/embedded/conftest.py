"""Directories for embedded servers, on a disk and with short paths."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where a server has its data and its socket."""

    data: Path
    socket: Path


@pytest.fixture
def home() -> Iterator[Home]:
    """Return an empty place, removed afterwards."""
    root = Path(tempfile.mkdtemp(prefix="mn"))
    yield Home(data=root / "data", socket=root / "run" / "server.sock")
    shutil.rmtree(root)
