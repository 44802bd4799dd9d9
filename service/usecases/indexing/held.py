"""Waiting for workers that hold index entries."""

from __future__ import annotations

import asyncio

from service.domain.errors import StorageUnavailable
from service.domain.ids import Scope
from service.domain.ports.work import Outbox

_PATIENCE = 10.0
"""Seconds that a worker's hold on an entry is waited for."""
_PAUSE = 0.02


async def let_workers_end(outbox: Outbox, scope: Scope, held: frozenset[str]) -> None:
    """Return when no worker holds any of the entries *held* of one user. Raises StorageUnavailable after some seconds."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + _PATIENCE
    while held & await outbox.held(scope):
        if clock() >= deadline:
            raise StorageUnavailable(store="index")
        await asyncio.sleep(_PAUSE)
